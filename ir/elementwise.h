// The elementwise ops as functions over arrays: the forward column of ir/elementwise.def, compiled
// for every allowed dtype.
#pragma once

#include <cstdint>
#include <span>

#include "ir/op.h"

namespace ndl::ir {

// out[i] = forward(operands[0][i], ...) for i < count. Pointers are to elements of the op's operand
// types for `dtype` (a mask is bool); `out` may be one of the operands.
using ElementwiseFunction = void (*)(std::int64_t count, const void* const* operands, void* out);

// The function of `op` for operands of `dtype`, which is one of the row's dtypes and neither f16
// nor bf16: those are computed in float. Null for a dtype that is not allowed.
ElementwiseFunction elementwise_function(Op op, DType dtype);

}  // namespace ndl::ir
