// 1. Units: groups of the plan, and nodes that stand for themselves.
// 2. The new graph, a unit after those it needs: a group of several ops becomes a fusion.
#include "passes/fuse.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <queue>
#include <ranges>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "ir/builder.h"
#include "passes/cost_model.h"
#include "passes/dce.h"
#include "passes/fusion_members.h"
#include "passes/fusion_plan.h"
#include "passes/rebuild.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Builder;
using ir::Graph;
using ir::Op;
using ir::Value;

constexpr std::uint32_t kNone = FusionPlan::kNone;

// Builds the new graph.
class Fuser {
 public:
  Fuser(const Graph& source, const FusionPlan& plan) : source_(source), plan_(plan) {}
  Graph run();

 private:
  std::vector<std::vector<Value>> ordered_units() const;
  std::vector<Value> needed_members(const std::vector<Value>& members) const;
  void add_fusion(Builder& builder, const std::vector<Value>& all_members);
  Value clone(Builder& builder, Value value);
  Value mapped(Value value) const {
    NDL_CHECK(mapped_[value.id].id != kNone, "%{} is read before it is there", value.id);
    return mapped_[value.id];
  }
  // What a fusion reads from outside. A renamed input that a copy reads is no one's to wait for.
  Value outside(Builder& builder, Value value);
  // f(value) for what the fusion reads from outside, in the order it is read.
  template <class F>
  void for_each_input(Value member, F&& f) const;

  const Graph& source_;
  const FusionPlan& plan_;
  std::vector<Value> mapped_;
  std::vector<bool> leaves_group_;  // used by another group, or the result
};

Value Fuser::clone(Builder& builder, Value value) {
  std::vector<Value> operands;
  for (const Value operand : source_.operands(value)) operands.push_back(mapped(operand));
  return builder.clone(source_, value, operands);
}

Value Fuser::outside(Builder& builder, Value value) {
  const bool is_there = mapped_[value.id].id != kNone;
  if (!is_there && is_renamed_input(source_, value)) mapped_[value.id] = clone(builder, value);
  return mapped(value);
}

template <class F>
void Fuser::for_each_input(Value member, F&& f) const {
  for (const Value operand : source_.operands(member)) {
    if (plan_.is_copied(operand, member)) {
      std::vector<Value> pending = {operand};
      while (!pending.empty()) {
        const Value next = pending.back();
        pending.pop_back();
        if (plan_.is_remade[next.id]) {
          for (const Value x : source_.operands(next)) pending.push_back(x);
        } else if (!source_.is_splat(next)) {
          f(next);
        }
      }
    } else if (plan_.group[operand.id] != plan_.group[member.id] && !source_.is_splat(operand)) {
      f(operand);
    }
  }
}

// Without what every reader makes again.
std::vector<Value> Fuser::needed_members(const std::vector<Value>& members) const {
  std::unordered_set<std::uint32_t> needed;
  std::vector<Value> result;
  for (const Value member : std::views::reverse(members)) {
    if (!leaves_group_[member.id] && !needed.contains(member.id)) continue;
    result.push_back(member);
    for (const Value operand : source_.operands(member)) needed.insert(operand.id);
  }
  std::ranges::reverse(result);
  return result;
}

void Fuser::add_fusion(Builder& builder, const std::vector<Value>& all_members) {
  const std::vector<Value> members = needed_members(all_members);
  if (members.empty()) return;
  auto body = std::make_shared<Graph>("body");
  Builder inside(*body);
  std::unordered_map<std::uint32_t, Value> local;
  std::vector<Value> operands;
  // Parameters first.
  for (const Value member : members) {
    for_each_input(member, [&](Value x) {
      if (local.contains(x.id)) return;
      local[x.id] = inside.parameter(source_.type(x), source_.name(x));
      operands.push_back(outside(builder, x));
    });
  }
  std::vector<Value> outputs;
  for (const Value member : members) {
    // What is made again is made of few ops, so this is not deep.
    const auto make = [&](const auto& self, Value value) -> Value {
      std::vector<Value> arguments;
      for (const Value operand : source_.operands(value)) {
        if (!local.contains(operand.id)) local[operand.id] = self(self, operand);
        arguments.push_back(local[operand.id]);
      }
      return inside.clone(source_, value, arguments);
    };
    local[member.id] = make(make, member);
    if (leaves_group_[member.id]) outputs.push_back(member);
  }
  if (outputs.size() == 1) {
    inside.set_result(local[outputs.front().id]);
    mapped_[outputs.front().id] = builder.fusion(operands, std::move(body));
    return;
  }
  std::vector<Value> results;
  for (const Value output : outputs) results.push_back(local[output.id]);
  inside.set_result(inside.make_tuple(results));
  const Value tuple = builder.fusion(operands, std::move(body));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    mapped_[outputs[i].id] = builder.get_tuple_element(tuple, static_cast<std::int64_t>(i));
  }
}

