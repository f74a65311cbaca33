// 1. Positions (passes/fusion_positions.h).
// 2. Stages, as early as possible and then as late as possible.
// 3. Groups: members of one stage and one home, cut at the most ops of a kernel, in topological
// order.
#include "passes/fusion_plan.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "passes/fusion_members.h"
#include "passes/fusion_positions.h"

namespace ndl::passes {
namespace {

using ir::Graph;
using ir::Op;
using ir::Value;

constexpr std::uint32_t kNone = FusionPlan::kNone;

class Planner {
 public:
  Planner(const Graph& graph, const CostModel& model);

  FusionPlan plan() const { return plan_; }
  FusionReason reason(Value producer, Value consumer, std::size_t operand) const;

 private:
  void plan_stages();
  void move_to_stages_of_users();
  void leave_absent_roots();
  void plan_groups();

  // Whether a node that follows a root is better off in its kernel than with its users: it is
  // written wherever it is, or takes less memory than what it is made of and nothing else reads
  // later.
  bool stays_early(Value value) const;
  bool may_join_at_another_stage(Value producer, Value consumer) const;
  // Where groups may form.
  using StageAndHome = std::pair<std::uint32_t, std::uint32_t>;
  StageAndHome stage_and_home(Value value) const {
    return {plan_.stage[value.id], positions_.of(value).home};
  }
  bool is_member(Value value) const {
    return positions_.is_live(value) && positions_.of(value).is_member();
  }

  const Graph& graph_;
  const CostModel model_;
  FusionPositions positions_;
  FusionPlan plan_;
  std::vector<bool> is_written_;     // wherever it is
  std::vector<bool> is_read_later_;  // by nodes of later stages, which are not better off early
};

Planner::Planner(const Graph& graph, const CostModel& model)
    : graph_(graph), model_(model), positions_(graph, model) {
  plan_.is_remade = positions_.remade();
  plan_stages();
  leave_absent_roots();
  plan_groups();
}

bool Planner::stays_early(Value value) const {
  if (!positions_.is_bound(value) || !is_map(graph_, value)) return false;
  if (positions_.of(value).place == FusionPosition::kMoved) return true;
  if (is_written_[value.id]) return true;
  const auto operands = graph_.operands(value);
  return std::ranges::any_of(operands, [&](Value operand) {
    return positions_.is_bound(operand) && positions_.of(operand) == positions_.of(value) &&
           !is_read_later_[operand.id] && graph_.type(value).bytes() < graph_.type(operand).bytes();
  });
}

// If the producer leaves its root behind, it is a map over its own space.
bool Planner::may_join_at_another_stage(Value producer, Value consumer) const {
  const FusionPosition at = positions_.of(consumer);
  if (!at.is_member()) return false;
  return at.home == positions_.of(producer).home || positions_.home(at).root == FusionHome::kNoRoot;
}

void Planner::plan_stages() {
  std::vector<std::uint32_t>& stage = plan_.stage;
  stage.resize(graph_.size());
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    positions_.for_each_edge({id}, [&](Value producer, Value consumer, std::size_t k) {
      const std::uint32_t step =
          positions_.is_live({id}) && positions_.joins(producer, consumer, k) ? 0 : 1;
      stage[id] = std::max(stage[id], stage[producer.id] + step);
    });
  }
  const std::vector<std::uint32_t> earliest = stage;
  is_read_later_.assign(graph_.size(), false);
  move_to_stages_of_users();
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    if (!positions_.is_live({id})) continue;
    positions_.for_each_edge({id}, [&](Value producer, Value consumer, std::size_t) {
      if (stage[producer.id] != stage[consumer.id]) is_read_later_[producer.id] = true;
    });
  }
  stage = earliest;
  move_to_stages_of_users();
}

void Planner::move_to_stages_of_users() {
  std::vector<std::uint32_t>& stage = plan_.stage;
  // The earliest user decides.
  is_written_.assign(graph_.size(), false);
  std::vector<std::uint32_t> latest(graph_.size(), kNone);
  for (std::uint32_t id = graph_.size(); id-- > 0;) {
    if (!positions_.is_live({id})) continue;
    if (positions_.of({id}).is_member() && latest[id] != kNone && Value{id} != graph_.result() &&
        !stays_early({id})) {
      stage[id] = latest[id];
    }
    positions_.for_each_edge({id}, [&](Value producer, Value consumer, std::size_t k) {
      if (!may_join_at_another_stage(producer, consumer)) is_written_[producer.id] = true;
      const std::uint32_t step = positions_.joins(producer, consumer, k) ? 0 : 1;
      if (stage[id] >= step) latest[producer.id] = std::min(latest[producer.id], stage[id] - step);
    });
  }
}

