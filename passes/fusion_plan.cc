// 1. Positions from the operands down: what follows a reduction or a contraction stays with it.
// 2. Positions from the users up: what is asked for at one position only moves there.
// 3. Stages, as early as possible and then as late as possible.
// 4. Groups: members of one stage and one home, cut at the most ops of a kernel, in topological
// order.
#include "passes/fusion_plan.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "ir/attributes.h"
#include "passes/fusion_home.h"
#include "passes/fusion_members.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::Shape;
using ir::Value;

constexpr std::uint32_t kNone = FusionPlan::kNone;

struct Position {
  std::uint32_t home = kNone;  // no member
  std::uint32_t place = 0;     // kWhole, kRow, kMoved, or the number of a read through a moving op
  bool operator==(const Position&) const = default;
};
constexpr std::uint32_t kWhole = 0;
constexpr std::uint32_t kRow = 1;
constexpr std::uint32_t kMoved = 2;  // written at another place than it is computed for
constexpr std::uint32_t kFirstRead = 3;

class Planner {
 public:
  Planner(const Graph& graph, const CostModel& model);

  FusionPlan plan() const { return plan_; }
  FusionReason reason(Value producer, Value consumer, std::size_t operand) const;

 private:
  void choose_axes();
  void stay_with_roots();
  void move_to_users();
  void write_where_moved();
  void plan_stages();
  void move_to_stages_of_users();
  void leave_absent_roots();
  void plan_groups();

  std::uint32_t home_id(FusionHome home);
  // Of a map that may have lanes along all axes from that on.
  std::uint32_t home_of(const Shape& space, std::size_t first_flat_axis);
  std::size_t first_flat_axis(Value value) const;
  bool may_be(Value value, const Position& at) const {
    if (at.home == kNone) return false;
    // Products whose operands are found by indices are not tiled.
    const bool has_indices =
        graph_.op(value) == Op::kGather || graph_.op(value) == Op::kDynamicSlice;
    const std::optional<MatmulRead> read = matmul_read(at);
    if (read && (has_indices || (!is_packed(*read) && !moves_in_place(graph_, value))))
      return false;
    return at.place != kWhole || first_flat_axis_[value.id] <= homes_[at.home].first_merged_axis();
  }
  FusionHome home_of_reduce(Value reduce) const {
    return {graph_.type(graph_.operand(reduce, 0)).shape().dims(),
            graph_.attributes(reduce).integers(Attr::kAxes)};
  }
  bool has_elements(Value value) const {
    return !graph_.type(value).is_tuple() && graph_.type(value).shape().num_elements() != 0;
  }
  std::optional<Position> inherited(Value value, Value operand) const;
  // Where a node wants its operand; no home for one that it reads from memory.
  Position asked(Value value, std::size_t operand) const;
  bool joins(Value producer, Value consumer, std::size_t operand) const {
    const Position want = asked(consumer, operand);
    return want.home != kNone && want == positions_[producer.id];
  }
  // An operand of a matmul, each element of which is read many times.
  struct MatmulRead {
    Value matmul;
    std::size_t operand;
  };
  // Whether it is laid out anew anyway.
  bool is_packed(const MatmulRead& read) const;
  // Whether it is as well computed where it is read: it is packed, or is only moved.
  bool is_read_for_nothing(const MatmulRead& read) const;
  // The read that a position is of, at once or through other ops.
  std::optional<MatmulRead> matmul_read(const Position& at) const;
  // Whether a node that follows a root is better off in its kernel than with its users: it is
  // written wherever it is, or takes less memory than what it is made of and nothing else reads
  // later.
  bool stays_early(Value value) const;
  bool may_join_at_another_stage(Value producer, Value consumer) const;
  // f(producer, consumer, operand number) for all operands of a node that it waits for.
  template <class F>
  void for_each_edge(std::uint32_t id, F&& f) const {
    const auto operands = graph_.operands({id});
    for (std::size_t k = 0; k < operands.size(); ++k) {
      if (is_input(graph_, operands[k])) continue;
      if (plan_.is_remade[operands[k].id] && positions_[id].home != kNone) continue;
      f(operands[k], Value{id}, k);
    }
  }

