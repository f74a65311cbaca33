// 1. Stages, as early as possible: a node comes a stage after an operand that is in another group.
// 2. Stages, as late as possible: a member moves down to its users, so that it can join them.
// 3. Groups: members of one stage and one iteration space, cut at max_ops in topological order.
// 4. The new graph, stage by stage: a group of several ops becomes a fusion.
#include "passes/fuse.h"

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <unordered_map>

#include "base/error.h"
#include "base/hash.h"
#include "base/number.h"
#include "ir/builder.h"
#include "passes/dce.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Builder;
using ir::Graph;
using ir::Op;
using ir::Value;

constexpr std::uint32_t kNone = FusionPlan::kNone;

bool is_splat(const Graph& graph, Value value) {
  return graph.op(value) == Op::kConstant &&
         graph.attributes(value).literal(Attr::kValue).is_splat();
}

bool is_member(const Graph& graph, Value value) {
  switch (graph.op(value)) {
    case Op::kConvert:
    case Op::kBitcast:
    case Op::kBroadcast:
    case Op::kIota:
      return true;
    default:
      return graph.def(value).is_elementwise();
  }
}

// What is there before anything runs.
bool is_input(const Graph& graph, Value value) {
  return graph.op(value) == Op::kParameter || graph.op(value) == Op::kConstant;
}

// Whether the two ends of an edge may be in one group: members over one iteration space.
bool may_join(const Graph& graph, Value producer, Value consumer) {
  return is_member(graph, producer) && is_member(graph, consumer) &&
         graph.type(producer).shape() == graph.type(consumer).shape();
}

std::vector<std::uint32_t> plan_stages(const Graph& graph, const std::vector<bool>& live) {
  std::vector<std::uint32_t> stage(graph.size());
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    for (const Value operand : graph.operands({id})) {
      if (is_input(graph, operand)) continue;
      const std::uint32_t step = may_join(graph, operand, {id}) ? 0 : 1;
      stage[id] = std::max(stage[id], stage[operand.id] + step);
    }
  }
  // The earliest user decides; what nobody uses but the result stays.
  std::vector<std::uint32_t> latest(graph.size(), kNone);
  for (std::size_t id = graph.size(); id-- > 0;) {
    const Value value{static_cast<std::uint32_t>(id)};
    if (!live[id]) continue;
    if (is_member(graph, value) && latest[id] != kNone && value != graph.result()) {
      stage[id] = latest[id];
    }
    for (const Value operand : graph.operands(value)) {
      const std::uint32_t step = may_join(graph, operand, value) ? 0 : 1;
      if (stage[id] >= step) latest[operand.id] = std::min(latest[operand.id], stage[id] - step);
    }
  }
  return stage;
}

// The key of a group before it is cut: a stage and an iteration space.
struct Space {
  std::uint32_t stage;
  ir::Dims dims;
  bool operator==(const Space&) const = default;
};
struct HashSpace {
  std::size_t operator()(const Space& space) const {
    std::size_t seed = space.stage;
    for (const std::int64_t dim : space.dims) hash_combine(seed, static_cast<std::size_t>(dim));
    return seed;
  }
};

// Builds the new graph.
class Fuser {
 public:
  Fuser(const Graph& source, const FusionPlan& plan) : source_(source), plan_(plan) {}
  Graph run();

 private:
  void add_fusion(Builder& builder, const std::vector<Value>& members);
  Value clone(Builder& builder, Value value);

  const Graph& source_;
  const FusionPlan& plan_;
  std::vector<Value> mapped_;
  std::vector<bool> leaves_group_;  // used by another group, or the result
};

Value Fuser::clone(Builder& builder, Value value) {
  std::vector<Value> operands;
  for (const Value operand : source_.operands(value)) operands.push_back(mapped_[operand.id]);
  return builder.clone(source_, value, operands);
}

