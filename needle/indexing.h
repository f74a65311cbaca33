// Functions that read and write at indices in tensors, and sort.
//
// Indices are i32 or i64, and not counted from the end. Computing throws IndexError, with the line
// of the call, for the first index that is out of range; nothing is changed then. For indices known
// to the program, x[{1, Range{2, 5}}], see needle/index.h. All throw ShapeError or DTypeError with
// the line of the call when operands do not fit.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <source_location>
#include <span>

#include "needle/operand.h"
#include "needle/tensor.h"

namespace ndl {

// x taken at `indices`, of any shape, along `axis`, which the axes of `indices` replace.
Tensor take(const Operand& x, const Operand& indices, std::int64_t axis = 0);
// The same where the first `batch_dims` axes of x and indices run together.
Tensor gather(const Operand& x, const Operand& indices, std::int64_t axis,
              std::int64_t batch_dims = 0);
// x with `updates`, of gather(x, indices, axis, batch_dims)'s type, added at `indices`, in the
// order of the indices.
Tensor scatter_add(const Operand& x, const Operand& indices, const Operand& updates,
                   std::int64_t axis = 0, std::int64_t batch_dims = 0);

// The window of `shape` that begins at the indices `start`, a vector with one for each axis. It
// must lie inside x.
Tensor dynamic_slice(const Operand& x, const Operand& start, const ir::Shape& shape);
// x with that window replaced by `update`, of x's dtype.
Tensor dynamic_update_slice(const Operand& x, const Operand& update, const Operand& start);

// x sorted along `axis`: stable, NaN last in either order.
Tensor sort(const Operand& x, std::int64_t axis = -1, bool descending = false);
// The first tensor sorted, and the others, of its shape, rearranged alike.
TensorTuple sort(std::span<const Tensor> xs, std::int64_t axis = -1, bool descending = false,
                 const std::source_location& at = std::source_location::current());
TensorTuple sort(std::initializer_list<Tensor> xs, std::int64_t axis = -1, bool descending = false,
                 const std::source_location& at = std::source_location::current());
// The indices, i64, that sort x along `axis`.
Tensor argsort(const Operand& x, std::int64_t axis = -1, bool descending = false);

}  // namespace ndl
