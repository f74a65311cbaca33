#include "needle/shaping.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "ir/attributes.h"

namespace ndl {
namespace {

using ir::Attr;
using ir::Op;

Tensor record_one(Op op, const Operand& x, ir::Attributes attributes) {
  return Tensor(make_record(op, {x.record()}, std::move(attributes), nullptr, x.location()));
}

// An op whose text writes the result type.
Tensor record_given(Op op, const Operand& x, const ir::Type& type) {
  return Tensor(make_record(op, {x.record()}, {}, &type, x.location()));
}

std::int64_t axis_of(const Operand& x, std::int64_t axis, Op op) {
  return resolve_axis(axis, x.shape().rank(), name_of(op), x.location());
}

// The tensors, at least one, converted to where their dtypes meet.
std::vector<RecordRef> promoted(std::span<const Tensor> xs, const std::source_location& at) {
  std::vector<RecordRef> records;
  DType dtype = xs[0].dtype();
  for (const Tensor& x : xs) dtype = promote(dtype, x.dtype());
  for (const Tensor& x : xs) records.push_back(astype(Operand(x, at), dtype).record());
  return records;
}

[[noreturn]] void shape_error(const Operand& x, const std::string& message) {
  throw ShapeError(Diagnostic{to_location(x.location()), message, ""});
}

}  // namespace

Tensor reshape(const Operand& x, ir::Dims shape) {
  const auto open = std::ranges::find(shape, -1);
  if (open != shape.end()) {
    *open = 1;
    // The other extents are checked, a second -1 among them.
    const std::int64_t known = make_shape(shape, "reshape", x.location()).num_elements();
    if (known == 0 || x.shape().num_elements() % known != 0) {
      shape_error(x, fmt::format("reshape: no extent in place of -1 makes {} elements into {}",
                                 x.shape().num_elements(), ir::to_string(shape)));
    }
    *open = x.shape().num_elements() / known;
  }
  return record_given(Op::kReshape, x,
                      {x.dtype().dtype, make_shape(std::move(shape), "reshape", x.location())});
}

Tensor broadcast_to(const Operand& x, const ir::Shape& shape) {
  return record_given(Op::kBroadcast, x, {x.dtype().dtype, shape});
}

Tensor transpose(const Operand& x) { return swap_axes(x, -2, -1); }

Tensor transpose(const Operand& x, ir::Dims permutation) {
  for (std::int64_t& axis : permutation) axis = axis_of(x, axis, Op::kTranspose);
  return record_one(Op::kTranspose, x, {{Attr::kPermutation, std::move(permutation)}});
}

Tensor swap_axes(const Operand& x, std::int64_t axis, std::int64_t other) {
  ir::Dims permutation(x.shape().rank());
  std::iota(permutation.begin(), permutation.end(), 0);
  std::swap(permutation[static_cast<std::size_t>(axis_of(x, axis, Op::kTranspose))],
            permutation[static_cast<std::size_t>(axis_of(x, other, Op::kTranspose))]);
  return record_one(Op::kTranspose, x, {{Attr::kPermutation, std::move(permutation)}});
}

Tensor squeeze(const Operand& x) {
  ir::Dims dims = x.shape().dims();
  std::erase(dims, 1);
  return reshape(x, std::move(dims));
}

Tensor squeeze(const Operand& x, const Axes& axes) {
  const ir::Dims dropped = axes.resolve(x.shape().rank(), "squeeze", x.location());
  ir::Dims dims;
  for (std::size_t i = 0; i < x.shape().rank(); ++i) {
    if (!std::ranges::binary_search(dropped, static_cast<std::int64_t>(i))) {
      dims.push_back(x.shape()[i]);
    } else if (x.shape()[i] != 1) {
      shape_error(x, fmt::format("squeeze: axis {} of {} is not 1", i, x.shape().to_string()));
    }
  }
  return reshape(x, std::move(dims));
}

Tensor expand_dims(const Operand& x, std::int64_t axis) {
  ir::Dims dims = x.shape().dims();
  dims.insert(dims.begin() + resolve_axis(axis, dims.size() + 1, "expand_dims", x.location()), 1);
  return reshape(x, std::move(dims));
}

Tensor after(const Operand& x, const Operand& y) {
  return Tensor(make_record(Op::kAfter, {x.record(), y.record()}, {}, nullptr, x.location()));
}

Tensor flip(const Operand& x, const Axes& axes) {
  return record_one(
      Op::kReverse, x,
      {{Attr::kAxes, axes.resolve(x.shape().rank(), name_of(Op::kReverse), x.location())}});
}

Tensor slice(const Operand& x, ir::Dims start, ir::Dims limit, ir::Dims stride) {
  return record_one(Op::kSlice, x,
                    {{Attr::kStart, std::move(start)},
                     {Attr::kLimit, std::move(limit)},
                     {Attr::kStride, std::move(stride)}});
}

Tensor pad(const Operand& x, const Operand& value, ir::Dims low, ir::Dims high, ir::Dims interior) {
  return Tensor(make_record(Op::kPad, {x.record(), value.record(x.dtype().dtype)},
                            {{Attr::kLow, std::move(low)},
                             {Attr::kHigh, std::move(high)},
                             {Attr::kInterior, std::move(interior)}},
                            nullptr, x.location()));
}

Tensor astype(const Operand& x, DType dtype) {
  if (!x.is_number() && x.dtype().dtype == dtype) return x.tensor();
  return record_given(Op::kConvert, x, {dtype, x.shape()});
}

Tensor bitcast(const Operand& x, DType dtype) {
  return record_given(Op::kBitcast, x, {dtype, x.shape()});
}

Tensor concatenate(std::span<const Tensor> xs, std::int64_t axis, const std::source_location& at) {
  require_tensors(xs, name_of(Op::kConcatenate), at);
  axis = axis_of(Operand(xs[0], at), axis, Op::kConcatenate);
  return Tensor(
      make_record(Op::kConcatenate, promoted(xs, at), {{Attr::kAxis, axis}}, nullptr, at));
}

Tensor concatenate(std::initializer_list<Tensor> xs, std::int64_t axis,
                   const std::source_location& at) {
  return concatenate(std::span(xs.begin(), xs.size()), axis, at);
}

Tensor stack(std::span<const Tensor> xs, std::int64_t axis, const std::source_location& at) {
  require_tensors(xs, name_of(Op::kStack), at);
  axis = resolve_axis(axis, xs[0].rank() + 1, name_of(Op::kStack), at);
  return Tensor(make_record(Op::kStack, promoted(xs, at), {{Attr::kAxis, axis}}, nullptr, at));
}

Tensor stack(std::initializer_list<Tensor> xs, std::int64_t axis, const std::source_location& at) {
  return stack(std::span(xs.begin(), xs.size()), axis, at);
}

TensorTuple split(const Operand& x, std::int64_t axis) {
  return TensorTuple(make_record(Op::kSplit, {x.record()},
                                 {{Attr::kAxis, axis_of(x, axis, Op::kSplit)}}, nullptr,
                                 x.location()));
}

Tensor matmul(const Operand& a, const Operand& b) {
  const std::source_location& at = a.location();
  const OperandDType dtypes[] = {a.dtype(), b.dtype()};
  const DType dtype = promote(dtypes);
  Tensor left = astype(a, dtype);
  Tensor right = astype(b, dtype);
  const bool is_row = left.rank() == 1;
  const bool is_column = right.rank() == 1;
  if (is_row) left = expand_dims(Operand(left, at), 0);
  if (is_column) right = expand_dims(Operand(right, at), 1);
  Tensor product(make_record(Op::kMatmul, {left.record(), right.record()}, {}, nullptr, at));
  if (is_row) product = squeeze(Operand(product, at), -2);
  if (is_column) product = squeeze(Operand(product, at), -1);
  return product;
}

TensorTuple make_tuple(std::span<const Tensor> xs, const std::source_location& at) {
  std::vector<RecordRef> records;
  for (const Tensor& x : xs) records.push_back(x.record());
  return TensorTuple(make_record(Op::kMakeTuple, std::move(records), {}, nullptr, at));
}

TensorTuple make_tuple(std::initializer_list<Tensor> xs, const std::source_location& at) {
  return make_tuple(std::span(xs.begin(), xs.size()), at);
}

TensorTuple fused_add_scalars(const Operand& x, std::vector<double> scalars) {
  return TensorTuple(make_record(Op::kFusedAddScalars, {x.record()},
                                 {{Attr::kScalars, std::move(scalars)}}, nullptr, x.location()));
}

TensorTuple fused_add_scalars(const Operand& x, double c0, double c1) {
  return fused_add_scalars(x, std::vector{c0, c1});
}

Tensor iota(const ir::Shape& shape, std::int64_t axis, DType dtype,
            const std::source_location& at) {
  const ir::Type type(dtype, shape);
  axis = resolve_axis(axis, shape.rank(), name_of(Op::kIota), at);
  return Tensor(make_record(Op::kIota, {}, {{Attr::kAxis, axis}}, &type, at));
}

Tensor arange(std::int64_t n, DType dtype, const std::source_location& at) {
  return iota(make_shape({n}, "arange", at), 0, dtype, at);
}

}  // namespace ndl
