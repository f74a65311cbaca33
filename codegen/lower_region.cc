// 1. The loops: one for each axis of the iteration space, kept axes outside, reduced ones in a
//    phase.
// 2. The code, from the results down: a value is asked for at an index, which is an affine function
//    of the loops for each of its axes, and asks its operands at theirs. So what moves elements
//    costs nothing but another index, and what is not asked for is not computed.
// 3. Neighbouring loops that everything walks as one are merged. The order of a reduction counts
//    merged loops, so where they cannot be merged there is no kernel.
#include "codegen/lower_region.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "base/checked.h"
#include "base/error.h"
#include "codegen/nest_builder.h"
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

// Thrown inside this file when one kernel cannot do it.
struct NotOneKernel {};

// Where an element of a value is asked for, and when.
struct Place {
  std::vector<IndexExpr> index;  // one an axis
  std::vector<Guard> guards;     // where one does not hold, anything will do
  bool operator==(const Place&) const = default;
};

IndexExpr constant_index(std::int64_t value) {
  IndexExpr index;
  index.base = value;
  return index;
}

IndexExpr scaled(const IndexExpr& index, std::int64_t factor, std::int64_t base = 0) {
  IndexExpr result = constant_index(base);
  result.add(index, factor);
  return result;
}

IndexExpr linear(const Shape& shape, const std::vector<IndexExpr>& index) {
  const Dims strides = ir::row_major_strides(shape);
  IndexExpr sum;
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (shape[i] != 1) sum.add(index[i], strides[i]);
  }
  return sum;
}

bool is_splat(const Graph& graph, Value value) {
  return graph.op(value) == Op::kConstant &&
         graph.attributes(value).literal(Attr::kValue).is_splat();
}

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

class RegionLowering {
 public:
  explicit RegionLowering(const Graph& body) : body_(body), b_(name_of_body()) {}

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
  void lower_reduces();
  void lower_extremum(Value root);
  void lower_cumsum(Value root);
  void lower_reduce_window(Value root);
  void lower_matmul(Value root);
  void lower_conv(Value root);
  void fill(std::size_t result, double value);

  // An outer loop for each axis.
  std::vector<IndexExpr> outer_loops(const Shape& shape);
  // Contracts `left` and `right` over the loops of the phase, and writes what results at `index`.
  void contract(Value root, Local left, Local right, IndexExpr index);
  // Merges the loops of a reduction as ir/reduction.h says, and says where the lanes are.
  void merge_reduced(const std::vector<std::vector<std::size_t>>& groups);

  Local at(Value value, const Place& place);
  Local compute(Value value, const Place& place);
  Local read(Value parameter, const Place& place);
  Local moved(Value value, Place place);
  Local concatenate(Value value, const Place& place);
  Local pad(Value value, const Place& place);
  Place through_reshape(Value value, const Place& place) const;
  Place through_gather(Value value, const Place& place);
  Place through_dynamic_slice(Value value, const Place& place);

  const Graph& body_;
  NestBuilder b_;
  std::vector<Value> results_;
  std::vector<Place> places_;  // distinct
  std::map<std::pair<std::uint32_t, std::size_t>, Local> known_;
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
  std::size_t roots = 0;
  for (std::uint32_t id = 0; id < body_.size(); ++id) {
    if (live[id] && is_root_op(body_.op({id}))) ++roots;
  }
  if (roots == 0) {
    lower_map();
  } else if (std::ranges::any_of(results_, [&](Value x) { return body_.op(x) == Op::kReduce; })) {
    const auto reduces =
        std::ranges::count_if(results_, [&](Value x) { return body_.op(x) == Op::kReduce; });
    if (static_cast<std::size_t>(reduces) != roots) throw NotOneKernel();
    lower_reduces();
  } else {
    const Value root = results_.front();
    if (roots != 1 || results_.size() != 1 || !is_root_op(body_.op(root))) throw NotOneKernel();
    switch (body_.op(root)) {
      case Op::kArgmax:
      case Op::kArgmin:
        lower_extremum(root);
        break;
      case Op::kCumsum:
        lower_cumsum(root);
        break;
      case Op::kReduceWindow:
        lower_reduce_window(root);
        break;
      case Op::kMatmul:
        lower_matmul(root);
        break;
      default:
        lower_conv(root);
    }
  }
  LoopNest& nest = b_.nest();
  for (std::size_t i = nest.outer.size(); i-- > 1;) {
    merge_outer_loops(nest, i - 1);
  }
  return std::move(nest);
}

