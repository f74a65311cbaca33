// Reductions, and the functions made of them.
//
// `axes` are all by default, and are dropped unless `keepdims`, which leaves them with extent 1.
// The order in which elements are combined is a function of shape, axes and dtype alone
// (ir/reduction.h). All throw ShapeError or DTypeError with the line of the call.
#pragma once

#include <optional>

#include "needle/axes.h"
#include "needle/operand.h"
#include "needle/tensor.h"

namespace ndl {

// Of any number, in its dtype, 16-bit floats in f32 in between; of bool, the count as i32.
Tensor sum(const Operand& x, const Axes& axes = {}, bool keepdims = false);
Tensor prod(const Operand& x, const Axes& axes = {}, bool keepdims = false);
// sum / number of elements; of integers and bools in f32, 16-bit floats in f32 until the end.
Tensor mean(const Operand& x, const Axes& axes = {}, bool keepdims = false);
// The largest and smallest; NaN if there is one, and true is larger than false. By numpy's short
// names, because max(a, b) is the larger of two.
Tensor amax(const Operand& x, const Axes& axes = {}, bool keepdims = false);
Tensor amin(const Operand& x, const Axes& axes = {}, bool keepdims = false);
// Whether all are true, and whether any is; of bools, or the bits of integers.
Tensor all(const Operand& x, const Axes& axes = {}, bool keepdims = false);
Tensor any(const Operand& x, const Axes& axes = {}, bool keepdims = false);

// The index, i64, of the first NaN, else of the first largest or smallest, along `axis`, or in x as
// one row where no axis is given.
Tensor argmax(const Operand& x, std::optional<std::int64_t> axis = std::nullopt,
              bool keepdims = false);
Tensor argmin(const Operand& x, std::optional<std::int64_t> axis = std::nullopt,
              bool keepdims = false);
// Running sums along `axis`, or of x as one row where no axis is given; of bools as i32.
Tensor cumsum(const Operand& x, std::optional<std::int64_t> axis = std::nullopt);

// exp(x) / sum(exp(x)) and its logarithm over `axes`, in x's shape, computed without overflow;
// integers in f32.
Tensor softmax(const Operand& x, const Axes& axes = -1);
Tensor log_softmax(const Operand& x, const Axes& axes = -1);
// log(sum(exp(x))) over `axes`, computed without overflow; integers in f32.
Tensor logsumexp(const Operand& x, const Axes& axes = {}, bool keepdims = false);

}  // namespace ndl
