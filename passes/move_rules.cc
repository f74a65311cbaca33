// Rules about ops that move elements without a choice: reshape, broadcast, transpose and reverse,
// and about reductions and products of what they move.
#include <algorithm>
#include <iterator>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "passes/rule_helpers.h"
#include "passes/structural_rules.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::Literal;
using ir::Op;
using ir::Shape;
using ir::TensorType;
using ir::Type;
using ir::Value;
using Result = std::optional<Value>;

std::size_t index(std::int64_t axis) { return static_cast<std::size_t>(axis); }

const Dims& permutation_of(const Graph& graph, Value transpose) {
  return graph.attributes(transpose).integers(Attr::kPermutation);
}

// The permutation of transpose(transpose(x, inner), outer).
Dims composed(const Dims& inner, const Dims& outer) {
  Dims both;
  for (const std::int64_t axis : outer) both.push_back(inner[index(axis)]);
  return both;
}

// A splat of another type with the same element.
Value splat_like(Builder& b, const Literal& splat, const TensorType& type) {
  return b.constant(visit_dtype(type.dtype, [&]<class T>(std::type_identity<T>) {
    return Literal::splat(type, splat.at<T>(0));
  }));
}

// Moving the elements of a splat gives the same splat in another shape.
Result move_splat(Builder& b, Value value) {
  const Value x = b.graph().operand(value, 0);
  if (!b.graph().is_splat(x)) return std::nullopt;
  const Literal literal = b.graph().attributes(x).literal(Attr::kValue);
  return splat_like(b, literal, b.type(value).tensor());
}

Result reshape_reshape(Builder& b, Value value) {
  const Result x = inner_of_same_op(b.graph(), value);
  if (!x) return std::nullopt;
  return b.reshape(*x, b.type(value).shape());
}

Result broadcast_broadcast(Builder& b, Value value) {
  const Result x = inner_of_same_op(b.graph(), value);
  if (!x) return std::nullopt;
  return b.broadcast(*x, b.type(value).shape());
}

Result transpose_identity(Builder& b, Value value) {
  const Dims& permutation = b.graph().attributes(value).integers(Attr::kPermutation);
  if (!std::ranges::is_sorted(permutation)) return std::nullopt;
  return b.graph().operand(value, 0);
}

Result transpose_transpose(Builder& b, Value value) {
  const Result x = inner_of_same_op(b.graph(), value);
  if (!x) return std::nullopt;
  const Dims& outer = b.graph().attributes(value).integers(Attr::kPermutation);
  const Value middle = b.graph().operand(value, 0);
  const Dims& inner = b.graph().attributes(middle).integers(Attr::kPermutation);
  return b.transpose(*x, composed(inner, outer));
}

// Reversing no axis, or only axes with at most one element.
Result reverse_nothing(Builder& b, Value value) {
  const Dims& axes = b.graph().attributes(value).integers(Attr::kAxes);
  const Shape& shape = b.type(value).shape();
  const bool moves = std::ranges::any_of(
      axes, [&](std::int64_t axis) { return shape[static_cast<std::size_t>(axis)] > 1; });
  if (moves) return std::nullopt;
  return b.graph().operand(value, 0);
}

Result reverse_reverse(Builder& b, Value value) {
  const Result x = inner_of_same_op(b.graph(), value);
  if (!x) return std::nullopt;
  const Dims& outer = b.graph().attributes(value).integers(Attr::kAxes);
  const Dims& inner = b.graph().attributes(b.graph().operand(value, 0)).integers(Attr::kAxes);
  Dims axes;
  std::ranges::set_symmetric_difference(outer, inner, std::back_inserter(axes));
  return b.reverse(*x, std::move(axes));
}

// Of extents with ones in front, those without.
std::span<const std::int64_t> without_leading_ones(const Shape& shape) {
  std::span<const std::int64_t> dims = shape.dims();
  while (!dims.empty() && dims.front() == 1) dims = dims.subspan(1);
  return dims;
}

// A broadcast puts ones in front itself.
Result broadcast_reshape(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const Value column = graph.operand(value, 0);
  if (graph.op(column) != Op::kReshape) return std::nullopt;
  const Value x = graph.operand(column, 0);
  const bool is_in_front = std::ranges::equal(without_leading_ones(b.type(x).shape()),
                                              without_leading_ones(b.type(column).shape()));
  if (!is_in_front || b.type(x).shape().rank() > b.type(value).shape().rank()) return std::nullopt;
  return b.broadcast(x, b.type(value).shape());
}