  const Graph& graph_;
  const CostModel model_;
  const std::vector<bool> live_;
  FusionPlan plan_;
  std::vector<FusionHome> homes_;
  std::map<FusionHome, std::uint32_t> home_ids_;
  std::map<Dims, Dims> axes_;        // that kernels over a space reduce
  std::vector<Position> positions_;  // of each node
  std::vector<bool> is_bound_;       // to what it follows
  std::vector<bool> is_written_;     // wherever it is
  std::vector<bool> is_read_later_;  // by nodes of later stages, which are not better off early
  std::vector<std::size_t> first_flat_axis_;
  std::vector<std::uint32_t> first_read_;  // of each node that moves elements
  std::vector<std::uint32_t> reader_;      // of each read, the node that makes it
};

Planner::Planner(const Graph& graph, const CostModel& model)
    : graph_(graph),
      model_(model),
      live_(graph.live_nodes()),
      positions_(graph.size()),
      is_bound_(graph.size()),
      first_flat_axis_(graph.size()),
      first_read_(graph.size(), kNone) {
  plan_.is_remade = find_remade(graph);
  choose_axes();
  stay_with_roots();
  move_to_users();
  write_where_moved();
  plan_stages();
  leave_absent_roots();
  plan_groups();
}

std::uint32_t Planner::home_id(FusionHome home) {
  const auto [it, is_new] = home_ids_.try_emplace(std::move(home), homes_.size());
  if (is_new) homes_.push_back(it->first);
  return it->second;
}

std::uint32_t Planner::home_of(const Shape& space, std::size_t first_flat_axis) {
  const auto it = axes_.find(space.dims());
  FusionHome home{space.dims(), it == axes_.end() ? Dims() : it->second};
  if (first_flat_axis > home.first_merged_axis()) home.axes.clear();
  return home_id(std::move(home));
}

// The axis from which on the elements of a map are read as if the axes were one.
std::size_t Planner::first_flat_axis(Value value) const {
  const Shape& space = graph_.type(value).shape();
  switch (graph_.op(value)) {
    case Op::kRngBits:
      return 0;
    case Op::kConvert:
    case Op::kBitcast:
      break;
    case Op::kBroadcast: {
      const Shape& x = graph_.type(graph_.operand(value, 0)).shape();
      bool all_ones = true;
      bool all_equal = true;
      for (std::size_t axis = space.rank(); axis-- > 0;) {
        const std::size_t added = space.rank() - x.rank();
        const std::int64_t extent = axis < added ? 1 : x[axis - added];
        all_ones = all_ones && extent == 1;
        all_equal = all_equal && extent == space[axis];
        if (!all_ones && !all_equal) return axis + 1;
      }
      return 0;
    }
    default:
      if (!graph_.def(value).is_elementwise()) return space.rank();
  }
  std::size_t first = 0;
  for (const Value operand : graph_.operands(value)) {
    first = std::max(first, first_flat_axis_[operand.id]);
  }
  return first;
}

// Over each space the axes that most reduces take, of equally many the last.
void Planner::choose_axes() {
  std::map<Dims, std::map<Dims, int>> counts;
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    if (!live_[id] || graph_.op({id}) != Op::kReduce || !has_elements(graph_.operand({id}, 0))) {
      continue;
    }
    const FusionHome home = home_of_reduce({id});
    if (!home.has_few_rows()) ++counts[home.space][home.axes];
  }
  for (const auto& [space, by_axes] : counts) {
    axes_[space] = std::ranges::max_element(by_axes, [](auto& a, auto& b) {
                     return a.second <= b.second;
                   })->first;
  }
}

