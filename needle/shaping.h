// Functions that rearrange, convert, join and multiply tensors, and make tuples.
//
// Axes count from the end when negative. All throw ShapeError or DTypeError with the line of the
// call when operands do not fit.
#pragma once

#include <cstdint>
#include <source_location>
#include <span>
#include <vector>

#include "needle/axes.h"
#include "needle/operand.h"
#include "needle/tensor.h"

namespace ndl {

// x[...] of any shape -> `shape`: the same elements in row-major order. One extent may be -1 and is
// then what is left.
Tensor reshape(const Operand& x, ir::Dims shape);
// x repeated to `shape`; axes align at the end, extent 1 stretches.
Tensor broadcast_to(const Operand& x, const ir::Shape& shape);
// x[..., m, n] -> [..., n, m]: the last two axes swapped.
Tensor transpose(const Operand& x);
// Axis i of the result is axis permutation[i] of x.
Tensor transpose(const Operand& x, ir::Dims permutation);
Tensor swap_axes(const Operand& x, std::int64_t axis, std::int64_t other);
// x without `axes`, which have extent 1; without all such axes by default.
Tensor squeeze(const Operand& x);
Tensor squeeze(const Operand& x, const Axes& axes);
// x with a new axis of extent 1 at `axis` of the result.
Tensor expand_dims(const Operand& x, std::int64_t axis);
// x, as a value that is not there before y is: what is computed from it is computed after y.
Tensor after(const Operand& x, const Operand& y);
// The elements along each of `axes` in reverse.
Tensor flip(const Operand& x, const Axes& axes = {});
// x[start:limit:stride] along every axis. start <= limit <= extent, stride >= 1; all 1 by default.
Tensor slice(const Operand& x, ir::Dims start, ir::Dims limit, ir::Dims stride = {});
// x with `value`, of x's dtype, before (low), after (high) and between (interior) the elements of
// every axis.
Tensor pad(const Operand& x, const Operand& value, ir::Dims low, ir::Dims high,
           ir::Dims interior = {});

// Each element converted as the op `convert` does; x itself if it has that dtype.
Tensor astype(const Operand& x, DType dtype);
// The bits of each element read as another number of the same width.
Tensor bitcast(const Operand& x, DType dtype);

// Tensors of one rank joined along `axis`; they may differ there only. dtypes meet
// (needle/promote.h).
Tensor concatenate(std::span<const Tensor> xs, std::int64_t axis = 0,
                   const std::source_location& at = std::source_location::current());
Tensor concatenate(std::initializer_list<Tensor> xs, std::int64_t axis = 0,
                   const std::source_location& at = std::source_location::current());
// Tensors of one shape joined along a new axis of the result. dtypes meet.
Tensor stack(std::span<const Tensor> xs, std::int64_t axis = 0,
             const std::source_location& at = std::source_location::current());
Tensor stack(std::initializer_list<Tensor> xs, std::int64_t axis = 0,
             const std::source_location& at = std::source_location::current());
// The tensors x[i] along `axis`, which is dropped; at most 1024.
TensorTuple split(const Operand& x, std::int64_t axis = 0);

// a[..., m, k] and b[..., k, n] -> [..., m, n]; leading axes broadcast. A vector is a row on the
// left and a column on the right, and its axis is dropped. dtypes meet.
Tensor matmul(const Operand& a, const Operand& b);

// The tuple of the tensors; reading an element gives the tensor itself.
TensorTuple make_tuple(std::span<const Tensor> xs,
                       const std::source_location& at = std::source_location::current());
TensorTuple make_tuple(std::initializer_list<Tensor> xs,
                       const std::source_location& at = std::source_location::current());
// (x + scalars[0], x + scalars[1], ...), each of x's type, in one op.
TensorTuple fused_add_scalars(const Operand& x, std::vector<double> scalars);
TensorTuple fused_add_scalars(const Operand& x, double c0, double c1);

// Each element its index along `axis` of `shape`.
Tensor iota(const ir::Shape& shape, std::int64_t axis, DType dtype = DType::kI32,
            const std::source_location& at = std::source_location::current());
// [0, 1, ..., n - 1]
Tensor arange(std::int64_t n, DType dtype = DType::kI32,
              const std::source_location& at = std::source_location::current());

}  // namespace ndl