// Every element of a result is `value`.
void RegionLowering::fill(std::size_t result, double value) {
  b_.nest().outer_lanes = true;
  const std::vector<IndexExpr> index = outer_loops(shape(results_[result]));
  b_.begin_phase();
  b_.write(b_.constant(dtype(results_[result]), value), result_buffer(result),
           linear(shape(results_[result]), index));
}

void RegionLowering::lower_map() {
  const Shape& space = shape(results_.front());
  b_.nest().outer_lanes = true;
  const Place place{outer_loops(space), {}};
  b_.begin_phase();
  for (std::size_t i = 0; i < results_.size(); ++i) {
    if (shape(results_[i]) != space) throw NotOneKernel();
    b_.write(at(results_[i], place), result_buffer(i), linear(space, place.index));
  }
}

void RegionLowering::merge_reduced(const std::vector<std::vector<std::size_t>>& groups) {
  // From the last loop on, so that the numbers of those before stay.
  LoopNest& nest = b_.nest();
  for (std::size_t g = groups.size(); g-- > 0;) {
    for (std::size_t i = groups[g].size(); i-- > 1;) {
      if (!merge_phase_loops(nest, 0, groups[g][i - 1])) throw NotOneKernel();
    }
  }
}

void RegionLowering::lower_reduces() {
  Value reduce;
  for (const Value result : results_) {
    if (body_.op(result) == Op::kReduce) reduce = result;
  }
  const Shape& space = shape(body_.operand(reduce, 0));
  const Dims& axes = attributes(reduce).integers(Attr::kAxes);
  for (const Value result : results_) {
    const bool fits = body_.op(result) == Op::kReduce
                          ? shape(body_.operand(result, 0)) == space &&
                                attributes(result).integers(Attr::kAxes) == axes
                          : shape(result) == space;
    if (!fits) throw NotOneKernel();
  }
  if (space.num_elements() == 0) {
    if (results_.size() != 1) throw NotOneKernel();
    fill(0, 0);
    visit_reduction(attributes(reduce).kind(), accumulator_of(dtype(reduce)),
                    [&]<ReduceKind kKind, class A>() {
                      const A empty = ir::empty_reduction<kKind, A>();
                      Instruction& x = b_.nest().instructions.front();
                      x.bits = 0;
                      ir::Literal literal = ir::Literal::splat<A>({dtype_of<A>, {}}, empty);
                      literal = ir::converted(literal, x.dtype);
                      std::memcpy(&x.bits, literal.bytes(), size_of(x.dtype));
                    });
    return;
  }

  const auto is_reduced = [&](std::size_t axis) {
    return std::ranges::find(axes, static_cast<std::int64_t>(axis)) != axes.end();
  };
  std::vector<IndexExpr> index(space.rank());
  bool innermost_is_reduced = false;
  for (std::size_t axis = 0; axis < space.rank(); ++axis) {
    if (space[axis] == 1) continue;
    innermost_is_reduced = is_reduced(axis);
    if (!is_reduced(axis)) index[axis] = b_.outer_loop(space[axis]);
  }
  b_.nest().outer_lanes = !innermost_is_reduced;
  b_.begin_phase();
  std::vector<std::vector<std::size_t>> groups;
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

  const Place place{index, {}};
  std::vector<Local> reduced(results_.size());
  for (std::size_t i = 0; i < results_.size(); ++i) {
    const Value result = results_[i];
    if (body_.op(result) != Op::kReduce) {
      b_.write(at(result, place), result_buffer(i), linear(space, index));
      continue;
    }
    const DType accumulator = accumulator_of(attributes(result).dtype(Attr::kAccumulator));
    const Local x = b_.convert(at(body_.operand(result, 0), place), accumulator);
    reduced[i] = b_.reduce(ReductionOrder::kTree, attributes(result).kind(), accumulator, x);
  }
  b_.begin_phase();
  std::vector<IndexExpr> kept;
  for (std::size_t axis = 0; axis < space.rank(); ++axis) {
    if (!is_reduced(axis)) kept.push_back(index[axis]);
  }
  for (std::size_t i = 0; i < results_.size(); ++i) {
    if (body_.op(results_[i]) != Op::kReduce) continue;
    b_.write(b_.convert(reduced[i], dtype(results_[i])), result_buffer(i),
             linear(shape(results_[i]), kept));
  }
  merge_reduced(groups);
}

