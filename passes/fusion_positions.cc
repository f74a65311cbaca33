// 1. Positions from the operands down: what follows a reduction or a contraction stays with it.
// 2. Positions from the users up: what is asked for at one position only moves there.
// 3. What a contraction may write at another place.
#include "passes/fusion_positions.h"

#include <algorithm>
#include <utility>

#include "ir/attributes.h"
#include "passes/fusion_members.h"

namespace ndl::passes {

using ir::Attr;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::Shape;
using ir::Value;

namespace {

constexpr std::uint32_t kNoRead = 0xffffffff;

}  // namespace

FusionPositions::FusionPositions(const Graph& graph, const CostModel& model)
    : graph_(graph),
      model_(model),
      live_(graph.live_nodes()),
      is_remade_(find_remade(graph)),
      positions_(graph.size()),
      is_bound_(graph.size()),
      first_flat_axis_(graph.size()),
      first_read_(graph.size(), kNoRead) {
  choose_axes();
  stay_with_roots();
  move_to_users();
  write_where_moved();
}

std::uint32_t FusionPositions::home_id(FusionHome home) {
  const auto [it, is_new] = home_ids_.try_emplace(std::move(home), homes_.size());
  if (is_new) homes_.push_back(it->first);
  return it->second;
}

std::uint32_t FusionPositions::home_of(const Shape& space, std::size_t first_flat_axis) {
  const auto it = axes_.find(space.dims());
  FusionHome home{space.dims(), it == axes_.end() ? Dims() : it->second};
  if (first_flat_axis > home.first_merged_axis()) home.axes.clear();
  return home_id(std::move(home));
}

// The axis from which on the elements of a map are read as if the axes were one.
std::size_t FusionPositions::first_flat_axis(Value value) const {
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

FusionHome FusionPositions::home_of_reduce(Value reduce) const {
  return {graph_.type(graph_.operand(reduce, 0)).shape().dims(),
          graph_.attributes(reduce).integers(Attr::kAxes)};
}

bool FusionPositions::has_elements(Value value) const {
  return !graph_.type(value).is_tuple() && graph_.type(value).shape().num_elements() != 0;
}

// Over each space the axes that most reduces take, of equally many the last.
void FusionPositions::choose_axes() {
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
std::optional<FusionPosition> FusionPositions::inherited(Value value, Value operand) const {
  const FusionPosition at = positions_[operand.id];
  if (!at.is_member()) return std::nullopt;
  const FusionHome& home = homes_[at.home];
  switch (graph_.op(value)) {
    case Op::kBroadcast:
      if (at.place != FusionPosition::kRow || home.space != graph_.type(value).shape().dims())
        return std::nullopt;
      if (!home.row_fits_cache(model_) || !home.is_row_broadcast(graph_.type(operand).shape())) {
        return std::nullopt;
      }
      return FusionPosition{at.home, FusionPosition::kWhole};
    case Op::kReshape:
      if (at.place != FusionPosition::kRow) return std::nullopt;
      return at;
    case Op::kConvert:
    case Op::kBitcast:
      break;
    default:
      if (!graph_.def(value).is_elementwise()) return std::nullopt;
  }
  if (at.place == FusionPosition::kRow || is_bound_[operand.id]) return at;
  return std::nullopt;
}

void FusionPositions::stay_with_roots() {
  std::vector<std::uint32_t> depth(graph_.size());  // of roots and reduces
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    const Value value{id};
    if (!live_[id] || is_input(graph_, value)) continue;
    for (const Value operand : graph_.operands(value)) {
      depth[id] = std::max(depth[id], depth[operand.id]);
    }
    if (!has_elements(value)) continue;
    if (graph_.op(value) == Op::kReduce && has_elements(graph_.operand(value, 0))) {
      positions_[id] = {home_id(home_of_reduce(value)), FusionPosition::kRow};
      is_bound_[id] = true;
      ++depth[id];
    } else if (is_root(graph_, value)) {
      positions_[id] = {home_id({graph_.type(value).shape().dims(), {}, id}),
                        FusionPosition::kWhole};
      is_bound_[id] = true;
      ++depth[id];
    } else if (is_map(graph_, value)) {
      // Of several operands, with that which is there last.
      std::optional<std::uint32_t> best;
      for (const Value operand : graph_.operands(value)) {
        const std::optional<FusionPosition> next = inherited(value, operand);
        if (!next || (best && depth[operand.id] <= *best)) continue;
        best = depth[operand.id];
        positions_[id] = *next;
      }
      is_bound_[id] = best.has_value();
      if (best) continue;
      first_flat_axis_[id] = first_flat_axis(value);
      positions_[id] = {home_of(graph_.type(value).shape(), first_flat_axis_[id]),
                        FusionPosition::kWhole};
    }
  }
}

bool FusionPositions::is_packed(const MatmulRead& read) const {
  const Shape& left = graph_.type(graph_.operand(read.matmul, 0)).shape();
  const Shape& result = graph_.type(read.matmul).shape();
  const std::size_t rank = result.rank();
  return read.operand == 1 &&
         CostModel::is_worth_packing(result[rank - 2], left[left.rank() - 1], result[rank - 1]);
}

bool FusionPositions::is_read_for_nothing(const MatmulRead& read) const {
  if (is_packed(read)) return true;
  const Value x = graph_.operand(read.matmul, read.operand);
  return read.operand == 0 ? is_moved_matrix(graph_, x) : is_matrix_of_moved_rows(graph_, x);
}

std::optional<FusionPositions::MatmulRead> FusionPositions::matmul_read(
    const FusionPosition& at) const {
  if (!at.is_read()) return std::nullopt;
  const Value through = reader(at);
  if (graph_.op(through) != Op::kMatmul) return matmul_read(of(through));
  return MatmulRead{through, at.place - first_read_[through.id]};
}

bool FusionPositions::may_be(Value value, const FusionPosition& at) const {
  if (!at.is_member()) return false;
  // Products whose operands are found by indices are not tiled.
  const bool has_indices = graph_.op(value) == Op::kGather || graph_.op(value) == Op::kDynamicSlice;
  const std::optional<MatmulRead> read = matmul_read(at);
  if (read && (has_indices || (!is_packed(*read) && !moves_in_place(graph_, value)))) return false;
  return at.place != FusionPosition::kWhole ||
         first_flat_axis_[value.id] <= home(at).first_merged_axis();
}

FusionPosition FusionPositions::asked(Value value, std::size_t operand) const {
  const FusionPosition at = positions_[value.id];
  if (!at.is_member()) return {};
  const FusionPosition read{at.home, first_read_[value.id] + static_cast<std::uint32_t>(operand)};
  switch (graph_.op(value)) {
    case Op::kReduce:
      return {at.home, FusionPosition::kWhole};
    case Op::kBroadcast:
      return is_bound_[value.id] ? FusionPosition{at.home, FusionPosition::kRow} : FusionPosition{};
    case Op::kReshape:
      return at.place == FusionPosition::kRow ? at : read;
    case Op::kMatmul:
      return is_read_for_nothing({value, operand}) ? read : FusionPosition{};
    case Op::kTranspose: {
      if (at.place == FusionPosition::kMoved) return {at.home, FusionPosition::kWhole};
      const std::optional<MatmulRead> product = matmul_read(at);
      return product && is_packed(*product) ? FusionPosition{} : read;
    }
    case Op::kReverse:
    case Op::kSlice:
    case Op::kConcatenate:
    case Op::kArgmax:
    case Op::kArgmin:
      return read;
    case Op::kPad:
      return operand == 0 ? read : FusionPosition{};
    case Op::kConvert:
    case Op::kBitcast:
      return at;
    default:
      return graph_.def(value).is_elementwise() ? at : FusionPosition{};
  }
}

void FusionPositions::move_to_users() {
  std::vector<std::optional<FusionPosition>> wanted(graph_.size());
  wanted[graph_.result().id] = FusionPosition{};
  for (std::uint32_t id = graph_.size(); id-- > 0;) {
    const Value value{id};
    if (!live_[id] || is_input(graph_, value)) continue;
    if (positions_[id].is_member() && !is_bound_[id]) {
      if (wanted[id] && may_be(value, *wanted[id])) {
        positions_[id] = *wanted[id];
      } else if (graph_.op(value) == Op::kReshape) {
        positions_[id] = {};  // other names for the same elements cost nothing
      }
    }
    first_read_[id] = FusionPosition::kFirstRead + static_cast<std::uint32_t>(reader_.size());
    reader_.insert(reader_.end(), graph_.operands(value).size(), id);
    for_each_edge({id}, [&](Value producer, Value consumer, std::size_t k) {
      const FusionPosition want = asked(consumer, k);
      std::optional<FusionPosition>& all = wanted[producer.id];
      all = !all || *all == want ? want : FusionPosition{};
    });
  }
}

// A transpose of a product that no other kernel reads through: the product's writes its elements
// there, side by side as before if the last axis stays.
void FusionPositions::write_where_moved() {
  std::vector<bool> is_read_through(graph_.size());
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    if (!live_[id]) continue;
    for_each_edge({id}, [&](Value producer, Value consumer, std::size_t k) {
      if (joins(producer, consumer, k)) is_read_through[producer.id] = true;
    });
  }
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    if (!live_[id] || graph_.op({id}) != Op::kTranspose || is_read_through[id]) continue;
    const FusionPosition at = positions_[graph_.operand({id}, 0).id];
    if (!at.is_member() || at.place != FusionPosition::kWhole || is_remade_[id]) continue;
    const std::uint32_t root = homes_[at.home].root;
    if (root == FusionHome::kNoRoot) continue;
    if (graph_.op({root}) != Op::kMatmul && graph_.op({root}) != Op::kConv) continue;
    const Dims& permutation = graph_.attributes({id}).integers(Attr::kPermutation);
    if (permutation.back() + 1 != std::ssize(permutation)) continue;
    positions_[id] = {at.home, FusionPosition::kMoved};
    is_bound_[id] = true;
  }
}

void FusionPositions::leave_roots(const std::vector<bool>& leaves) {
  for (std::uint32_t id = 0; id < graph_.size(); ++id) {
    if (!leaves[id]) continue;
    FusionPosition& at = positions_[id];
    if (at.place != FusionPosition::kRow && at.place != FusionPosition::kMoved) {
      at.home = home_id({home(at).space});
    } else if (graph_.op({id}) == Op::kReshape) {
      at = {};
    } else {
      at = {home_id({graph_.type({id}).shape().dims()}), FusionPosition::kWhole};
    }
  }
}

}  // namespace ndl::passes
