// Where a NaN or an infinity comes from.
//
//   if (!std::isfinite(loss.item())) check_nan(loss);
//   // model.cc:12:20: error: log: -inf at [3] of f32[64], of finite operands
#pragma once

#include <source_location>

#include "needle/tensor.h"

namespace ndl {

// Computes the history of x once more, op by op and without the compiler, in the stable form in
// which it is compiled, and throws NumericError at the first op that makes a NaN or an infinity of
// finite operands, with the line of the program that recorded it. Returns if x is finite, or if the
// leaves that it was computed from are not. History is what gradients have: x requires one, or is
// pending. Within a trace it throws TraceError.
void check_nan(const Tensor& x, const std::source_location& at = std::source_location::current());

}  // namespace ndl