void Fuser::add_fusion(Builder& builder, const std::vector<Value>& members) {
  auto body = std::make_shared<Graph>("body");
  Builder inside(*body);
  std::unordered_map<std::uint32_t, Value> local;
  std::vector<Value> operands;
  // Parameters first: what comes from outside and is no splat, in the order it is read.
  for (const Value member : members) {
    for (const Value operand : source_.operands(member)) {
      const bool outside = plan_.group[operand.id] != plan_.group[member.id];
      if (!outside || is_splat(source_, operand) || local.contains(operand.id)) continue;
      local[operand.id] = inside.parameter(source_.type(operand), source_.name(operand));
      operands.push_back(mapped_[operand.id]);
    }
  }
  std::vector<Value> outputs;
  for (const Value member : members) {
    std::vector<Value> arguments;
    for (const Value operand : source_.operands(member)) {
      if (!local.contains(operand.id)) local[operand.id] = inside.clone(source_, operand, {});
      arguments.push_back(local[operand.id]);
    }
    local[member.id] = inside.clone(source_, member, arguments);
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

Graph Fuser::run() {
  const std::vector<bool> live = source_.live_nodes();
  std::vector<std::vector<Value>> members(plan_.num_groups);
  leaves_group_.resize(source_.size());
  leaves_group_[source_.result().id] = true;
  std::vector<Value> units;  // nodes that stand for themselves, and the first node of each group
  for (std::uint32_t id = 0; id < source_.size(); ++id) {
    if (!live[id]) continue;
    const Value value{id};
    for (const Value operand : source_.operands(value)) {
      if (plan_.group[operand.id] == kNone || plan_.group[operand.id] != plan_.group[id]) {
        leaves_group_[operand.id] = true;
      }
    }
    const std::uint32_t group = plan_.group[id];
    if (group == kNone || members[group].empty()) units.push_back(value);
    if (group != kNone) members[group].push_back(value);
  }
  // Inputs first; then edges between units lead from stage to stage.
  std::ranges::stable_sort(units, {}, [&](Value value) {
    return is_input(source_, value) ? std::int64_t{-1} : std::int64_t{plan_.stage[value.id]};
  });

  Graph result(source_.name());
  Builder builder(result);
  mapped_.resize(source_.size());
  for (const Value unit : units) {
    const std::uint32_t group = plan_.group[unit.id];
    if (group != kNone && members[group].size() > 1) {
      add_fusion(builder, members[group]);
    } else {
      mapped_[unit.id] = clone(builder, unit);
    }
  }
  builder.set_result(mapped_[source_.result().id]);
  return remove_dead_nodes(result);  // constants that were copied into every body
}

FusionReason reason_of(const Graph& graph, const FusionPlan& plan, Value producer, Value consumer) {
  if (is_splat(graph, producer)) return FusionReason::kConstant;
  if (is_input(graph, producer)) return FusionReason::kInput;
  if (!is_member(graph, producer) || !is_member(graph, consumer)) {
    return FusionReason::kNotElementwise;
  }
  if (!may_join(graph, producer, consumer)) return FusionReason::kShape;
  if (plan.group[producer.id] == plan.group[consumer.id]) return FusionReason::kFused;
  return plan.stage[producer.id] == plan.stage[consumer.id] ? FusionReason::kSize
                                                            : FusionReason::kDependence;
}

}  // namespace

FusionPlan plan_fusion(const Graph& graph, std::size_t max_ops) {
  FusionPlan plan;
  const std::vector<bool> live = graph.live_nodes();
  plan.stage = plan_stages(graph, live);
  plan.group.assign(graph.size(), kNone);
  struct Open {
    std::uint32_t group;
    std::size_t ops;
  };
  std::unordered_map<Space, Open, HashSpace> open;
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    const Value value{id};
    if (!live[id] || !is_member(graph, value)) continue;
    const auto [it, is_new] =
        open.try_emplace({plan.stage[id], graph.type(value).shape().dims()}, Open{0, max_ops});
    if (it->second.ops == max_ops) it->second = {plan.num_groups++, 0};
    ++it->second.ops;
    plan.group[id] = it->second.group;
  }
  return plan;
}

std::string_view name_of(FusionReason reason) {
  constexpr std::array<std::string_view, 7> kNames = {
      "fused", "constant", "input", "not-elementwise", "shape", "dependence", "size"};
  return kNames[static_cast<std::size_t>(reason)];
}

std::vector<FusionEdge> explain_fusion(const Graph& graph, std::size_t max_ops) {
  const FusionPlan plan = plan_fusion(graph, max_ops);
  const std::vector<bool> live = graph.live_nodes();
  // A value that some other kernel reads is written whoever else reads it.
  std::vector<FusionEdge> edges;
  std::vector<bool> is_written(graph.size());
  is_written[graph.result().id] = true;
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    if (!live[id]) continue;
    for (const Value operand : graph.operands({id})) {
      const FusionReason reason = reason_of(graph, plan, operand, {id});
      if (reason != FusionReason::kFused) is_written[operand.id] = true;
      edges.push_back({operand, {id}, reason, 0});
    }
  }
  std::vector<bool> counted(graph.size());
  for (FusionEdge& edge : edges) {
    if (edge.reason != FusionReason::kFused) continue;
    const std::int64_t bytes = graph.type(edge.producer).bytes();
    edge.bytes_saved = bytes;  // not read
    if (!is_written[edge.producer.id] && !counted[edge.producer.id]) edge.bytes_saved += bytes;
    counted[edge.producer.id] = true;
  }
  return edges;
}

std::size_t max_ops_option(const std::map<std::string, std::string, std::less<>>& options) {
  const auto it = options.find("max-ops");
  const std::string_view text = it == options.end() ? kDefaultFusionMaxOps : it->second;
  std::int64_t value = 0;
  if (from_text(text, value) != NumberError::kNone || value < 1) {
    throw_error<UsageError>("fuse: max-ops must be a positive integer, got '{}'", text);
  }
  return static_cast<std::size_t>(value);
}

Graph run_fuse(const Graph& graph, const PassContext& context) {
  return Fuser(graph, plan_fusion(graph, max_ops_option(context.options))).run();
}

}  // namespace ndl::passes