// Axes of extent 1 are as well anywhere.
Result transpose_ones(Builder& b, Value value) {
  const Shape& shape = b.type(value).shape();
  std::int64_t last = -1;
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (shape[i] == 1) continue;
    const std::int64_t axis = permutation_of(b.graph(), value)[i];
    if (axis < last) return std::nullopt;
    last = axis;
  }
  return b.reshape(b.graph().operand(value, 0), shape);
}

// What is repeated is turned first, as there is less of it.
Result transpose_broadcast(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const Value repeated = graph.operand(value, 0);
  if (graph.op(repeated) != Op::kBroadcast) return std::nullopt;
  const Value x = graph.operand(repeated, 0);
  Dims dims(b.type(repeated).shape().rank() - b.type(x).shape().rank(), 1);
  dims.insert(dims.end(), b.type(x).shape().begin(), b.type(x).shape().end());
  const Dims permutation = permutation_of(graph, value);
  const Shape shape = b.type(value).shape();
  const Value column = b.reshape(x, Shape(std::move(dims)));
  return b.broadcast(b.transpose(column, permutation), shape);
}

// Elementwise ops of what the outer transpose turns back.
Result transpose_elementwise(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const Value inside = graph.operand(value, 0);
  const Op op = graph.op(inside);
  if (!graph.def(inside).is_elementwise() && op != Op::kConvert && op != Op::kBitcast) {
    return std::nullopt;
  }
  const Dims back = inverse(permutation_of(graph, value));
  bool has_transposes = false;
  for (const Value operand : graph.operands(inside)) {
    if (graph.is_splat(operand)) continue;
    if (graph.op(operand) != Op::kTranspose || permutation_of(graph, operand) != back) {
      return std::nullopt;
    }
    has_transposes = true;
  }
  if (!has_transposes) return std::nullopt;
  const Type type = b.type(value);
  const std::vector<Value> outer(graph.operands(inside).begin(), graph.operands(inside).end());
  const ir::Attributes attributes = graph.attributes(inside);
  std::vector<Value> operands;
  for (const Value operand : outer) {
    if (!b.graph().is_splat(operand)) {
      operands.push_back(b.graph().operand(operand, 0));
      continue;
    }
    const Literal literal = b.graph().attributes(operand).literal(Attr::kValue);
    operands.push_back(splat_like(b, literal, {literal.dtype(), type.shape()}));
  }
  return b.add_node(op, operands, attributes, &type);
}

// A product of matrices, transposed, is that of the transposed ones in the other order: each sum
// has the same terms in the same order. Of the transposes, of which there was one around the
// product and one or two in it, as many as were in it less one are left.
Result transpose_matmul(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const Value product = graph.operand(value, 0);
  if (graph.op(product) != Op::kMatmul) return std::nullopt;
  const auto swaps_last_two = [](const Dims& permutation) {
    if (permutation.size() < 2) return false;
    Dims swapped(permutation.size());
    std::iota(swapped.begin(), swapped.end(), 0);
    std::swap(swapped.back(), swapped[swapped.size() - 2]);
    return permutation == swapped;
  };
  if (!swaps_last_two(permutation_of(graph, value))) return std::nullopt;
  const auto is_transposed = [&](Value x) {
    return graph.op(x) == Op::kTranspose && swaps_last_two(permutation_of(graph, x));
  };
  const Value left = graph.operand(product, 0);
  const Value right = graph.operand(product, 1);
  if (!is_transposed(left) && !is_transposed(right)) return std::nullopt;
  const auto turned = [&](Value x) {
    if (is_transposed(x)) return b.graph().operand(x, 0);
    Dims permutation(b.type(x).shape().rank());
    std::iota(permutation.begin(), permutation.end(), 0);
    std::swap(permutation.back(), permutation[permutation.size() - 2]);
    return b.transpose(x, std::move(permutation));
  };
  const Value first = turned(right);
  const Value second = turned(left);
  return b.matmul(first, second);
}

// Kinds that give the same for an element once or several times, in any order.
bool is_idempotent(ir::ReduceKind kind) {
  switch (kind) {
    case ir::ReduceKind::kMax:
    case ir::ReduceKind::kMin:
    case ir::ReduceKind::kAnd:
    case ir::ReduceKind::kOr:
      return true;
    default:
      return false;
  }
}