void RegionLowering::lower_extremum(Value root) {
  const Value x = body_.operand(root, 0);
  const auto axis = static_cast<std::size_t>(attributes(root).integer(Attr::kAxis));
  b_.nest().outer_lanes = true;
  std::vector<IndexExpr> index = outer_loops(shape(root));
  const IndexExpr target = linear(shape(root), index);
  b_.begin_phase();
  index.insert(index.begin() + static_cast<std::ptrdiff_t>(axis), b_.phase_loop(shape(x)[axis]));
  const DType accumulator = accumulator_of(dtype(x));
  const ReduceKind kind = body_.op(root) == Op::kArgmax ? ReduceKind::kMax : ReduceKind::kMin;
  const Local best = b_.reduce(ReductionOrder::kFirst, kind, accumulator,
                               b_.convert(at(x, {index, {}}), accumulator));
  b_.begin_phase();
  b_.write(best, result_buffer(0), target);
}

void RegionLowering::lower_cumsum(Value root) {
  const Value x = body_.operand(root, 0);
  const auto axis = static_cast<std::size_t>(attributes(root).integer(Attr::kAxis));
  b_.nest().outer_lanes = true;
  std::vector<IndexExpr> index(shape(x).rank());
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (i != axis) index[i] = b_.outer_loop(shape(x)[i]);
  }
  b_.begin_phase();
  index[axis] = b_.phase_loop(shape(x)[axis]);
  const DType accumulator = accumulator_of(dtype(x));
  const Local sum = b_.reduce(ReductionOrder::kSequence, ReduceKind::kSum, accumulator,
                              b_.convert(at(x, {index, {}}), accumulator));
  b_.write(sum, result_buffer(0), linear(shape(x), index));
}

void RegionLowering::lower_reduce_window(Value root) {
  const Value x = body_.operand(root, 0);
  const Attributes& a = attributes(root);
  const Shape& windows = shape(root);
  const DType accumulator = accumulator_of(dtype(x));
  b_.nest().outer_lanes = true;
  std::vector<IndexExpr> index = outer_loops(windows);
  const IndexExpr target = linear(windows, index);
  b_.begin_phase();
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
    b_.write(b_.convert(empty, dtype(x)), result_buffer(0), target);
    return;
  }
  Local value = b_.convert(at(x, place), accumulator);
  Local any_inside = -1;
  if (any_padding) {
    const Local inside = b_.inside(place.guards);
    value = b_.op(Op::kSelect, accumulator, {inside, value, neutral});
    any_inside = b_.reduce(ReductionOrder::kSequence, ReduceKind::kOr, DType::kBool, inside);
  }
  Local result = b_.reduce(ReductionOrder::kSequence, kind, accumulator, value);
  b_.begin_phase();
  if (any_padding && kind == ReduceKind::kSum) {
    result = b_.op(Op::kSelect, accumulator, {any_inside, result, b_.constant(accumulator, 0)});
  }
  b_.write(b_.convert(result, dtype(x)), result_buffer(0), target);
}

void RegionLowering::contract(Value root, Local left, Local right, IndexExpr index) {
  const DType accumulator = accumulator_of(dtype(root));
  const Local sum = b_.reduce(ReductionOrder::kContraction, ReduceKind::kSum, accumulator,
                              b_.convert(left, accumulator), b_.convert(right, accumulator));
  b_.begin_phase();
  b_.write(b_.convert(sum, dtype(root)), result_buffer(0), std::move(index));
}

void RegionLowering::lower_matmul(Value root) {
  const Value a = body_.operand(root, 0);
  const Value b = body_.operand(root, 1);
  const Shape& result = shape(root);
  const std::size_t rank = result.rank();
  const std::int64_t depth = shape(a)[shape(a).rank() - 1];
  if (depth == 0) return fill(0, 0);
  b_.nest().outer_lanes = true;
  const std::vector<IndexExpr> index = outer_loops(result);
  b_.begin_phase();
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
  contract(root, at(a, left), at(b, right), linear(result, index));
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
  if (shape(kernel).num_elements() == 0 || shape(x).num_elements() == 0) return fill(0, 0);
  b_.nest().outer_lanes = true;
  std::vector<IndexExpr> index;
  for (std::size_t i = 0; i <= spatial; ++i) index.push_back(b_.outer_loop(result[i]));
  const IndexExpr group = b_.outer_loop(groups);
  const IndexExpr feature_in_group = b_.outer_loop(features);
  IndexExpr feature = scaled(group, features);
  feature.add(feature_in_group, 1);
  index.push_back(feature);
  b_.begin_phase();

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
  Local patch = at(x, left);
  if (!left.guards.empty() && body_.op(x) != Op::kParameter) {
    const DType type = dtype(x);
    patch = b_.op(Op::kSelect, type, {b_.inside(left.guards), patch, b_.constant(type, 0)});
  }
  contract(root, patch, at(kernel, right), linear(result, index));
}

