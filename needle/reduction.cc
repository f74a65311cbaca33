#include "needle/reduction.h"

#include "ir/attributes.h"
#include "needle/elementwise.h"
#include "needle/shaping.h"

namespace ndl {
namespace {

using ir::Attr;
using ir::Op;
using ir::ReduceKind;

Tensor with_kept_axes(const Tensor& reduced, const Operand& x, const ir::Dims& axes) {
  ir::Dims dims = x.shape().dims();
  for (const std::int64_t axis : axes) dims[static_cast<std::size_t>(axis)] = 1;
  return reshape(Operand(reduced, x.location()), std::move(dims));
}

Tensor reduce(const Operand& x, ReduceKind kind, const Axes& axes, bool keepdims) {
  const ir::Dims dropped = axes.resolve(x.shape().rank(), name_of(Op::kReduce), x.location());
  const Tensor reduced(
      make_record(Op::kReduce, {x.record()},
                  {{Attr::kKind, static_cast<std::int64_t>(kind)}, {Attr::kAxes, dropped}}, nullptr,
                  x.location()));
  return keepdims ? with_kept_axes(reduced, x, dropped) : reduced;
}

bool is_bool(const Operand& x) { return x.dtype().dtype == DType::kBool; }

// x, or what counts and is computed with in its place.
Operand as_number(const Operand& x) {
  return is_bool(x) ? Operand(astype(x, DType::kI32), x.location()) : x;
}
Operand as_float(const Operand& x) {
  return is_float(x.dtype().dtype) ? x : Operand(astype(x, DType::kF32), x.location());
}

// `axis` of x; the whole of x as one row where there is none.
Tensor along_axis(Op op, const Operand& x, std::optional<std::int64_t> axis) {
  const std::source_location& at = x.location();
  const Operand row = axis ? x : Operand(reshape(x, {-1}), at);
  const std::int64_t resolved = resolve_axis(axis.value_or(0), row.shape().rank(), name_of(op), at);
  return Tensor(make_record(op, {row.record()}, {{Attr::kAxis, resolved}}, nullptr, at));
}

Tensor arg(Op op, const Operand& x, std::optional<std::int64_t> axis, bool keepdims) {
  Tensor indices = along_axis(op, as_number(x), axis);
  if (!keepdims) return indices;
  const Axes dropped = axis ? Axes(*axis) : Axes();
  return with_kept_axes(indices, x, dropped.resolve(x.shape().rank(), name_of(op), x.location()));
}

Tensor over_axes(Op op, const Operand& x, const Axes& axes, bool keepdims) {
  const Operand number = as_float(x);
  const ir::Dims resolved = axes.resolve(x.shape().rank(), name_of(op), x.location());
  const Tensor result(
      make_record(op, {number.record()}, {{Attr::kAxes, resolved}}, nullptr, x.location()));
  return keepdims ? with_kept_axes(result, x, resolved) : result;
}

}  // namespace

Tensor sum(const Operand& x, const Axes& axes, bool keepdims) {
  return reduce(as_number(x), ReduceKind::kSum, axes, keepdims);
}
Tensor prod(const Operand& x, const Axes& axes, bool keepdims) {
  return reduce(as_number(x), ReduceKind::kProd, axes, keepdims);
}

Tensor mean(const Operand& x, const Axes& axes, bool keepdims) {
  const std::source_location& at = x.location();
  const DType dtype = is_float(x.dtype().dtype) ? x.dtype().dtype : DType::kF32;
  // 16 bits hold neither the sum of many elements nor their number.
  const DType wide = is_half(dtype) ? DType::kF32 : dtype;
  const Tensor total = sum(Operand(astype(x, wide), at), axes, keepdims);
  std::int64_t count = 1;
  for (const std::int64_t axis : axes.resolve(x.shape().rank(), "mean", at)) {
    count *= x.shape()[static_cast<std::size_t>(axis)];
  }
  const Tensor mean = div(Operand(total, at), Operand(static_cast<double>(count), at));
  return astype(Operand(mean, at), dtype);
}

Tensor amax(const Operand& x, const Axes& axes, bool keepdims) {
  return reduce(x, is_bool(x) ? ReduceKind::kOr : ReduceKind::kMax, axes, keepdims);
}
Tensor amin(const Operand& x, const Axes& axes, bool keepdims) {
  return reduce(x, is_bool(x) ? ReduceKind::kAnd : ReduceKind::kMin, axes, keepdims);
}
Tensor all(const Operand& x, const Axes& axes, bool keepdims) {
  return reduce(x, ReduceKind::kAnd, axes, keepdims);
}
Tensor any(const Operand& x, const Axes& axes, bool keepdims) {
  return reduce(x, ReduceKind::kOr, axes, keepdims);
}

Tensor argmax(const Operand& x, std::optional<std::int64_t> axis, bool keepdims) {
  return arg(Op::kArgmax, x, axis, keepdims);
}
Tensor argmin(const Operand& x, std::optional<std::int64_t> axis, bool keepdims) {
  return arg(Op::kArgmin, x, axis, keepdims);
}
Tensor cumsum(const Operand& x, std::optional<std::int64_t> axis) {
  return along_axis(Op::kCumsum, as_number(x), axis);
}

Tensor softmax(const Operand& x, const Axes& axes) {
  return over_axes(Op::kSoftmax, x, axes, false);
}
Tensor log_softmax(const Operand& x, const Axes& axes) {
  return over_axes(Op::kLogSoftmax, x, axes, false);
}
Tensor logsumexp(const Operand& x, const Axes& axes, bool keepdims) {
  return over_axes(Op::kLogsumexp, x, axes, keepdims);
}

}  // namespace ndl
