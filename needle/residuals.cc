#include "needle/residuals.h"

#include "ir/builder.h"
#include "needle/lower.h"
#include "passes/stabilize.h"
#include "passes/vjp.h"

namespace ndl {
namespace {

bool is_costly(const ir::Graph& graph, ir::Value value) {
  switch (graph.op(value)) {
    case ir::Op::kMatmul:
    case ir::Op::kConv:
    case ir::Op::kReduceWindow:
    case ir::Op::kSort:
    case ir::Op::kCumsum:
    case ir::Op::kScatterAdd:
      return true;
    case ir::Op::kCustom:
      return has_costly_ops(*graph.attributes(value).region(ir::Attr::kBody));
    default:
      return false;
  }
}

bool is_loss(const Record& root) {
  return root.is_differentiable() && root.type->shape().num_elements() == 1;
}

}  // namespace

bool has_costly_ops(const ir::Graph& graph) {
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    if (is_costly(graph, {id})) return true;
  }
  return false;
}

std::vector<RecordRef> residuals(std::span<const RecordRef> roots, Garbage& garbage) {
  std::vector<RecordRef> kept;
  for (const RecordRef& root : roots) {
    if (!is_loss(*root)) continue;
    const Lowered lowered = lower({&root, 1}, garbage, {});
    passes::Rewritten stable = passes::stabilize_traced(lowered.graph);
    ir::Graph& graph = stable.graph;
    // Leaves, realized or not, and realized values.
    std::vector<ir::Value> wrt;
    for (std::size_t id = 0; id < lowered.records.size(); ++id) {
      const RecordRef& record = lowered.records[id];
      const bool is_point = record && (record->is_leaf() || record->is_realized());
      if (is_point && record->is_differentiable()) wrt.push_back(stable.values[id]);
    }
    const auto forward = static_cast<std::uint32_t>(graph.size());
    ir::Builder b(graph, ir::BuilderMode::kSimplifying);
    const passes::Seed seed{graph.result(), b.constant_like(graph.result(), 1)};
    passes::add_gradients(b, {&seed, 1}, wrt);

    std::vector<RecordRef> records(forward);
    for (std::size_t id = 0; id < lowered.records.size(); ++id) {
      if (lowered.records[id]) records[stable.values[id].id] = lowered.records[id];
    }
    // What gradients read, and what that is cheaply made of.
    std::vector<bool> is_read(forward);
    for (auto id = forward; id < graph.size(); ++id) {
      for (const ir::Value operand : graph.operands({id})) {
        if (operand.id < forward) is_read[operand.id] = true;
      }
    }
    for (std::uint32_t id = forward; id-- > 0;) {
      if (!is_read[id]) continue;
      if (is_costly(graph, {id}) && records[id] && !records[id]->type->is_tuple()) {
        kept.push_back(records[id]);
        continue;
      }
      for (const ir::Value operand : graph.operands({id})) is_read[operand.id] = true;
    }
  }
  return kept;
}

}  // namespace ndl