Local RegionLowering::at(Value value, const Place& place) {
  const auto known_place = std::ranges::find(places_, place);
  const auto place_id = static_cast<std::size_t>(known_place - places_.begin());
  if (known_place == places_.end()) places_.push_back(place);
  const std::pair key{value.id, place_id};
  if (const auto it = known_.find(key); it != known_.end()) return it->second;
  const Place copy = place;
  const Local local = compute(value, copy);
  known_.emplace(key, local);
  return local;
}

Local RegionLowering::compute(Value value, const Place& place) {
  const Op op = body_.op(value);
  if (body_.def(value).is_elementwise()) {
    std::vector<Local> operands;
    for (const Value operand : body_.operands(value)) operands.push_back(at(operand, place));
    return b_.op(op, dtype(value), std::move(operands));
  }
  switch (op) {
    case Op::kParameter:
      return read(value, place);
    case Op::kConstant: {
      if (!is_splat(body_, value)) throw NotOneKernel();
      const ir::Literal& literal = attributes(value).literal(Attr::kValue);
      std::uint64_t bits = 0;
      std::memcpy(&bits, literal.bytes(), size_of(dtype(value)));
      return b_.constant_bits(dtype(value), bits);
    }
    case Op::kIota: {
      const auto axis = static_cast<std::size_t>(attributes(value).integer(Attr::kAxis));
      return b_.convert(b_.index(place.index[axis]), dtype(value));
    }
    case Op::kConvert:
      return b_.convert(at(body_.operand(value, 0), place), dtype(value));
    case Op::kBitcast:
      return b_.bitcast(at(body_.operand(value, 0), place), dtype(value));
    case Op::kRngBits: {
      const Value state = body_.operand(value, 0);
      const Local key = at(state, {{constant_index(0)}, {}});
      const Local counter = at(state, {{constant_index(1)}, {}});
      return b_.random_bits(dtype(value), key, counter, linear(shape(value), place.index));
    }
    case Op::kConcatenate:
      return concatenate(value, place);
    case Op::kPad:
      return pad(value, place);
    default:
      return moved(value, place);
  }
}

Local RegionLowering::read(Value parameter, const Place& place) {
  return b_.read(static_cast<std::int32_t>(parameter.id), linear(shape(parameter), place.index),
                 place.guards);
}

// An op whose every element is one of its first operand's.
Local RegionLowering::moved(Value value, Place place) {
  const Value x = body_.operand(value, 0);
  const Place from = place;
  switch (body_.op(value)) {
    case Op::kBroadcast: {
      const std::size_t added = shape(value).rank() - shape(x).rank();
      place.index.clear();
      for (std::size_t i = 0; i < shape(x).rank(); ++i) {
        place.index.push_back(shape(x)[i] == 1 ? IndexExpr{} : from.index[added + i]);
      }
      break;
    }
    case Op::kTranspose: {
      const Dims& permutation = attributes(value).integers(Attr::kPermutation);
      for (std::size_t i = 0; i < permutation.size(); ++i) {
        place.index[static_cast<std::size_t>(permutation[i])] = from.index[i];
      }
      break;
    }
    case Op::kReverse:
      for (const std::int64_t axis : attributes(value).integers(Attr::kAxes)) {
        const auto i = static_cast<std::size_t>(axis);
        place.index[i] = scaled(from.index[i], -1, shape(x)[i] - 1);
      }
      break;
    case Op::kSlice: {
      const Dims& start = attributes(value).integers(Attr::kStart);
      const Dims& stride = attributes(value).integers(Attr::kStride);
      for (std::size_t i = 0; i < start.size(); ++i) {
        place.index[i] = scaled(from.index[i], shape(value)[i] > 1 ? stride[i] : 0, start[i]);
      }
      break;
    }
    case Op::kReshape:
      place = through_reshape(value, from);
      break;
    case Op::kGather:
      place = through_gather(value, from);
      break;
    case Op::kDynamicSlice:
      place = through_dynamic_slice(value, from);
      break;
    default:
      throw NotOneKernel();
  }
  return at(x, place);
}

