// Rules of canonicalize about parts: slices, concatenations and padding.
#include <algorithm>
#include <span>
#include <utility>

#include "base/checked.h"
#include "ir/math/convert.h"
#include "passes/rule_helpers.h"
#include "passes/structural_rules.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Attributes;
using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::Literal;
using ir::Op;
using ir::Shape;
using ir::Value;
using Result = std::optional<Value>;

// start and stride of the outer slice count in elements of the inner one.
Result slice_slice(Builder& b, Value value) {
  const Result x = inner_of_same_op(b.graph(), value);
  if (!x) return std::nullopt;
  const Attributes& outer = b.graph().attributes(value);
  const Attributes& inner = b.graph().attributes(b.graph().operand(value, 0));
  const Shape& result = b.type(value).shape();
  Dims start;
  Dims limit;
  Dims stride;
  for (std::size_t i = 0; i < result.rank(); ++i) {
    const std::int64_t step = inner.integers(Attr::kStride)[i];
    const auto next = checked_mul(outer.integers(Attr::kStride)[i], step);
    if (!next) return std::nullopt;
    stride.push_back(*next);
    if (result[i] == 0) {
      start.push_back(0);
      limit.push_back(0);
      continue;
    }
    // The positions exist in x, so none of this overflows.
    start.push_back(inner.integers(Attr::kStart)[i] + outer.integers(Attr::kStart)[i] * step);
    limit.push_back(start.back() + (result[i] - 1) * stride.back() + 1);
  }
  return b.slice(*x, std::move(start), std::move(limit), std::move(stride));
}

// A slice that lies in one operand along the axis of a concatenation.
Result slice_concatenate(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const Value joined = graph.operand(value, 0);
  if (graph.op(joined) != Op::kConcatenate || b.type(value).shape().num_elements() == 0) {
    return std::nullopt;
  }
  const Attributes& slice = graph.attributes(value);
  const auto axis = static_cast<std::size_t>(graph.attributes(joined).integer(Attr::kAxis));
  Dims start = slice.integers(Attr::kStart);
  Dims limit = slice.integers(Attr::kLimit);
  Dims stride = slice.integers(Attr::kStride);
  const std::int64_t last = start[axis] + (b.type(value).shape()[axis] - 1) * stride[axis];
  std::int64_t begin = 0;
  for (const Value x : graph.operands(joined)) {
    const std::int64_t end = begin + b.type(x).shape()[axis];
    if (begin <= start[axis] && last < end) {
      start[axis] -= begin;
      limit[axis] = last - begin + 1;
      return b.slice(x, std::move(start), std::move(limit), std::move(stride));
    }
    begin = end;
  }
  return std::nullopt;
}

// A slice of what is padded that has none of the padding.
Result slice_pad(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const Value padded = graph.operand(value, 0);
  if (graph.op(padded) != Op::kPad || b.type(value).shape().num_elements() == 0) {
    return std::nullopt;
  }
  const Dims& low = graph.attributes(padded).integers(Attr::kLow);
  if (!all_are(graph.attributes(padded).integers(Attr::kInterior), 0)) return std::nullopt;
  const Value x = graph.operand(padded, 0);
  Dims start = graph.attributes(value).integers(Attr::kStart);
  Dims limit = start;
  Dims stride = graph.attributes(value).integers(Attr::kStride);
  for (std::size_t axis = 0; axis < start.size(); ++axis) {
    start[axis] -= low[axis];
    const std::int64_t last = start[axis] + (b.type(value).shape()[axis] - 1) * stride[axis];
    if (start[axis] < 0 || last >= b.type(x).shape()[axis]) return std::nullopt;
    limit[axis] = last + 1;
  }
  return b.slice(x, std::move(start), std::move(limit), std::move(stride));
}

