#include "needle/promote.h"

#include <gtest/gtest.h>

namespace ndl {
namespace {

constexpr DType kAll[] = {
#define NDL_X(enumerator, name, type) DType::enumerator,
    NDL_FOR_EACH_DTYPE(NDL_X)
#undef NDL_X
};

// jax.numpy.promote_types, rows and columns in the order of NDL_FOR_EACH_DTYPE.
TEST(Promote, TheTable) {
  using enum DType;
  constexpr DType kTable[10][10] = {
      {kBool, kI8, kU8, kI16, kI32, kI64, kF16, kBF16, kF32, kF64},
      {kI8, kI8, kI16, kI16, kI32, kI64, kF16, kBF16, kF32, kF64},
      {kU8, kI16, kU8, kI16, kI32, kI64, kF16, kBF16, kF32, kF64},
      {kI16, kI16, kI16, kI16, kI32, kI64, kF16, kBF16, kF32, kF64},
      {kI32, kI32, kI32, kI32, kI32, kI64, kF16, kBF16, kF32, kF64},
      {kI64, kI64, kI64, kI64, kI64, kI64, kF16, kBF16, kF32, kF64},
      {kF16, kF16, kF16, kF16, kF16, kF16, kF16, kF32, kF32, kF64},
      {kBF16, kBF16, kBF16, kBF16, kBF16, kBF16, kF32, kBF16, kF32, kF64},
      {kF32, kF32, kF32, kF32, kF32, kF32, kF32, kF32, kF32, kF64},
      {kF64, kF64, kF64, kF64, kF64, kF64, kF64, kF64, kF64, kF64},
  };
  for (int i = 0; i < kDTypeCount; ++i) {
    for (int j = 0; j < kDTypeCount; ++j) {
      EXPECT_EQ(promote(kAll[i], kAll[j]), kTable[i][j])
          << name_of(kAll[i]) << " " << name_of(kAll[j]);
    }
  }
}

TEST(Promote, IsALattice) {
  for (const DType a : kAll) {
    for (const DType b : kAll) {
      EXPECT_EQ(promote(a, b), promote(b, a));
      for (const DType c : kAll) {
        EXPECT_EQ(promote(promote(a, b), c), promote(a, promote(b, c)));
      }
    }
  }
}

DType with_weak(DType strong, DType weak) {
  const OperandDType operands[] = {{strong}, {weak, true}};
  return promote(operands);
}

TEST(Promote, WeakNumbers) {
  for (const DType dtype : kAll) {
    const DType with_integer = dtype == DType::kBool ? DType::kI32 : dtype;
    EXPECT_EQ(with_weak(dtype, DType::kI32), with_integer) << name_of(dtype);
    EXPECT_EQ(with_weak(dtype, DType::kF32), is_float(dtype) ? dtype : DType::kF32)
        << name_of(dtype);
  }
  const OperandDType weak[] = {{DType::kI32, true}, {DType::kF32, true}};
  EXPECT_EQ(promote(weak), DType::kF32);
  EXPECT_EQ(promote(std::span(weak, 1)), DType::kI32);
}

TEST(Promote, DivisionAndLeafFunctionsAreDoneInFloats) {
  const OperandDType integers[] = {{DType::kI64}, {DType::kI32}};
  EXPECT_EQ(elementwise_dtype(ir::op_def(ir::Op::kDiv), integers), DType::kF32);
  EXPECT_EQ(elementwise_dtype(ir::op_def(ir::Op::kExp), {integers, 1}), DType::kF32);
  EXPECT_EQ(elementwise_dtype(ir::op_def(ir::Op::kAdd), integers), DType::kI64);
  const OperandDType half[] = {{DType::kF16}};
  EXPECT_EQ(elementwise_dtype(ir::op_def(ir::Op::kExp), half), DType::kF16);
}

}  // namespace
}  // namespace ndl