// The largest of equal elements is one of them.
Result reduce_broadcast(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const Value repeated = graph.operand(value, 0);
  if (graph.op(repeated) != Op::kBroadcast || !is_idempotent(graph.attributes(value).kind())) {
    return std::nullopt;
  }
  const Value x = graph.operand(repeated, 0);
  const Shape& from = b.type(x).shape();
  const Shape& whole = b.type(repeated).shape();
  const std::size_t added = whole.rank() - from.rank();
  const Dims& axes = graph.attributes(value).integers(Attr::kAxes);
  Dims kept;  // extents of x along the axes that stay
  for (std::size_t axis = 0; axis < whole.rank(); ++axis) {
    const bool is_reduced = std::ranges::find(axes, static_cast<std::int64_t>(axis)) != axes.end();
    const std::int64_t extent = axis < added ? 1 : from[axis - added];
    if (is_reduced && (extent != 1 || whole[axis] == 0)) return std::nullopt;
    if (!is_reduced) kept.push_back(extent);
  }
  return b.broadcast(b.reshape(x, Shape(std::move(kept))), b.type(value).shape());
}

// The largest of the largest.
Result reduce_reduce(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const Result x = inner_of_same_op(graph, value);
  if (!x) return std::nullopt;
  const Value inner = graph.operand(value, 0);
  const ir::ReduceKind kind = graph.attributes(value).kind();
  if (graph.attributes(inner).kind() != kind || !is_idempotent(kind)) return std::nullopt;
  const Dims& first = graph.attributes(inner).integers(Attr::kAxes);
  const Dims& then = graph.attributes(value).integers(Attr::kAxes);
  Dims axes = first;
  std::int64_t axis = 0;  // of the inner result
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(b.type(*x).shape().rank()); ++i) {
    if (std::ranges::find(first, i) != first.end()) continue;
    if (std::ranges::find(then, axis++) != then.end()) axes.push_back(i);
  }
  std::ranges::sort(axes);
  return b.reduce(*x, kind, std::move(axes));
}

// A reduction over axes of extent 1 moves nothing: one element, no rounding.
Result reduce_single(Builder& b, Value value) {
  const Value x = b.graph().operand(value, 0);
  const Dims& axes = b.graph().attributes(value).integers(Attr::kAxes);
  const Shape& shape = b.type(x).shape();
  const bool single = std::ranges::all_of(
      axes, [&](std::int64_t axis) { return shape[static_cast<std::size_t>(axis)] == 1; });
  if (!single) return std::nullopt;
  return b.reshape(x, b.type(value).shape());
}

// The largest is found in any order. What is left is turned instead, if more than one axis is.
Result reduce_transpose(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const Value turned = graph.operand(value, 0);
  const ir::ReduceKind kind = graph.attributes(value).kind();
  if (graph.op(turned) != Op::kTranspose || !is_idempotent(kind)) return std::nullopt;
  const Dims permutation = permutation_of(graph, turned);
  Dims axes;
  for (const std::int64_t axis : graph.attributes(value).integers(Attr::kAxes)) {
    axes.push_back(permutation[index(axis)]);
  }
  std::ranges::sort(axes);
  Dims kept;  // axes of x, in the order of the result
  for (const std::int64_t axis : permutation) {
    if (!std::ranges::binary_search(axes, axis)) kept.push_back(axis);
  }
  Dims sorted = kept;
  std::ranges::sort(sorted);
  for (std::int64_t& axis : kept) axis = std::ranges::lower_bound(sorted, axis) - sorted.begin();
  const Value x = graph.operand(turned, 0);
  return b.transpose(b.reduce(x, kind, std::move(axes)), std::move(kept));
}

}  // namespace