// A slice along axes that a broadcast repeats.
Result slice_broadcast(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const Value repeated = graph.operand(value, 0);
  if (graph.op(repeated) != Op::kBroadcast) return std::nullopt;
  const Value x = graph.operand(repeated, 0);
  const Shape& from = b.type(x).shape();
  const Shape& whole = b.type(repeated).shape();
  const Shape& part = b.type(value).shape();
  const std::size_t added = whole.rank() - from.rank();
  for (std::size_t axis = added; axis < whole.rank(); ++axis) {
    const bool is_repeated = from[axis - added] == 1 && whole[axis] != 1;
    if (!is_repeated && part[axis] != whole[axis]) return std::nullopt;
    // All of an axis, but not in every order: strides are positive, so it is.
  }
  return b.broadcast(x, part);
}

// A part of what is transposed; there is less of it to turn.
Result slice_transpose(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const Value turned = graph.operand(value, 0);
  if (graph.op(turned) != Op::kTranspose) return std::nullopt;
  const Dims permutation = graph.attributes(turned).integers(Attr::kPermutation);
  Dims start(permutation.size());
  Dims limit = start;
  Dims stride = start;
  for (std::size_t i = 0; i < permutation.size(); ++i) {
    const auto axis = static_cast<std::size_t>(permutation[i]);
    start[axis] = graph.attributes(value).integers(Attr::kStart)[i];
    limit[axis] = graph.attributes(value).integers(Attr::kLimit)[i];
    stride[axis] = graph.attributes(value).integers(Attr::kStride)[i];
  }
  const Value x = graph.operand(turned, 0);
  return b.transpose(b.slice(x, std::move(start), std::move(limit), std::move(stride)),
                     permutation);
}

// A window that begins at places which are known.
Result dynamic_slice_constant(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const Value indices = graph.operand(value, 1);
  if (graph.op(indices) != Op::kConstant) return std::nullopt;
  const Literal& literal = graph.attributes(indices).literal(Attr::kValue);
  const Value x = graph.operand(value, 0);
  Dims start;
  Dims limit;
  for (std::size_t i = 0; i < b.type(x).shape().rank(); ++i) {
    const std::int64_t at = visit_dtype(literal.dtype(), [&]<class T>(std::type_identity<T>) {
      return ir::math::convert_element<std::int64_t>(literal.at<T>(static_cast<std::int64_t>(i)));
    });
    const std::int64_t extent = b.type(value).shape()[i];
    // A window outside is an error, which stays one.
    if (at < 0 || at > b.type(x).shape()[i] - extent) return std::nullopt;
    start.push_back(at);
    limit.push_back(at + extent);
  }
  const Dims stride(start.size(), 1);
  return b.slice(x, std::move(start), std::move(limit), stride);
}

// Neighbouring parts of one value along the axis, side by side.
Result concatenate_slices(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const std::span<const Value> parts = graph.operands(value);
  const auto axis = static_cast<std::size_t>(graph.attributes(value).integer(Attr::kAxis));
  if (parts.size() < 2 || graph.op(parts[0]) != Op::kSlice) return std::nullopt;
  const Value x = graph.operand(parts[0], 0);
  Dims start = graph.attributes(parts[0]).integers(Attr::kStart);
  Dims limit = graph.attributes(parts[0]).integers(Attr::kLimit);
  const Dims stride = graph.attributes(parts[0]).integers(Attr::kStride);
  if (stride[axis] != 1) return std::nullopt;
  for (const Value part : parts.subspan(1)) {
    if (graph.op(part) != Op::kSlice || graph.operand(part, 0) != x) return std::nullopt;
    const Attributes& next = graph.attributes(part);
    if (next.integers(Attr::kStride) != stride) return std::nullopt;
    for (std::size_t i = 0; i < start.size(); ++i) {
      const std::int64_t expected = i == axis ? limit[i] : start[i];
      if (next.integers(Attr::kStart)[i] != expected) return std::nullopt;
      if (i != axis && next.integers(Attr::kLimit)[i] != limit[i]) return std::nullopt;
    }
    limit[axis] = next.integers(Attr::kLimit)[axis];
  }
  return b.slice(x, std::move(start), std::move(limit), stride);
}

