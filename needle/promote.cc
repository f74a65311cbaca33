#include "needle/promote.h"

#include <optional>

namespace ndl {
namespace {

DType wider(DType a, DType b) { return size_of(a) > size_of(b) ? a : b; }

DType promote_integers(DType a, DType b) {
  const DType larger = wider(a, b);
  // One byte each, and neither holds the other.
  if (size_of(larger) == 1) return DType::kI16;
  return larger;
}

// Where a weak number meets a tensor of `strong`.
DType promote_weak(DType strong, bool is_weak_float) {
  if (is_float(strong)) return strong;
  if (is_weak_float) return DType::kF32;
  return strong == DType::kBool ? DType::kI32 : strong;
}

}  // namespace

DType promote(DType a, DType b) {
  if (a == b || b == DType::kBool) return a;
  if (a == DType::kBool) return b;
  if (is_float(a) != is_float(b)) return is_float(a) ? a : b;
  if (!is_float(a)) return promote_integers(a, b);
  return is_half(a) && is_half(b) ? DType::kF32 : wider(a, b);
}

DType promote(std::span<const OperandDType> operands) {
  std::optional<DType> strong;
  bool any_weak = false;
  bool any_weak_float = false;
  for (const OperandDType& operand : operands) {
    if (operand.is_weak) {
      any_weak = true;
      any_weak_float |= is_float(operand.dtype);
    } else {
      strong = strong ? promote(*strong, operand.dtype) : operand.dtype;
    }
  }
  if (!strong) return any_weak_float ? DType::kF32 : DType::kI32;
  return any_weak ? promote_weak(*strong, any_weak_float) : *strong;
}

DType elementwise_dtype(const ir::OpDef& def, std::span<const OperandDType> operands) {
  const DType dtype = promote(operands);
  const bool wants_float = def.op == ir::Op::kDiv || !def.dtypes.contains(DType::kI32);
  return wants_float && !is_float(dtype) ? DType::kF32 : dtype;
}

}  // namespace ndl
