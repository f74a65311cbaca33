#include "needle/activation.h"

#include "needle/elementwise.h"
#include "needle/shaping.h"

namespace ndl {
namespace {

// x as a float: integers as f32.
Tensor as_float(const Operand& x) {
  const Tensor tensor = x.tensor();
  return is_float(tensor.dtype()) ? tensor : astype(Operand(tensor, x.location()), DType::kF32);
}

Tensor of_one(ir::Op op, const Operand& x) {
  return Tensor(make_record(op, {as_float(x).record()}, {}, nullptr, x.location()));
}

}  // namespace

Tensor sigmoid(const Operand& x) { return of_one(ir::Op::kSigmoid, x); }

Tensor softplus(const Operand& x) { return of_one(ir::Op::kSoftplus, x); }

Tensor logaddexp(const Operand& a, const Operand& b) {
  // The type that the sum of both has.
  const Tensor like = as_float(Operand(add(a, b), a.location()));
  const auto fitted = [&](const Operand& x) {
    const Tensor converted = astype(Operand(x.tensor(), a.location()), like.dtype());
    return broadcast_to(Operand(converted, a.location()), like.shape()).record();
  };
  return Tensor(make_record(ir::Op::kLogaddexp, {fitted(a), fitted(b)}, {}, nullptr, a.location()));
}

}  // namespace ndl