// Padding with one value twice.
Result pad_pad(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const Result x = inner_of_same_op(graph, value);
  if (!x) return std::nullopt;
  const Value inner = graph.operand(value, 0);
  if (graph.operand(inner, 1) != graph.operand(value, 1)) return std::nullopt;
  Dims low = graph.attributes(value).integers(Attr::kLow);
  Dims high = graph.attributes(value).integers(Attr::kHigh);
  for (const Value pad : {value, inner}) {
    if (!all_are(graph.attributes(pad).integers(Attr::kInterior), 0)) return std::nullopt;
  }
  for (std::size_t axis = 0; axis < low.size(); ++axis) {
    const std::int64_t inner_low = graph.attributes(inner).integers(Attr::kLow)[axis];
    const std::int64_t inner_high = graph.attributes(inner).integers(Attr::kHigh)[axis];
    // What is cut off is not what is added elsewhere.
    if (low[axis] < 0 || high[axis] < 0 || inner_low < 0 || inner_high < 0) return std::nullopt;
    low[axis] += inner_low;
    high[axis] += inner_high;
  }
  return b.pad(*x, graph.operand(value, 1), std::move(low), std::move(high),
               Dims(b.type(value).shape().rank(), 0));
}

Result pad_nothing(Builder& b, Value value) {
  const Attributes& attributes = b.graph().attributes(value);
  const Value x = b.graph().operand(value, 0);
  if (b.type(x) != b.type(value)) return std::nullopt;
  // Equal extents leave interior padding only where there is at most one element to pad.
  if (!all_are(attributes.integers(Attr::kLow), 0)) return std::nullopt;
  return x;
}

Result concatenate_one(Builder& b, Value value) {
  if (b.graph().operands(value).size() != 1) return std::nullopt;
  return b.graph().operand(value, 0);
}

// Operands without elements along the axis add nothing.
Result concatenate_empty(Builder& b, Value value) {
  const std::int64_t axis = b.graph().attributes(value).integer(Attr::kAxis);
  std::vector<Value> kept;
  for (const Value x : b.graph().operands(value)) {
    if (b.type(x).shape()[static_cast<std::size_t>(axis)] != 0) kept.push_back(x);
  }
  if (kept.empty() || kept.size() == b.graph().operands(value).size()) return std::nullopt;
  return b.concatenate(kept, axis);
}

}  // namespace

