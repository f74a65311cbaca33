// Control flow: a launch that runs schedules of its own, once or again and again.
#include <algorithm>
#include <utility>
#include <vector>

#include "codegen/graph_lowering.h"
#include "codegen/lower_graph.h"
#include "ir/control_flow.h"
#include "ir/inline_graph.h"

namespace ndl::codegen {

using ir::Attr;
using ir::Attributes;
using ir::Graph;
using ir::Op;
using ir::Value;

namespace {

runtime::ControlCall control_call(const Graph& graph, Value value) {
  const Attributes& attributes = graph.attributes(value);
  const ir::RegionParameters parameters = ir::region_parameters(graph, value);
  runtime::ControlCall call;
  call.states = parameters.states;
  call.scanned = parameters.scanned;
  switch (graph.op(value)) {
    case Op::kWhile:
      call.kind = runtime::ControlKind::kWhile;
      call.length = attributes.integer(Attr::kLimit);
      break;
    case Op::kScan:
      call.kind = runtime::ControlKind::kScan;
      call.length = attributes.integer(Attr::kLength);
      call.is_reverse = attributes.boolean(Attr::kReverse);
      break;
    default:
      call.kind = runtime::ControlKind::kCond;
  }
  return call;
}

// Of each state of a scan, the stacked result that is the same value in each step; -1 for none.
std::vector<std::int32_t> rows_of_states(const Graph& body, std::size_t states) {
  std::vector<std::int32_t> rows(states, -1);
  const std::vector<Value> parts = ir::result_parts(body);
  // The result may be a tuple that an op inside gives.
  if (parts.size() != body.result_type().elements().size()) return rows;
  for (std::size_t i = 0; i < states; ++i) {
    const auto row =
        std::find(parts.begin() + static_cast<std::ptrdiff_t>(states), parts.end(), parts[i]);
    if (row != parts.end()) rows[i] = static_cast<std::int32_t>(row - parts.begin());
  }
  return rows;
}

// The body with these of its results.
Graph with_results(const Graph& body, const std::vector<std::size_t>& results) {
  const std::vector<Value> parts = ir::result_parts(body);
  std::vector<Value> kept;
  for (const std::size_t r : results) kept.push_back(parts[r]);
  return ir::with_results(body, kept);
}

}  // namespace

Buffers GraphLowering::lower_control(const Graph& graph, Value value, const Buffers& operands) {
  auto control = std::make_shared<ControlFlow>();
  control->name = graph.def(value).name;
  control->call = control_call(graph, value);
  control->call.operands = operands.size();
  runtime::ControlCall& call = control->call;
  const Buffers results = temporaries(graph.type(value));
  if (call.kind == runtime::ControlKind::kScan) {
    call.rows = rows_of_states(*graph.attributes(value).region(Attr::kBody), call.states);
  }
  for (std::size_t r = 0; r < results.size(); ++r) {
    const bool is_in_row = r < call.rows.size() && call.rows[r] >= 0;
    if (!is_in_row) call.outputs.push_back(r);
  }
  for (const ir::AttrDef& attr : graph.def(value).attributes) {
    if (attr.kind != ir::AttrKind::kRegion) continue;
    const Graph& region = *graph.attributes(value).region(attr.name);
    const bool is_whole = call.outputs.size() == results.size();
    control->regions.push_back(lower_graph(is_whole ? region : with_results(region, call.outputs)));
  }
  Buffers buffers = operands;
  buffers.insert(buffers.end(), results.begin(), results.end());
  const auto add_memory = [&](const ir::TensorType& type) {
    buffers.push_back(temporary(type));
    return static_cast<std::int32_t>(buffers.size()) - 1;
  };
  if (graph.op(value) == Op::kWhile) add_memory({DType::kBool, {}});
  const Schedule& body = control->regions.back();
  call.alternates.assign(call.states, -1);
  for (std::size_t k = 0; k < call.outputs.size() && call.outputs[k] < call.states; ++k) {
    const std::size_t i = call.outputs[k];
    const bool is_in_place = body.outputs_over[k] == static_cast<std::int32_t>(i);
    if (!is_in_place) call.alternates[i] = add_memory(type(results[i]));
  }
  schedule_.launches.push_back(
      {.buffers = std::move(buffers), .kind = LaunchKind::kControl, .control = std::move(control)});
  return results;
}

}  // namespace ndl::codegen
