#include "needle/random.h"

namespace ndl {

Tensor rng_bits(const Operand& state, const ir::Shape& shape, DType dtype) {
  const ir::Type type(dtype, shape);
  return Tensor(make_record(ir::Op::kRngBits, {state.record()}, {}, &type, state.location()));
}

}  // namespace ndl
