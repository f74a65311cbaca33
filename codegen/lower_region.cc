// 1. The loops: one for each axis of the iteration space, kept axes outside, reduced ones in
// phases.
// 2. The code of each phase, from what it reduces and writes down (region_values.h). A reduction
//    that needs the result of another comes a phase later, and so does what needs its own.
// 3. Neighbouring loops that everything walks as one are merged. The order of a reduction counts
//    merged loops, so where they cannot be merged there is no kernel.
#include "codegen/lower_region.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "base/checked.h"
#include "base/error.h"
#include "codegen/nest_builder.h"
#include "codegen/region_values.h"
#include "ir/reduction.h"

namespace ndl::codegen {
namespace {

using ir::Attr;
using ir::Attributes;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::ReduceKind;
using ir::Shape;
using ir::Value;

// A body of more ops is left to several kernels: lowering recurses over it.
constexpr std::size_t kMostNodes = 1024;

std::vector<Value> results_of(const Graph& body) {
  const Value result = body.result();
  if (!body.type(result).is_tuple()) return {result};
  if (body.op(result) != Op::kMakeTuple) throw NotOneKernel();  // a sort, a nested fusion
  const auto operands = body.operands(result);
  return {operands.begin(), operands.end()};
}

bool is_root_op(Op op) {
  switch (op) {
    case Op::kReduce:
    case Op::kArgmax:
    case Op::kArgmin:
    case Op::kCumsum:
    case Op::kReduceWindow:
    case Op::kMatmul:
    case Op::kConv:
      return true;
    default:
      return false;
  }
}

std::int64_t reduced_elements(const Shape& space, const Dims& axes) {
  std::int64_t count = 1;
  for (const std::int64_t axis : axes) count *= space[static_cast<std::size_t>(axis)];
  return count;
}

// Where the kept axes of `space` are in `target`, which has the same but for extents of 1.
std::vector<IndexExpr> kept_index(const Shape& space, const std::vector<IndexExpr>& index,
                                  const Dims& axes, const Shape& target) {
  std::vector<IndexExpr> result(target.rank());
  std::size_t next = 0;
  for (std::size_t axis = 0; axis < space.rank(); ++axis) {
    const bool is_reduced = std::ranges::find(axes, static_cast<std::int64_t>(axis)) != axes.end();
    if (is_reduced || space[axis] == 1) continue;
    while (next < target.rank() && target[next] == 1) ++next;
    if (next == target.rank() || target[next] != space[axis]) throw NotOneKernel();
    result[next++] = index[axis];
  }
  if (target.num_elements() != ir::product(space.dims()) / reduced_elements(space, axes)) {
    throw NotOneKernel();
  }
  return result;
}

class RegionLowering {
 public:
  explicit RegionLowering(const Graph& body) : body_(body), b_(name_of_body()), values_(body, b_) {}

  LoopNest run();

 private:
  std::string name_of_body() const;
  const Shape& shape(Value value) const { return body_.type(value).shape(); }
  DType dtype(Value value) const { return body_.type(value).dtype(); }
  const Attributes& attributes(Value value) const { return body_.attributes(value); }
  std::int32_t result_buffer(std::size_t i) const {
    return static_cast<std::int32_t>(body_.num_parameters() + i);
  }

  void lower_map();
  void lower_root(Value root);
  void lower_rows();
  void lower_empty_reduce();
  // A value that a phase computes for a row, and later ones need again.
  struct Kept {
    Value value;
    std::size_t phase = 0;
    std::int32_t buffer = -1;
  };
  // Those that cost more to compute than to keep.
  std::vector<Kept> kept_values(const Shape& space, const Dims& axes, std::size_t phases);
  bool is_leaf(Value value) const {
    return body_.def(value).is_elementwise() && body_.def(value).dtypes == kFloats;
  }
  // How many reductions lie on the longest way to each node.
  std::vector<std::size_t> reductions_before() const;
  void lower_extremum(Value root);
  void lower_cumsum(Value root);
  void lower_reduce_window(Value root);
  void lower_matmul(Value root);
  void lower_conv(Value root);

