// Random numbers as functions of their state: equal states give equal bits.
#pragma once

#include "needle/operand.h"
#include "needle/tensor.h"

namespace ndl {

// Random bits, i32 or i64: Philox4x32-10 with the key state[0] and the counter state[1] onward.
// state is i64[2].
Tensor rng_bits(const Operand& state, const ir::Shape& shape, DType dtype = DType::kI32);

}  // namespace ndl