// What follows a root, but runs in a later kernel, is a map or a row of its own.
void Planner::leave_absent_roots() {
  std::map<StageAndHome, bool> has_root;
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    if (!is_member({id})) continue;
    has_root[stage_and_home({id})] |= graph_.op({id}) == Op::kReduce || is_root(graph_, {id});
  }
  std::vector<bool> leaves(graph_.size());
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    leaves[id] = is_member({id}) && !has_root[stage_and_home({id})];
  }
  positions_.leave_roots(leaves);
}

void Planner::plan_groups() {
  struct Open {
    std::uint32_t group;
    std::size_t ops;
  };
  std::map<StageAndHome, Open> open;
  plan_.group.assign(graph_.size(), kNone);
  // What is read through another node goes with it.
  std::vector<std::size_t> ops(graph_.size(), 1);
  for (std::uint32_t id = graph_.size(); id-- > 0;) {
    if (!positions_.is_live({id}) || !positions_.of({id}).is_read()) continue;
    ops[positions_.reader(positions_.of({id})).id] += ops[id];
  }
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    const FusionPosition at = positions_.of({id});
    if (!positions_.is_live({id}) || !at.is_member() || at.is_read()) continue;
    const auto [it, is_new] = open.try_emplace(stage_and_home({id}), Open{0, model_.max_ops});
    if (is_new || it->second.ops + ops[id] > model_.max_ops) it->second = {plan_.num_groups++, 0};
    it->second.ops += ops[id];
    plan_.group[id] = it->second.group;
  }
  for (std::uint32_t id = graph_.size(); id-- > 0;) {
    if (!positions_.is_live({id}) || !positions_.of({id}).is_read()) continue;
    plan_.group[id] = plan_.group[positions_.reader(positions_.of({id})).id];
  }
}

FusionReason Planner::reason(Value producer, Value consumer, std::size_t operand) const {
  if (graph_.is_splat(producer)) return FusionReason::kConstant;
  if (is_input(graph_, producer)) return FusionReason::kInput;
  const std::uint32_t group = plan_.group[producer.id];
  if (group == kNone || plan_.group[consumer.id] == kNone) return FusionReason::kAlone;
  if (group == plan_.group[consumer.id]) return FusionReason::kFused;
  if (plan_.is_copied(producer, consumer)) return FusionReason::kNumber;
  const FusionPosition want = positions_.asked(consumer, operand);
  if (!want.is_member() || want.home != positions_.of(producer).home) {
    return want.is_read() ? FusionReason::kUses : FusionReason::kSpace;
  }
  if (want != positions_.of(producer)) return FusionReason::kUses;
  return plan_.stage[producer.id] == plan_.stage[consumer.id] ? FusionReason::kSize
                                                              : FusionReason::kDependence;
}

}  // namespace

FusionPlan plan_fusion(const Graph& graph, const CostModel& model) {
  return Planner(graph, model).plan();
}

std::string_view name_of(FusionReason reason) {
  constexpr std::array<std::string_view, 9> kNames = {
      "fused", "constant", "number", "input", "alone", "space", "uses", "dependence", "size"};
  return kNames[static_cast<std::size_t>(reason)];
}

std::vector<FusionEdge> explain_fusion(const Graph& graph, const CostModel& model) {
  const Planner planner(graph, model);
  const std::vector<bool> live = graph.live_nodes();
  // A value that some other kernel reads is written whoever else reads it.
  std::vector<FusionEdge> edges;
  std::vector<bool> is_written(graph.size());
  is_written[graph.result().id] = true;
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    if (!live[id]) continue;
    const auto operands = graph.operands({id});
    for (std::size_t k = 0; k < operands.size(); ++k) {
      const FusionReason reason = planner.reason(operands[k], {id}, k);
      const bool is_inside = reason == FusionReason::kFused || reason == FusionReason::kNumber;
      if (!is_inside) is_written[operands[k].id] = true;
      edges.push_back({operands[k], {id}, reason, 0});
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

}  // namespace ndl::passes