// The position of a node that goes on with what its operand's kernel has.
std::optional<Position> Planner::inherited(Value value, Value operand) const {
  const Position at = positions_[operand.id];
  if (at.home == kNone) return std::nullopt;
  const FusionHome& home = homes_[at.home];
  switch (graph_.op(value)) {
    case Op::kBroadcast:
      if (at.place != kRow || home.space != graph_.type(value).shape().dims()) return std::nullopt;
      if (!home.row_fits_cache(model_) || !home.is_row_broadcast(graph_.type(operand).shape())) {
        return std::nullopt;
      }
      return Position{at.home, kWhole};
    case Op::kReshape:
      if (at.place != kRow) return std::nullopt;
      return at;
    case Op::kConvert:
    case Op::kBitcast:
      break;
    default:
      if (!graph_.def(value).is_elementwise()) return std::nullopt;
  }
  if (at.place == kRow || is_bound_[operand.id]) return at;
  return std::nullopt;
}

void Planner::stay_with_roots() {
  std::vector<std::uint32_t> depth(graph_.size());  // of roots and reduces
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    const Value value{id};
    if (!live_[id] || is_input(graph_, value)) continue;
    for (const Value operand : graph_.operands(value)) {
      depth[id] = std::max(depth[id], depth[operand.id]);
    }
    if (!has_elements(value)) continue;
    if (graph_.op(value) == Op::kReduce && has_elements(graph_.operand(value, 0))) {
      positions_[id] = {home_id(home_of_reduce(value)), kRow};
      is_bound_[id] = true;
      ++depth[id];
    } else if (is_root(graph_, value)) {
      positions_[id] = {home_id({graph_.type(value).shape().dims(), {}, id}), kWhole};
      is_bound_[id] = true;
      ++depth[id];
    } else if (is_map(graph_, value)) {
      // Of several operands, with that which is there last.
      std::optional<std::uint32_t> best;
      for (const Value operand : graph_.operands(value)) {
        const std::optional<Position> next = inherited(value, operand);
        if (!next || (best && depth[operand.id] <= *best)) continue;
        best = depth[operand.id];
        positions_[id] = *next;
      }
      is_bound_[id] = best.has_value();
      if (best) continue;
      first_flat_axis_[id] = first_flat_axis(value);
      positions_[id] = {home_of(graph_.type(value).shape(), first_flat_axis_[id]), kWhole};
    }
  }
}

bool Planner::is_packed(const MatmulRead& read) const {
  const Shape& left = graph_.type(graph_.operand(read.matmul, 0)).shape();
  const Shape& result = graph_.type(read.matmul).shape();
  const std::size_t rank = result.rank();
  return read.operand == 1 &&
         CostModel::is_worth_packing(result[rank - 2], left[left.rank() - 1], result[rank - 1]);
}

bool Planner::is_read_for_nothing(const MatmulRead& read) const {
  if (is_packed(read)) return true;
  const Value x = graph_.operand(read.matmul, read.operand);
  return read.operand == 0 ? is_moved_matrix(graph_, x) : is_matrix_of_moved_rows(graph_, x);
}

std::optional<Planner::MatmulRead> Planner::matmul_read(const Position& at) const {
  if (at.place < kFirstRead) return std::nullopt;
  const Value reader{reader_[at.place - kFirstRead]};
  if (graph_.op(reader) != Op::kMatmul) return matmul_read(positions_[reader.id]);
  return MatmulRead{reader, at.place - first_read_[reader.id]};
}

Position Planner::asked(Value value, std::size_t operand) const {
  const Position at = positions_[value.id];
  if (at.home == kNone) return {};
  const Position read{at.home, first_read_[value.id] + static_cast<std::uint32_t>(operand)};
  switch (graph_.op(value)) {
    case Op::kReduce:
      return {at.home, kWhole};
    case Op::kBroadcast:
      return is_bound_[value.id] ? Position{at.home, kRow} : Position{};
    case Op::kReshape:
      return at.place == kRow ? at : read;
    case Op::kMatmul:
      return is_read_for_nothing({value, operand}) ? read : Position{};
    case Op::kTranspose: {
      if (at.place == kMoved) return {at.home, kWhole};
      const std::optional<MatmulRead> of = matmul_read(at);
      return of && is_packed(*of) ? Position{} : read;
    }
    case Op::kReverse:
    case Op::kSlice:
    case Op::kConcatenate:
    case Op::kArgmax:
    case Op::kArgmin:
      return read;
    case Op::kPad:
      return operand == 0 ? read : Position{};
    case Op::kConvert:
    case Op::kBitcast:
      return at;
    default:
      return graph_.def(value).is_elementwise() ? at : Position{};
  }
}

