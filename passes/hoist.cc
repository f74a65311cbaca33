#include "passes/hoist.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "ir/control_flow.h"
#include "ir/inline_graph.h"
#include "passes/dce.h"
#include "passes/derivative_parameters.h"
#include "passes/loop_products.h"
#include "passes/rebuild.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Attributes;
using ir::Builder;
using ir::Graph;
using ir::Op;
using ir::Value;

bool can_move(const Graph& graph, Value value) {
  const ir::OpDef& def = graph.def(value);
  return !ir::may_fail(def.op) && !def.holds_regions() && def.op != Op::kAfter &&
         !graph.type(value).is_tuple();
}

// The nodes of a region that are the same in every step: `first_fixed` is the first parameter that
// stays.
class FixedNodes {
 public:
  FixedNodes(const Graph& region, std::size_t first_fixed)
      : region_(region), kinds_(region.size(), Kind::kChanges) {
    for (std::uint32_t id = 0; id < region.size(); ++id) {
      const Value value{id};
      if (region.op(value) == Op::kParameter) {
        if (id >= first_fixed) kinds_[id] = Kind::kFixed;
        continue;
      }
      if (!can_move(region, value)) continue;
      bool is_fixed = false;
      bool changes = false;
      for (const Value operand : region.operands(value)) {
        is_fixed = is_fixed || kinds_[operand.id] == Kind::kFixed;
        changes = changes || kinds_[operand.id] == Kind::kChanges;
      }
      if (!changes) kinds_[id] = is_fixed ? Kind::kFixed : Kind::kConstant;
    }
  }

  // What is worth to be computed before the loop: fixed nodes that others read.
  std::vector<Value> worth_moving() const {
    std::vector<bool> is_worth(region_.size());
    const std::vector<bool> live = region_.live_nodes();
    const auto add = [&](Value value) {
      if (kinds_[value.id] != Kind::kFixed) return;
      while (costs_nothing(region_.op(value))) {
        // Of operands that are fixed or constant, these ops have one.
        value = region_.operand(value, 0);
      }
      if (region_.op(value) != Op::kParameter) is_worth[value.id] = true;
    };
    for (std::uint32_t id = 0; id < region_.size(); ++id) {
      if (!live[id] || kinds_[id] != Kind::kChanges) continue;
      for (const Value operand : region_.operands({id})) add(operand);
    }
    add(region_.result());
    std::vector<Value> values;
    for (std::uint32_t id = 0; id < region_.size(); ++id) {
      if (is_worth[id]) values.push_back({id});
    }
    return values;
  }

 private:
  enum class Kind : std::uint8_t { kChanges, kConstant, kFixed };

  const Graph& region_;
  std::vector<Kind> kinds_;
};

// Adds the nodes that `values` of the region need, for these operands, before the loop.
std::vector<Value> compute_before(Builder& b, const Graph& region, std::span<const Value> operands,
                                  const std::vector<Value>& values) {
  ir::NodeMap mapped(region.size());
  std::ranges::copy(operands, mapped.begin());
  ir::clone_needed(b, region, values, mapped);
  std::vector<Value> results;
  for (const Value value : values) results.push_back(*mapped[value.id]);
  return results;
}

// The region with parameters more, of these types, of which those from `first` on stand for
// `values`.
ir::Region with_parameters(const Graph& region, const std::vector<ir::Type>& types,
                           std::size_t first, const std::vector<Value>& values) {
  auto graph = std::make_shared<Graph>(region.name());
  Builder b(*graph);
  ir::NodeMap mapped(region.size());
  std::ranges::copy(clone_parameters(b, region).all, mapped.begin());
  std::vector<Value> added;
  for (const ir::Type& type : types) added.push_back(b.parameter(type));
  for (std::size_t i = 0; i < values.size(); ++i) mapped[values[i].id] = added[first + i];
  const Value result = region.result();
  ir::clone_needed(b, region, {&result, 1}, mapped);
  b.set_result(*mapped[result.id]);
  return graph;
}

Value hoisted_loop(Builder& b, const Graph& source, Value loop, std::span<const Value> operands,
                   Attributes attributes, const PassContext& context) {
  const std::size_t first_fixed = ir::region_parameters(source, loop).first_fixed();
  std::vector<Value> all(operands.begin(), operands.end());
  std::vector<ir::Type> types;  // of what is added
  struct Moved {
    Attr name;
    std::size_t first;
    std::vector<Value> values;
  };
  std::vector<Moved> moved;
  for (const ir::AttrDef& attr : source.def(loop).attributes) {
    if (attr.kind != ir::AttrKind::kRegion) continue;
    const Graph& region = *attributes.region(attr.name);
    moved.push_back({attr.name, types.size(), FixedNodes(region, first_fixed).worth_moving()});
    for (const Value value : compute_before(b, region, operands, moved.back().values)) {
      all.push_back(value);
      types.push_back(b.type(value));
    }
  }
  for (const Moved& m : moved) {
    attributes.set(m.name, with_parameters(*attributes.region(m.name), types, m.first, m.values));
  }
  if (source.op(loop) != Op::kScan) return b.add_node(source.op(loop), all, std::move(attributes));
  return scan_with_products_outside(b, std::move(attributes), std::move(all), context);
}

}  // namespace

Graph run_hoist(const Graph& source, const PassContext& context) {
  if (!ir::has_control_flow(source)) return source;
  const auto build = [&](Builder& b, Value value, std::span<const Value> operands) {
    const Op op = source.op(value);
    // Loops that were may have become tuples of what is in several places now.
    if (op == Op::kGetTupleElement && b.graph().op(operands[0]) == Op::kMakeTuple) {
      const std::int64_t index = source.attributes(value).integer(Attr::kIndex);
      return b.graph().operand(operands[0], static_cast<std::size_t>(index));
    }
    if (!ir::is_control_flow(op)) return b.clone(source, value, operands);
    const Attributes inside = map_regions(
        source.attributes(value), [&](const Graph& region) { return run_hoist(region, context); });
    if (op == Op::kCond) return b.add_node(op, operands, inside);
    return hoisted_loop(b, source, value, operands, inside, context);
  };
  return remove_dead_nodes(rebuild(source, ir::BuilderMode::kRaw, build));
}

}  // namespace ndl::passes