// Only axes of extent 1 may come and go: any other reshape is not affine.
Place RegionLowering::through_reshape(Value value, const Place& place) const {
  const Shape& to = shape(value);
  const Shape& from = shape(body_.operand(value, 0));
  Place result{std::vector<IndexExpr>(from.rank()), place.guards};
  std::size_t j = 0;
  for (std::size_t i = 0; i < from.rank(); ++i) {
    if (from[i] == 1) continue;
    while (j < to.rank() && to[j] == 1) ++j;
    if (j == to.rank() || to[j] != from[i]) throw NotOneKernel();
    result.index[i] = place.index[j++];
  }
  return result;
}

Place RegionLowering::through_gather(Value value, const Place& place) {
  const Value x = body_.operand(value, 0);
  const Value indices = body_.operand(value, 1);
  const auto axis = static_cast<std::size_t>(attributes(value).integer(Attr::kAxis));
  if (body_.op(indices) != Op::kParameter || shape(x)[axis] == 0) throw NotOneKernel();
  const auto batch = static_cast<std::size_t>(attributes(value).integer(Attr::kBatchDims));
  const std::size_t index_rank = shape(indices).rank() - batch;
  // The result is [batch, x before the axis, indices after batch, x after the axis].
  Place index_place{{}, place.guards};
  for (std::size_t i = 0; i < batch; ++i) index_place.index.push_back(place.index[i]);
  for (std::size_t i = 0; i < index_rank; ++i) index_place.index.push_back(place.index[axis + i]);
  const Local local = b_.convert(at(indices, index_place), DType::kI64);
  Place result{{}, place.guards};
  for (std::size_t i = 0; i < axis; ++i) result.index.push_back(place.index[i]);
  IndexExpr chosen;
  chosen.terms.push_back({local, 1, shape(x)[axis]});
  result.index.push_back(std::move(chosen));
  for (std::size_t i = axis + index_rank; i < place.index.size(); ++i) {
    result.index.push_back(place.index[i]);
  }
  return result;
}

Place RegionLowering::through_dynamic_slice(Value value, const Place& place) {
  const Value x = body_.operand(value, 0);
  const Value start = body_.operand(value, 1);
  if (body_.op(start) != Op::kParameter) throw NotOneKernel();
  Place result = place;
  for (std::size_t i = 0; i < result.index.size(); ++i) {
    const Place at_start{{constant_index(static_cast<std::int64_t>(i))}, {}};
    const Local local = b_.convert(at(start, at_start), DType::kI64);
    result.index[i].terms.push_back({local, 1, shape(x)[i] - shape(value)[i] + 1});
  }
  return result;
}

Local RegionLowering::concatenate(Value value, const Place& place) {
  const auto axis = static_cast<std::size_t>(attributes(value).integer(Attr::kAxis));
  Local result = -1;
  std::int64_t offset = 0;
  for (const Value x : body_.operands(value)) {
    const std::int64_t extent = shape(x)[axis];
    if (shape(x).num_elements() == 0) continue;
    Place inner = place;
    inner.index[axis].base -= offset;
    const Guard guard{inner.index[axis], 0, extent};
    inner.guards.push_back(guard);
    const Local part = at(x, inner);
    result =
        result < 0 ? part : b_.op(Op::kSelect, dtype(value), {b_.inside({guard}), part, result});
    offset += extent;
  }
  return result;
}

Local RegionLowering::pad(Value value, const Place& place) {
  const Value x = body_.operand(value, 0);
  const Attributes& a = attributes(value);
  const Local outside = at(body_.operand(value, 1), {{}, {}});
  if (shape(x).num_elements() == 0) return outside;
  Place inner = place;
  std::vector<Guard> guards;
  for (std::size_t i = 0; i < inner.index.size(); ++i) {
    const std::int64_t low = a.integers(Attr::kLow)[i];
    const std::int64_t extent = shape(x)[i];
    if (extent > 1 && a.integers(Attr::kInterior)[i] != 0) throw NotOneKernel();
    inner.index[i].base -= low;
    if (low != 0 || a.integers(Attr::kHigh)[i] != 0) guards.push_back({inner.index[i], 0, extent});
  }
  if (guards.empty()) return at(x, inner);
  inner.guards.insert(inner.guards.end(), guards.begin(), guards.end());
  return b_.op(Op::kSelect, dtype(value), {b_.inside(guards), at(x, inner), outside});
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