void Planner::move_to_users() {
  std::vector<std::optional<Position>> wanted(graph_.size());
  wanted[graph_.result().id] = Position{};
  for (std::uint32_t id = graph_.size(); id-- > 0;) {
    const Value value{id};
    if (!live_[id] || is_input(graph_, value)) continue;
    if (positions_[id].home != kNone && !is_bound_[id]) {
      if (wanted[id] && may_be(value, *wanted[id])) {
        positions_[id] = *wanted[id];
      } else if (graph_.op(value) == Op::kReshape) {
        positions_[id] = {};  // other names for the same elements cost nothing
      }
    }
    first_read_[id] = kFirstRead + static_cast<std::uint32_t>(reader_.size());
    reader_.insert(reader_.end(), graph_.operands(value).size(), id);
    for_each_edge(id, [&](Value producer, Value consumer, std::size_t k) {
      const Position want = asked(consumer, k);
      std::optional<Position>& all = wanted[producer.id];
      all = !all || *all == want ? want : Position{};
    });
  }
}

// A transpose of a product that no other kernel reads through: the product's writes its elements
// there, side by side as before if the last axis stays.
void Planner::write_where_moved() {
  std::vector<bool> is_read_through(graph_.size());
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    if (!live_[id]) continue;
    for_each_edge(id, [&](Value producer, Value consumer, std::size_t k) {
      if (joins(producer, consumer, k)) is_read_through[producer.id] = true;
    });
  }
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    if (!live_[id] || graph_.op({id}) != Op::kTranspose || is_read_through[id]) continue;
    const Position at = positions_[graph_.operand({id}, 0).id];
    if (at.home == kNone || at.place != kWhole || plan_.is_remade[id]) continue;
    const std::uint32_t root = homes_[at.home].root;
    if (root == FusionHome::kNoRoot) continue;
    if (graph_.op({root}) != Op::kMatmul && graph_.op({root}) != Op::kConv) continue;
    const Dims& permutation = graph_.attributes({id}).integers(Attr::kPermutation);
    if (permutation.back() + 1 != std::ssize(permutation)) continue;
    positions_[id] = {at.home, kMoved};
    is_bound_[id] = true;
  }
}

bool Planner::stays_early(Value value) const {
  if (!is_bound_[value.id] || !is_map(graph_, value)) return false;
  if (positions_[value.id].place == kMoved) return true;
  if (is_written_[value.id]) return true;
  const auto operands = graph_.operands(value);
  return std::ranges::any_of(operands, [&](Value operand) {
    return is_bound_[operand.id] && positions_[operand.id] == positions_[value.id] &&
           !is_read_later_[operand.id] && graph_.type(value).bytes() < graph_.type(operand).bytes();
  });
}

// If the producer leaves its root behind, it is a map over its own space.
bool Planner::may_join_at_another_stage(Value producer, Value consumer) const {
  const Position at = positions_[consumer.id];
  if (at.home == kNone) return false;
  return at.home == positions_[producer.id].home || homes_[at.home].root == FusionHome::kNoRoot;
}