// Units in an order in which each comes after those it reads; of several that may come next the one
// of the earliest stage, then of the first node.
std::vector<std::vector<Value>> Fuser::ordered_units() const {
  const std::vector<bool> live = source_.live_nodes();
  std::vector<std::vector<Value>> units;
  std::vector<std::uint32_t> unit_of(source_.size(), kNone);
  std::vector<std::uint32_t> unit_of_group(plan_.num_groups, kNone);
  for (std::uint32_t id = 0; id < source_.size(); ++id) {
    if (!live[id]) continue;
    const std::uint32_t group = plan_.group[id];
    if (group != kNone && unit_of_group[group] != kNone) {
      unit_of[id] = unit_of_group[group];
    } else {
      unit_of[id] = static_cast<std::uint32_t>(units.size());
      if (group != kNone) unit_of_group[group] = unit_of[id];
      units.emplace_back();
    }
    units[unit_of[id]].push_back({id});
  }
  std::vector<std::vector<std::uint32_t>> users(units.size());
  std::vector<std::size_t> waits(units.size());
  for (std::uint32_t id = 0; id < source_.size(); ++id) {
    if (!live[id]) continue;
    for (const Value operand : source_.operands({id})) {
      if (unit_of[operand.id] == unit_of[id] || plan_.is_copied(operand, {id})) continue;
      users[unit_of[operand.id]].push_back(unit_of[id]);
      ++waits[unit_of[id]];
    }
  }
  using Key = std::tuple<std::int64_t, std::uint32_t, std::uint32_t>;
  std::priority_queue<Key, std::vector<Key>, std::greater<>> ready;
  const auto make_ready = [&](std::uint32_t unit) {
    const Value first = units[unit].front();
    const std::int64_t stage = is_input(source_, first) ? -1 : std::int64_t{plan_.stage[first.id]};
    ready.push({stage, first.id, unit});
  };
  for (std::uint32_t unit = 0; unit < units.size(); ++unit) {
    if (waits[unit] == 0) make_ready(unit);
  }
  std::vector<std::vector<Value>> ordered;
  while (!ready.empty()) {
    const std::uint32_t unit = std::get<2>(ready.top());
    ready.pop();
    ordered.push_back(std::move(units[unit]));
    for (const std::uint32_t user : users[unit]) {
      if (--waits[user] == 0) make_ready(user);
    }
  }
  NDL_CHECK(ordered.size() == units.size(), "groups that depend on each other");
  return ordered;
}

Graph Fuser::run() {
  const std::vector<bool> live = source_.live_nodes();
  leaves_group_.resize(source_.size());
  leaves_group_[source_.result().id] = true;
  for (std::uint32_t id = 0; id < source_.size(); ++id) {
    if (!live[id]) continue;
    for (const Value operand : source_.operands({id})) {
      if (plan_.is_copied(operand, {id})) continue;
      if (plan_.group[operand.id] == kNone || plan_.group[operand.id] != plan_.group[id]) {
        leaves_group_[operand.id] = true;
      }
    }
  }
  Graph result(source_.name());
  Builder builder(result);
  mapped_.assign(source_.size(), Value{kNone});
  for (const std::vector<Value>& unit : ordered_units()) {
    const Value first = unit.front();
    const bool has_copies = std::ranges::any_of(source_.operands(first),
                                                [&](Value x) { return plan_.is_copied(x, first); });
    if (unit.size() > 1 || has_copies) {
      add_fusion(builder, unit);
    } else if (mapped_[first.id].id == kNone) {
      mapped_[first.id] = clone(builder, first);
    }
  }
  builder.set_result(mapped(source_.result()));
  return remove_dead_nodes(result);  // constants that were copied into every body
}

}  // namespace

Graph run_fuse(const Graph& graph, const PassContext& context) {
  const CostModel model = cost_model(context.options);
  const auto fused = [&](const Graph& source) {
    return Fuser(source, plan_fusion(source, model)).run();
  };
  if (!ir::has_control_flow(graph)) return fused(graph);
  return fused(
      map_control_regions(graph, [&](const Graph& region) { return run_fuse(region, context); }));
}

}  // namespace ndl::passes