std::vector<Rule> part_rules() {
  return {
      function_rule("slice-slice", {Op::kSlice}, slice_slice, "slice(slice(x)) is one slice",
                    "%0 = slice(%x, start=[1], limit=[3]) : f32[2]\n"
                    "%1 = slice(%0, start=[1], limit=[2]) : f32[1]",
                    "%0 = slice(%x, start=[1], limit=[3]) : f32[2]\n"
                    "%1 = reverse(%0, axes=[0]) : f32[2]\n"
                    "%2 = slice(%1, start=[1], limit=[2]) : f32[1]"),
      function_rule("slice-concatenate", {Op::kSlice}, slice_concatenate,
                    "a slice that lies in one operand of a concatenation is a slice of that",
                    "%0 = concatenate(%x, %x, axis=0) : f32[6]\n"
                    "%1 = slice(%0, start=[4], limit=[6]) : f32[2]",
                    "%0 = concatenate(%x, %x, axis=0) : f32[6]\n"
                    "%1 = slice(%0, start=[2], limit=[4]) : f32[2]"),
      function_rule("slice-pad", {Op::kSlice}, slice_pad,
                    "a slice without the padding is a slice of what is padded",
                    "%0 = constant(7) : f32[]\n"
                    "%1 = pad(%x, %0, low=[2], high=[1]) : f32[6]\n"
                    "%2 = slice(%1, start=[3], limit=[5]) : f32[2]",
                    "%0 = constant(7) : f32[]\n"
                    "%1 = pad(%x, %0, low=[2], high=[1]) : f32[6]\n"
                    "%2 = slice(%1, start=[1], limit=[3]) : f32[2]"),
      function_rule("slice-broadcast", {Op::kSlice}, slice_broadcast,
                    "a slice along axes that a broadcast repeats is a smaller broadcast",
                    "%0 = broadcast(%x) : f32[4,3]\n"
                    "%1 = slice(%0, start=[1,0], limit=[3,3]) : f32[2,3]",
                    "%0 = broadcast(%x) : f32[4,3]\n"
                    "%1 = slice(%0, start=[0,1], limit=[4,3]) : f32[4,2]"),
      function_rule("slice-transpose", {Op::kSlice}, slice_transpose,
                    "a slice of what is transposed is the transpose of a slice",
                    "%0 = concatenate(%x, %x, axis=0) : f32[6]\n"
                    "%1 = reshape(%0) : f32[2,3]\n"
                    "%2 = transpose(%1, permutation=[1, 0]) : f32[3,2]\n"
                    "%3 = slice(%2, start=[1,0], limit=[3,2]) : f32[2,2]",
                    "%0 = concatenate(%x, %x, axis=0) : f32[6]\n"
                    "%1 = reshape(%0) : f32[2,3]\n"
                    "%2 = transpose(%1, permutation=[1, 0]) : f32[3,2]\n"
                    "%3 = reshape(%2) : f32[6]\n"
                    "%4 = slice(%3, start=[1], limit=[3]) : f32[2]"),
      function_rule("dynamic-slice-constant", {Op::kDynamicSlice}, dynamic_slice_constant,
                    "a window that begins at a known place is a slice",
                    "%0 = constant([1]) : i32[1]\n%1 = dynamic_slice(%x, %0) : f32[2]",
                    "%0 = convert(%x) : i32[3]\n"
                    "%1 = slice(%0, start=[0], limit=[1]) : i32[1]\n"
                    "%2 = dynamic_slice(%x, %1) : f32[2]"),
      function_rule("concatenate-slices", {Op::kConcatenate}, concatenate_slices,
                    "neighbouring slices of x, concatenated, are one slice",
                    "%0 = slice(%x, start=[0], limit=[1]) : f32[1]\n"
                    "%1 = slice(%x, start=[1], limit=[3]) : f32[2]\n"
                    "%2 = concatenate(%0, %1, axis=0) : f32[3]",
                    "%0 = slice(%x, start=[0], limit=[1]) : f32[1]\n"
                    "%1 = slice(%x, start=[2], limit=[3]) : f32[1]\n"
                    "%2 = concatenate(%0, %1, axis=0) : f32[2]"),
      function_rule("pad-pad", {Op::kPad}, pad_pad, "padding twice with one value is done once",
                    "%0 = constant(7) : f32[]\n"
                    "%1 = pad(%x, %0, low=[2], high=[1]) : f32[6]\n"
                    "%2 = pad(%1, %0, low=[0], high=[3]) : f32[9]",
                    "%0 = constant(7) : f32[]\n"
                    "%1 = constant(8) : f32[]\n"
                    "%2 = pad(%x, %0, low=[2], high=[1]) : f32[6]\n"
                    "%3 = pad(%2, %1, low=[0], high=[3]) : f32[9]"),
      function_rule("pad-nothing", {Op::kPad}, pad_nothing, "padding by nothing is the operand",
                    "%0 = constant(0) : f32[]\n%1 = pad(%x, %0) : f32[3]",
                    "%0 = constant(0) : f32[]\n"
                    "%1 = pad(%x, %0, low=[1], high=[0]) : f32[4]"),
      function_rule("concatenate-one", {Op::kConcatenate}, concatenate_one,
                    "one operand concatenated is itself", "%0 = concatenate(%x, axis=0) : f32[3]",
                    "%0 = concatenate(%x, %x, axis=0) : f32[6]"),
      function_rule("concatenate-empty", {Op::kConcatenate}, concatenate_empty,
                    "operands without elements are left out",
                    "%0 = slice(%x, start=[0], limit=[0]) : f32[0]\n"
                    "%1 = concatenate(%x, %0, %x, axis=0) : f32[6]",
                    "%0 = slice(%x, start=[0], limit=[1]) : f32[1]\n"
                    "%1 = concatenate(%x, %0, %x, axis=0) : f32[7]"),
  };
}

}  // namespace ndl::passes