  // An outer loop for each axis.
  std::vector<IndexExpr> outer_loops(const Shape& shape);
  // Contracts `left` and `right` over the loops of the phase to the element `index` of `root`.
  void contract(Value root, Local left, Local right, std::vector<IndexExpr> index);
  void contract_nothing(Value root);
  // Writes results that all are `index` by `index` in the current phase.
  void write_results(const Shape& space, const std::vector<IndexExpr>& index);
  // Merges the loops of a reduction as ir/reduction.h says, and says where the lanes are.
  void merge_reduced(std::size_t phase, const std::vector<std::vector<std::size_t>>& groups);

  const Graph& body_;
  NestBuilder b_;
  RegionValues values_;
  std::vector<Value> results_;
  std::vector<Value> reduces_;
};

std::string RegionLowering::name_of_body() const {
  constexpr std::size_t kMostCharacters = 48;
  const std::vector<bool> live = body_.live_nodes();
  std::string name;
  for (std::uint32_t id = 0; id < body_.size(); ++id) {
    const Op op = body_.op({id});
    const bool is_silent = op == Op::kParameter || op == Op::kMakeTuple ||
                           (op == Op::kConstant && body_.result() != Value{id});
    if (!live[id] || is_silent) continue;
    const std::string_view op_name = ir::name_of(op);
    if (name.size() + op_name.size() > kMostCharacters) return name + "_etc";
    if (!name.empty()) name += '_';
    name += op_name;
  }
  return name.empty() ? "copy" : name;
}

std::vector<IndexExpr> RegionLowering::outer_loops(const Shape& shape) {
  std::vector<IndexExpr> index;
  for (const std::int64_t extent : shape) index.push_back(b_.outer_loop(extent));
  return index;
}

LoopNest RegionLowering::run() {
  if (body_.size() > kMostNodes) throw NotOneKernel();
  results_ = results_of(body_);
  for (std::size_t i = 0; i < body_.num_parameters(); ++i) {
    const ir::TensorType& type = body_.type(body_.parameter(i)).tensor();
    b_.buffer(type.dtype, type.shape.num_elements());
  }
  for (const Value result : results_) b_.buffer(dtype(result), shape(result).num_elements());

  const std::vector<bool> live = body_.live_nodes();
  std::optional<Value> root;  // that is no reduce
  for (std::uint32_t id = 0; id < body_.size(); ++id) {
    if (!live[id] || !is_root_op(body_.op({id}))) continue;
    if (body_.op({id}) == Op::kReduce) {
      reduces_.push_back({id});
    } else if (root) {
      throw NotOneKernel();
    } else {
      root = Value{id};
    }
  }
  if (root && !reduces_.empty()) throw NotOneKernel();
  if (root) {
    lower_root(*root);
  } else if (!reduces_.empty()) {
    lower_rows();
  } else {
    lower_map();
  }
  return b_.finish();
}

void RegionLowering::lower_root(Value root) {
  switch (body_.op(root)) {
    case Op::kArgmax:
    case Op::kArgmin:
      return lower_extremum(root);
    case Op::kCumsum:
      return lower_cumsum(root);
    case Op::kReduceWindow:
      return lower_reduce_window(root);
    case Op::kMatmul:
      return lower_matmul(root);
    default:
      return lower_conv(root);
  }
}

void RegionLowering::write_results(const Shape& space, const std::vector<IndexExpr>& index) {
  for (std::size_t i = 0; i < results_.size(); ++i) {
    if (shape(results_[i]) != space) throw NotOneKernel();
    b_.write(values_.at(results_[i], {index, {}}), result_buffer(i), linear(space, index));
  }
}

void RegionLowering::lower_map() {
  const Shape& space = shape(results_.front());
  b_.nest().outer_lanes = true;
  const std::vector<IndexExpr> index = outer_loops(space);
  values_.begin_phase();
  write_results(space, index);
}

void RegionLowering::merge_reduced(std::size_t phase,
                                   const std::vector<std::vector<std::size_t>>& groups) {
  // From the last loop on, so that the numbers of those before stay. Lanes run along the last
  // group, so that has to be one loop; other loops are rows, whose order merging does not change.
  for (std::size_t g = groups.size(); g-- > 0;) {
    for (std::size_t i = groups[g].size(); i-- > 1;) {
      const bool is_merged = merge_phase_loops(b_.nest(), phase, groups[g][i - 1]);
      const bool has_lanes = !b_.nest().outer_lanes && g + 1 == groups.size();
      if (!is_merged && has_lanes) throw NotOneKernel();
    }
  }
}

void RegionLowering::lower_empty_reduce() {
  const Value reduce = reduces_.front();
  if (body_.result() != reduce) throw NotOneKernel();
  ir::Literal literal;
  visit_reduction(attributes(reduce).kind(), accumulator_of(dtype(reduce)),
                  [&]<ReduceKind kKind, class A>() {
                    const auto empty =
                        ir::Literal::splat<A>({dtype_of<A>, {}}, ir::empty_reduction<kKind, A>());
                    literal = ir::converted(empty, dtype(reduce));
                  });
  std::uint64_t bits = 0;
  std::memcpy(&bits, literal.bytes(), size_of(dtype(reduce)));
  b_.nest().outer_lanes = true;
  const std::vector<IndexExpr> index = outer_loops(shape(reduce));
  values_.begin_phase();
  values_.define(reduce, index, b_.constant_bits(dtype(reduce), bits));
  write_results(shape(reduce), index);
}

std::vector<std::size_t> RegionLowering::reductions_before() const {
  std::vector<std::size_t> levels(body_.size());
  for (std::uint32_t id = 0; id < body_.size(); ++id) {
    for (const Value operand : body_.operands({id})) {
      const std::size_t step = body_.op(operand) == Op::kReduce ? 1 : 0;
      levels[id] = std::max(levels[id], levels[operand.id] + step);
    }
  }
  return levels;
}

std::vector<RegionLowering::Kept> RegionLowering::kept_values(const Shape& space, const Dims& axes,
                                                              std::size_t phases) {
  constexpr std::int64_t kMostBytes = 32 << 10;  // of the first cache
  const std::vector<std::size_t> levels = reductions_before();
  std::vector<std::size_t> uses(body_.size());  // phases that need it
  std::vector<std::size_t> first(body_.size());
  for (std::size_t phase = 0; phase < phases; ++phase) {
    std::vector<bool> is_needed(body_.size());
    for (const Value reduce : reduces_) {
      if (levels[reduce.id] == phase) is_needed[body_.operand(reduce, 0).id] = true;
    }
    for (const Value result : results_) {
      if (shape(result) == space && levels[result.id] == phase) is_needed[result.id] = true;
    }
    for (auto id = static_cast<std::uint32_t>(body_.size()); id-- > 0;) {
      const Value value{id};
      const Op op = body_.op(value);
      const bool is_here = body_.def(value).is_elementwise() || op == Op::kConvert ||
                           op == Op::kBitcast;  // its operands are at the same place
      if (!is_needed[id] || !is_here || shape(value) != space) continue;
      if (uses[id]++ == 0) first[id] = phase;
      if (is_leaf(value) && uses[id] > 1) continue;  // not computed again
      for (const Value operand : body_.operands(value)) is_needed[operand.id] = true;
    }
  }
  std::vector<Kept> kept;
  std::int64_t bytes = 0;
  for (std::uint32_t id = 0; id < body_.size(); ++id) {
    if (uses[id] < 2 || !is_leaf({id})) continue;
    const std::int64_t elements = reduced_elements(space, axes);
    bytes += elements * static_cast<std::int64_t>(size_of(dtype({id})));
    if (bytes > kMostBytes) break;
    kept.push_back({{id}, first[id], b_.local_buffer(dtype({id}), elements)});
  }
  return kept;
}

// Results are of the whole space, or of its kept axes, where extents of 1 may come and go.
void RegionLowering::lower_rows() {
  const Shape& space = shape(body_.operand(reduces_.front(), 0));
  const Dims& axes = attributes(reduces_.front()).integers(Attr::kAxes);
  for (const Value reduce : reduces_) {
    if (shape(body_.operand(reduce, 0)) != space) throw NotOneKernel();
    if (attributes(reduce).integers(Attr::kAxes) != axes) throw NotOneKernel();
  }
  if (space.num_elements() == 0) return lower_empty_reduce();

  const auto is_reduced = [&](std::size_t axis) {
    return std::ranges::find(axes, static_cast<std::int64_t>(axis)) != axes.end();
  };
  std::vector<IndexExpr> index(space.rank());
  std::vector<IndexExpr> kept;  // of the result of a reduction
  bool innermost_is_reduced = false;
  for (std::size_t axis = 0; axis < space.rank(); ++axis) {
    if (space[axis] != 1) innermost_is_reduced = is_reduced(axis);
    if (is_reduced(axis)) continue;
    index[axis] = b_.outer_loop(space[axis]);
    kept.push_back(index[axis]);
  }
  b_.nest().outer_lanes = !innermost_is_reduced;

  const std::vector<std::size_t> levels = reductions_before();
  const auto level_of = [&](Value value) {
    return levels[value.id] + (body_.op(value) == Op::kReduce ? 1 : 0);
  };
  std::size_t phases = 0;
  std::vector<bool> is_whole(results_.size());
  for (const Value reduce : reduces_) phases = std::max(phases, levels[reduce.id] + 1);
  for (std::size_t i = 0; i < results_.size(); ++i) {
    is_whole[i] = shape(results_[i]) == space && body_.op(results_[i]) != Op::kReduce;
    if (is_whole[i]) phases = std::max(phases, level_of(results_[i]) + 1);
  }
  std::vector<Kept> kept_rows;
  if (!b_.nest().outer_lanes) kept_rows = kept_values(space, axes, phases);
  for (std::size_t phase = 0; phase < phases; ++phase) {
    values_.begin_phase();
    std::vector<std::vector<std::size_t>> groups;  // neighbouring loops
    bool after_reduced = false;
    for (std::size_t axis = 0, loop = 0; axis < space.rank(); ++axis) {
      if (space[axis] == 1) continue;
      if (is_reduced(axis)) {
        index[axis] = b_.phase_loop(space[axis]);
        if (!after_reduced) groups.emplace_back();
        groups.back().push_back(loop++);
      }
      after_reduced = is_reduced(axis);
    }
    Dims row_dims;
    std::vector<IndexExpr> row_index;
    for (const std::int64_t axis : axes) {
      row_dims.push_back(space[static_cast<std::size_t>(axis)]);
      row_index.push_back(index[static_cast<std::size_t>(axis)]);
    }
    const IndexExpr at_row = linear(Shape(row_dims), row_index);
    for (const Kept& x : kept_rows) {
      if (x.phase < phase) values_.read_instead(x.value, index, x.buffer, at_row);
      if (x.phase == phase) b_.write(values_.at(x.value, {index, {}}), x.buffer, at_row);
    }
    for (std::size_t i = 0; i < results_.size(); ++i) {
      if (!is_whole[i] || level_of(results_[i]) != phase) continue;
      b_.write(values_.at(results_[i], {index, {}}), result_buffer(i), linear(space, index));
    }
    for (const Value reduce : reduces_) {
      if (levels[reduce.id] != phase) continue;
      const DType accumulator = accumulator_of(attributes(reduce).dtype(Attr::kAccumulator));
      const Value x = body_.operand(reduce, 0);
      const Local local = b_.convert(values_.at(x, {index, {}}), accumulator);
      values_.define(
          reduce, kept,
          b_.reduce(ReductionOrder::kTree, attributes(reduce).kind(), accumulator, local));
    }
    merge_reduced(phase, groups);
  }
  if (std::ranges::find(is_whole, false) == is_whole.end()) return;
  values_.begin_phase();
  for (std::size_t i = 0; i < results_.size(); ++i) {
    if (is_whole[i]) continue;
    const std::vector<IndexExpr> place = kept_index(space, index, axes, shape(results_[i]));
    b_.write(values_.at(results_[i], {place, {}}), result_buffer(i),
             linear(shape(results_[i]), place));
  }
}

void RegionLowering::lower_extremum(Value root) {
  const Value x = body_.operand(root, 0);
  const auto axis = static_cast<std::size_t>(attributes(root).integer(Attr::kAxis));
  b_.nest().outer_lanes = true;
  const std::vector<IndexExpr> target = outer_loops(shape(root));
  values_.begin_phase();
  std::vector<IndexExpr> index = target;
  index.insert(index.begin() + static_cast<std::ptrdiff_t>(axis), b_.phase_loop(shape(x)[axis]));
  const DType accumulator = accumulator_of(dtype(x));
  const ReduceKind kind = body_.op(root) == Op::kArgmax ? ReduceKind::kMax : ReduceKind::kMin;
  values_.define(root, target,
                 b_.reduce(ReductionOrder::kFirst, kind, accumulator,
                           b_.convert(values_.at(x, {index, {}}), accumulator)));
  values_.begin_phase();
  write_results(shape(root), target);
}

// The running sums are written in the loop itself.
void RegionLowering::lower_cumsum(Value root) {
  if (body_.result() != root) throw NotOneKernel();
  const Value x = body_.operand(root, 0);
  const auto axis = static_cast<std::size_t>(attributes(root).integer(Attr::kAxis));
  b_.nest().outer_lanes = true;
  std::vector<IndexExpr> index(shape(x).rank());
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (i != axis) index[i] = b_.outer_loop(shape(x)[i]);
  }
  values_.begin_phase();
  index[axis] = b_.phase_loop(shape(x)[axis]);
  const DType accumulator = accumulator_of(dtype(x));
  const Local sum = b_.reduce(ReductionOrder::kSequence, ReduceKind::kSum, accumulator,
                              b_.convert(values_.at(x, {index, {}}), accumulator));
  b_.write(sum, result_buffer(0), linear(shape(x), index));
}

void RegionLowering::lower_reduce_window(Value root) {
  const Value x = body_.operand(root, 0);
  const Attributes& a = attributes(root);
  const Shape& windows = shape(root);
  const DType accumulator = accumulator_of(dtype(x));
  b_.nest().outer_lanes = true;
  const std::vector<IndexExpr> index = outer_loops(windows);
  values_.begin_phase();
  Place place;
  bool any_padding = false;
  bool any_taps = shape(x).num_elements() != 0;
  for (std::size_t i = 0; i < windows.rank() && any_taps; ++i) {
    const std::int64_t stride = windows[i] > 1 ? a.integers(Attr::kStride)[i] : 0;
    const std::int64_t low = a.integers(Attr::kLow)[i];
    const std::int64_t dilation = a.integers(Attr::kDilation)[i];
    const std::int64_t last_window = (windows[i] - 1) * stride;
    // The taps that lie in x for some window; the others hold the neutral element always.
    const std::int64_t first = low > last_window ? ceil_div(low - last_window, dilation) : 0;
    const std::int64_t end =
        std::min(a.integers(Attr::kSize)[i], (shape(x)[i] - 1 + low) / dilation + 1);
    any_taps = first < end;
    if (!any_taps) break;
    IndexExpr at_x = scaled(index[i], stride, first * dilation - low);
    at_x.add(b_.phase_loop(end - first), dilation);
    if (at_x.base < 0 || at_x.base + last_window + (end - 1 - first) * dilation >= shape(x)[i]) {
      any_padding = true;
      place.guards.push_back({at_x, 0, shape(x)[i]});
    }
    place.index.push_back(std::move(at_x));
  }
  const ReduceKind kind = a.kind();
  Local neutral = -1;
  Local empty = -1;
  ir::visit_reduction(kind, accumulator, [&]<ReduceKind kKind, class A>() {
    const auto constant = [&](A value) {
      std::uint64_t bits = 0;
      std::memcpy(&bits, &value, sizeof(A));
      return b_.constant_bits(accumulator, bits);
    };
    neutral = constant(ir::neutral_element<kKind, A>());
    if (!any_taps) empty = constant(ir::empty_reduction<kKind, A>());
  });
  if (!any_taps) {
    b_.nest().phases.back().loops.clear();
    values_.define(root, index, empty);
    return write_results(windows, index);
  }
  Local value = b_.convert(values_.at(x, place), accumulator);
  Local any_inside = -1;
  if (any_padding) {
    const Local inside = b_.inside(place.guards);
    value = b_.op(Op::kSelect, accumulator, {inside, value, neutral});
    any_inside = b_.reduce(ReductionOrder::kSequence, ReduceKind::kOr, DType::kBool, inside);
  }
  Local result = b_.reduce(ReductionOrder::kSequence, kind, accumulator, value);
  values_.begin_phase();
  if (any_padding && kind == ReduceKind::kSum) {
    result = b_.op(Op::kSelect, accumulator, {any_inside, result, b_.constant(accumulator, 0)});
  }
  values_.define(root, index, result);
  write_results(windows, index);
}

void RegionLowering::contract(Value root, Local left, Local right, std::vector<IndexExpr> index) {
  const DType accumulator = accumulator_of(dtype(root));
  values_.define(root, index,
                 b_.reduce(ReductionOrder::kContraction, ReduceKind::kSum, accumulator,
                           b_.convert(left, accumulator), b_.convert(right, accumulator)));
  values_.begin_phase();
  write_results(shape(root), index);
}

// The sum of nothing.
void RegionLowering::contract_nothing(Value root) {
  b_.nest().outer_lanes = true;
  const std::vector<IndexExpr> index = outer_loops(shape(root));
  values_.begin_phase();
  values_.define(root, index, b_.constant(dtype(root), 0));
  write_results(shape(root), index);
}

void RegionLowering::lower_matmul(Value root) {
  const Value a = body_.operand(root, 0);
  const Value b = body_.operand(root, 1);
  const Shape& result = shape(root);
  const std::size_t rank = result.rank();
  const std::int64_t depth = shape(a)[shape(a).rank() - 1];
  if (depth == 0) return contract_nothing(root);
  b_.nest().outer_lanes = true;
  const std::vector<IndexExpr> index = outer_loops(result);
  values_.begin_phase();
  const IndexExpr k = b_.phase_loop(depth);
  const auto operand_place = [&](Value x) {
    const std::size_t missing = rank - shape(x).rank();
    Place place;
    for (std::size_t i = missing; i + 2 < rank; ++i) {
      place.index.push_back(shape(x)[i - missing] == 1 ? IndexExpr{} : index[i]);
    }
    return place;
  };
  Place left = operand_place(a);
  left.index.push_back(index[rank - 2]);
  left.index.push_back(k);
  Place right = operand_place(b);
  right.index.push_back(k);
  right.index.push_back(index[rank - 1]);
  contract(root, values_.at(a, left), values_.at(b, right), index);
}

void RegionLowering::lower_conv(Value root) {
  const Value x = body_.operand(root, 0);
  const Value kernel = body_.operand(root, 1);
  const Attributes& a = attributes(root);
  const Shape& result = shape(root);
  const std::size_t spatial = result.rank() - 2;
  const std::int64_t groups = a.integer(Attr::kGroups);
  const std::int64_t channels = shape(kernel)[spatial];
  const std::int64_t features = shape(kernel)[spatial + 1] / groups;
  if (shape(kernel).num_elements() == 0 || shape(x).num_elements() == 0) {
    return contract_nothing(root);
  }
  b_.nest().outer_lanes = true;
  std::vector<IndexExpr> index;
  for (std::size_t i = 0; i <= spatial; ++i) index.push_back(b_.outer_loop(result[i]));
  const IndexExpr group = b_.outer_loop(groups);
  const IndexExpr feature_in_group = b_.outer_loop(features);
  IndexExpr feature = scaled(group, features);
  feature.add(feature_in_group, 1);
  index.push_back(feature);
  values_.begin_phase();

  Place left{{index[0]}, {}};
  Place right;
  for (std::size_t i = 0; i < spatial; ++i) {
    if (a.integers(Attr::kBaseDilation)[i] != 1) throw NotOneKernel();
    const std::int64_t taps = shape(kernel)[i];
    const std::int64_t extent = shape(x)[i + 1];
    const std::int64_t stride = result[i + 1] > 1 ? a.integers(Attr::kStride)[i] : 0;
    const std::int64_t dilation = taps > 1 ? a.integers(Attr::kDilation)[i] : 0;
    const std::int64_t low = a.integers(Attr::kLow)[i];
    const IndexExpr tap = b_.phase_loop(taps);
    IndexExpr at_x = scaled(index[i + 1], stride, -low);
    at_x.add(tap, dilation);
    const std::int64_t last = (result[i + 1] - 1) * stride + (taps - 1) * dilation - low;
    if (low > 0 || last >= extent) left.guards.push_back({at_x, 0, extent});
    left.index.push_back(std::move(at_x));
    right.index.push_back(tap);
  }
  const IndexExpr channel = b_.phase_loop(channels);
  IndexExpr x_channel = scaled(group, channels);
  x_channel.add(channel, 1);
  left.index.push_back(x_channel);
  right.index.push_back(channel);
  right.index.push_back(feature);
  Local patch = values_.at(x, left);
  if (!left.guards.empty() && body_.op(x) != Op::kParameter) {
    const DType type = dtype(x);
    patch = b_.op(Op::kSelect, type, {b_.inside(left.guards), patch, b_.constant(type, 0)});
  }
  contract(root, patch, values_.at(kernel, right), index);
}

}  // namespace

std::optional<LoopNest> lower_region(const Graph& body) {
  try {
    return RegionLowering(body).run();
  } catch (const NotOneKernel&) {
    return std::nullopt;
  }
}

}  // namespace ndl::codegen
