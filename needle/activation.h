// Functions that models put behind layers, and their relatives: computed without overflow or
// cancellation, by ops of their own. Integers are computed in f32; shapes of logaddexp broadcast.
#pragma once

#include "needle/operand.h"
#include "needle/tensor.h"

namespace ndl {

// 1 / (1 + exp(-x))
Tensor sigmoid(const Operand& x);
// log(1 + exp(x))
Tensor softplus(const Operand& x);
// log(exp(a) + exp(b))
Tensor logaddexp(const Operand& a, const Operand& b);

}  // namespace ndl
