// The elementwise ops as functions of tensors and numbers.
//
//   exp(x)   max(x, 0)   where(lt(x, y), x, 1)   clamp(x, -1, 1)
//
// One function for each row of ir/elementwise.def, with its name; docs/ops.md says what each does
// and which dtypes it takes. Shapes broadcast as in numpy, dtypes meet as needle/promote.h says.
// Throws ShapeError or DTypeError with the line of the call.
#pragma once

#include <span>

#include "ir/op.h"
#include "needle/operand.h"
#include "needle/tensor.h"

namespace ndl {

// The record of an elementwise op on as many operands as it takes.
Tensor elementwise(ir::Op op, std::span<const Operand* const> operands);

#define NDL_ONE(enumerator, name)                     \
  inline Tensor name(const Operand& a) {              \
    const Operand* const operands[] = {&a};           \
    return elementwise(ir::Op::enumerator, operands); \
  }
#define NDL_TWO(enumerator, name)                          \
  inline Tensor name(const Operand& a, const Operand& b) { \
    const Operand* const operands[] = {&a, &b};            \
    return elementwise(ir::Op::enumerator, operands);      \
  }
#define NDL_THREE(enumerator, name)                                          \
  inline Tensor name(const Operand& a, const Operand& b, const Operand& c) { \
    const Operand* const operands[] = {&a, &b, &c};                          \
    return elementwise(ir::Op::enumerator, operands);                        \
  }
#define NDL_FUNCTION_kUnary NDL_ONE
#define NDL_FUNCTION_kPredicate NDL_ONE
#define NDL_FUNCTION_kBinary NDL_TWO
#define NDL_FUNCTION_kCompare NDL_TWO
#define NDL_FUNCTION_kTernary NDL_THREE
#define NDL_FUNCTION_kSelect NDL_THREE
#define NDL_ELEMENTWISE(enumerator, name, kind, ...) NDL_FUNCTION_##kind(enumerator, name)
#include "ir/elementwise.def"
#undef NDL_ELEMENTWISE
#undef NDL_FUNCTION_kUnary
#undef NDL_FUNCTION_kPredicate
#undef NDL_FUNCTION_kBinary
#undef NDL_FUNCTION_kCompare
#undef NDL_FUNCTION_kTernary
#undef NDL_FUNCTION_kSelect
#undef NDL_ONE
#undef NDL_TWO
#undef NDL_THREE

// select() by numpy's name: `a` where `mask`, a bool, is true, else `b`.
inline Tensor where(const Operand& mask, const Operand& a, const Operand& b) {
  return select(mask, a, b);
}

// max(x, 0); NaN stays.
inline Tensor relu(const Operand& x) { return max(x, Operand(0, x.location())); }

// x * x
inline Tensor square(const Operand& x) { return mul(x, x); }

}  // namespace ndl