std::vector<Rule> move_rules() {
  return {
      function_rule("move-splat",
                    {Op::kReshape, Op::kBroadcast, Op::kTranspose, Op::kReverse, Op::kSlice},
                    move_splat, "moving the elements of a splat gives a splat",
                    "%0 = constant(2) : f32[]\n%1 = broadcast(%0) : f32[100,100]",
                    "%0 = constant([1, 2, 3]) : f32[3]\n"
                    "%1 = broadcast(%0) : f32[10000,3]"),
      function_rule("reshape-reshape", {Op::kReshape}, reshape_reshape,
                    "reshape(reshape(x)) = reshape(x)",
                    "%0 = reshape(%x) : f32[3,1]\n%1 = reshape(%0) : f32[1,3]",
                    "%0 = reshape(%x) : f32[3,1]\n"
                    "%1 = broadcast(%0) : f32[3,2]\n"
                    "%2 = reshape(%1) : f32[6]"),
      function_rule("broadcast-broadcast", {Op::kBroadcast}, broadcast_broadcast,
                    "broadcast(broadcast(x)) = broadcast(x)",
                    "%0 = broadcast(%x) : f32[2,3]\n%1 = broadcast(%0) : f32[4,2,3]",
                    "%0 = broadcast(%x) : f32[2,3]\n"
                    "%1 = reshape(%0) : f32[2,1,3]\n"
                    "%2 = broadcast(%1) : f32[2,4,3]"),
      function_rule("transpose-identity", {Op::kTranspose}, transpose_identity,
                    "a transpose that keeps every axis is its operand",
                    "%0 = transpose(%x, permutation=[0]) : f32[3]",
                    "%0 = broadcast(%x) : f32[2,3]\n"
                    "%1 = transpose(%0, permutation=[1, 0]) : f32[3,2]"),
      function_rule("transpose-transpose", {Op::kTranspose}, transpose_transpose,
                    "transpose(transpose(x)) is one transpose",
                    "%0 = reshape(%x) : f32[1,3,1]\n"
                    "%1 = transpose(%0, permutation=[1, 2, 0]) : f32[3,1,1]\n"
                    "%2 = transpose(%1, permutation=[1, 0, 2]) : f32[1,3,1]",
                    "%0 = broadcast(%x) : f32[2,3]\n"
                    "%1 = transpose(%0, permutation=[1, 0]) : f32[3,2]\n"
                    "%2 = reverse(%1, axes=[0]) : f32[3,2]\n"
                    "%3 = transpose(%2, permutation=[1, 0]) : f32[2,3]"),
      function_rule("reverse-nothing", {Op::kReverse}, reverse_nothing,
                    "reversing axes of at most one element is the operand",
                    "%0 = reverse(%x, axes=[]) : f32[3]", "%0 = reverse(%x, axes=[0]) : f32[3]"),
      function_rule("reverse-reverse", {Op::kReverse}, reverse_reverse,
                    "reverse(reverse(x)) reverses the axes that one of them does",
                    "%0 = reverse(%x, axes=[0]) : f32[3]\n%1 = reverse(%0, axes=[0]) : f32[3]",
                    "%0 = reverse(%x, axes=[0]) : f32[3]\n"
                    "%1 = add(%0, %x) : f32[3]\n"
                    "%2 = reverse(%1, axes=[0]) : f32[3]"),
      function_rule("broadcast-reshape", {Op::kBroadcast}, broadcast_reshape,
                    "a broadcast adds axes in front itself",
                    "%0 = reshape(%x) : f32[1,3]\n%1 = broadcast(%0) : f32[4,3]",
                    "%0 = reshape(%x) : f32[3,1]\n"
                    "%1 = broadcast(%0) : f32[3,4]"),
      function_rule("transpose-ones", {Op::kTranspose}, transpose_ones,
                    "a transpose that moves axes of extent 1 alone is a reshape",
                    "%0 = reshape(%x) : f32[1,3]\n"
                    "%1 = transpose(%0, permutation=[1, 0]) : f32[3,1]",
                    "%0 = broadcast(%x) : f32[2,3]\n"
                    "%1 = reshape(%0) : f32[2,1,3]\n"
                    "%2 = transpose(%1, permutation=[1, 2, 0]) : f32[1,3,2]"),
      function_rule("transpose-broadcast", {Op::kTranspose}, transpose_broadcast,
                    "the transpose of what is repeated is repeated",
                    "%0 = broadcast(%x) : f32[4,3]\n"
                    "%1 = transpose(%0, permutation=[1, 0]) : f32[3,4]",
                    "%0 = concatenate(%x, %x, axis=0) : f32[6]\n"
                    "%1 = reshape(%0) : f32[2,3]\n"
                    "%2 = transpose(%1, permutation=[1, 0]) : f32[3,2]"),
      function_rule("transpose-elementwise", {Op::kTranspose}, transpose_elementwise,
                    "the transpose of an elementwise op of what it turns back is the op before",
                    "%0 = concatenate(%x, %x, axis=0) : f32[6]\n"
                    "%1 = reshape(%0) : f32[2,3]\n"
                    "%2 = transpose(%1, permutation=[1, 0]) : f32[3,2]\n"
                    "%3 = max(%2, %2) : f32[3,2]\n"
                    "%4 = transpose(%3, permutation=[1, 0]) : f32[2,3]",
                    "%0 = concatenate(%x, %x, axis=0) : f32[6]\n"
                    "%1 = reshape(%0) : f32[2,3]\n"
                    "%2 = transpose(%1, permutation=[1, 0]) : f32[3,2]\n"
                    "%3 = reshape(%0) : f32[3,2]\n"
                    "%4 = max(%2, %3) : f32[3,2]\n"
                    "%5 = transpose(%4, permutation=[1, 0]) : f32[2,3]"),
      function_rule("transpose-matmul", {Op::kTranspose}, transpose_matmul,
                    "transpose(matmul(transpose(x), y)) = matmul(transpose(y), x)",
                    "%0 = concatenate(%x, %x, axis=0) : f32[6]\n"
                    "%1 = reshape(%0) : f32[2,3]\n"
                    "%2 = transpose(%1, permutation=[1, 0]) : f32[3,2]\n"
                    "%3 = matmul(%2, %1) : f32[3,3]\n"
                    "%4 = transpose(%3, permutation=[1, 0]) : f32[3,3]",
                    "%0 = concatenate(%x, %x, axis=0) : f32[6]\n"
                    "%1 = reshape(%0) : f32[2,3]\n"
                    "%2 = reshape(%0) : f32[3,2]\n"
                    "%3 = matmul(%1, %2) : f32[2,2]\n"
                    "%4 = transpose(%3, permutation=[1, 0]) : f32[2,2]"),
      function_rule("reduce-broadcast", {Op::kReduce}, reduce_broadcast,
                    "the max, min, and, or of what a broadcast repeats is the operand",
                    "%0 = broadcast(%x) : f32[4,3]\n"
                    "%1 = reduce(%0, kind=max, axes=[0]) : f32[3]",
                    "%0 = broadcast(%x) : f32[4,3]\n"
                    "%1 = reduce(%0, kind=sum, axes=[0]) : f32[3]"),
      function_rule("reduce-reduce", {Op::kReduce}, reduce_reduce,
                    "the max, min, and, or over some axes and then others is one over all",
                    "%0 = broadcast(%x) : f32[2,3]\n"
                    "%1 = reduce(%0, kind=max, axes=[1]) : f32[2]\n"
                    "%2 = reduce(%1, kind=max, axes=[0]) : f32[]",
                    "%0 = broadcast(%x) : f32[2,3]\n"
                    "%1 = reduce(%0, kind=sum, axes=[1]) : f32[2]\n"
                    "%2 = reduce(%1, kind=sum, axes=[0]) : f32[]"),
      function_rule("reduce-single", {Op::kReduce}, reduce_single,
                    "reducing axes of extent 1 is a reshape",
                    "%0 = reshape(%x) : f32[3,1]\n"
                    "%1 = reduce(%0, kind=sum, axes=[1]) : f32[3]",
                    "%0 = reshape(%x) : f32[3,1]\n"
                    "%1 = reduce(%0, kind=sum, axes=[0]) : f32[1]"),
      function_rule("reduce-transpose", {Op::kReduce}, reduce_transpose,
                    "the max, min, and, or of what is transposed is that of the operand",
                    "%0 = concatenate(%x, %x, axis=0) : f32[6]\n"
                    "%1 = reshape(%0) : f32[2,3]\n"
                    "%2 = transpose(%1, permutation=[1, 0]) : f32[3,2]\n"
                    "%3 = reduce(%2, kind=max, axes=[0]) : f32[2]",
                    "%0 = concatenate(%x, %x, axis=0) : f32[6]\n"
                    "%1 = reshape(%0) : f32[2,3]\n"
                    "%2 = transpose(%1, permutation=[1, 0]) : f32[3,2]\n"
                    "%3 = reduce(%2, kind=sum, axes=[0]) : f32[2]"),
  };
}

}  // namespace ndl::passes