void Planner::plan_stages() {
  std::vector<std::uint32_t>& stage = plan_.stage;
  stage.resize(graph_.size());
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    for_each_edge(id, [&](Value producer, Value consumer, std::size_t k) {
      const std::uint32_t step = live_[id] && joins(producer, consumer, k) ? 0 : 1;
      stage[id] = std::max(stage[id], stage[producer.id] + step);
    });
  }
  const std::vector<std::uint32_t> earliest = stage;
  is_read_later_.assign(graph_.size(), false);
  move_to_stages_of_users();
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    if (!live_[id]) continue;
    for_each_edge(id, [&](Value producer, Value consumer, std::size_t) {
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
    if (!live_[id]) continue;
    if (positions_[id].home != kNone && latest[id] != kNone && Value{id} != graph_.result() &&
        !stays_early({id})) {
      stage[id] = latest[id];
    }
    for_each_edge(id, [&](Value producer, Value consumer, std::size_t k) {
      if (!may_join_at_another_stage(producer, consumer)) is_written_[producer.id] = true;
      const std::uint32_t step = joins(producer, consumer, k) ? 0 : 1;
      if (stage[id] >= step) latest[producer.id] = std::min(latest[producer.id], stage[id] - step);
    });
  }
}

// What follows a root, but runs in a later kernel, is a map or a row of its own.
void Planner::leave_absent_roots() {
  std::map<std::pair<std::uint32_t, std::uint32_t>, bool> has_root;  // by stage and home
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    const Value value{id};
    if (!live_[id] || positions_[id].home == kNone) continue;
    has_root[{plan_.stage[id], positions_[id].home}] |=
        graph_.op(value) == Op::kReduce || is_root(graph_, value);
  }
  std::vector<Position> moved = positions_;
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    const Value value{id};
    const Position at = positions_[id];
    if (!live_[id] || at.home == kNone || has_root[{plan_.stage[id], at.home}]) continue;
    if (at.place != kRow && at.place != kMoved) {
      moved[id].home = home_id({homes_[at.home].space});
    } else if (graph_.op(value) == Op::kReshape) {
      moved[id] = {};
    } else {
      moved[id] = {home_id({graph_.type(value).shape().dims()}), kWhole};
    }
  }
  positions_ = std::move(moved);
}

void Planner::plan_groups() {
  struct Open {
    std::uint32_t group;
    std::size_t ops;
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, Open> open;  // by stage and home
  plan_.group.assign(graph_.size(), kNone);
  // What is read through another node goes with it.
  std::vector<std::size_t> ops(graph_.size(), 1);
  for (std::uint32_t id = graph_.size(); id-- > 0;) {
    if (!live_[id] || positions_[id].place < kFirstRead) continue;
    ops[reader_[positions_[id].place - kFirstRead]] += ops[id];
  }
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    const Position at = positions_[id];
    if (!live_[id] || at.home == kNone || at.place >= kFirstRead) continue;
    const auto [it, is_new] = open.try_emplace({plan_.stage[id], at.home}, Open{0, model_.max_ops});
    if (is_new || it->second.ops + ops[id] > model_.max_ops) it->second = {plan_.num_groups++, 0};
    it->second.ops += ops[id];
    plan_.group[id] = it->second.group;
  }
  for (std::uint32_t id = graph_.size(); id-- > 0;) {
    if (!live_[id] || positions_[id].place < kFirstRead) continue;
    plan_.group[id] = plan_.group[reader_[positions_[id].place - kFirstRead]];
  }
}

FusionReason Planner::reason(Value producer, Value consumer, std::size_t operand) const {
  if (graph_.is_splat(producer)) return FusionReason::kConstant;
  if (is_input(graph_, producer)) return FusionReason::kInput;
  const std::uint32_t group = plan_.group[producer.id];
  if (group == kNone || plan_.group[consumer.id] == kNone) return FusionReason::kAlone;
  if (group == plan_.group[consumer.id]) return FusionReason::kFused;
  if (plan_.is_copied(producer, consumer)) return FusionReason::kNumber;
  const Position want = asked(consumer, operand);
  if (want.home == kNone || want.home != positions_[producer.id].home) {
    return want.place >= kFirstRead ? FusionReason::kUses : FusionReason::kSpace;
  }
  if (want != positions_[producer.id]) return FusionReason::kUses;
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
