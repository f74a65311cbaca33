// Which dtype an op computes in when its operands have several: JAX's lattice.
//
//                          u8 -.
//   bool -> (integer) -> <      > i16 -> i32 -> i64 -> (float) -> < f16  > -> f32 -> f64
//                          i8 -'                                  < bf16 >
//
// Two dtypes meet in the first one that is right of both, or equal: u8 and i8 give i16, i64 and f16
// give f16, f16 and bf16 give f32. Numbers of the program are weak: an integer or floating-point
// number stands at (integer) or (float), so that 2 * x and x + 0.5 keep the dtype of a float x.
// With nothing stronger beside them they are i32 and f32; a C++ bool is simply a bool.
//
// Ops that have no integers (exp, sin, ...) and division compute integers and bools in f32.
#pragma once

#include <span>

#include "base/dtype.h"
#include "ir/op.h"

namespace ndl {

// The dtype of an operand; of a weak one only whether it is a float counts.
struct OperandDType {
  DType dtype = DType::kF32;
  bool is_weak = false;
};

// Where the dtypes of tensors meet.
DType promote(DType a, DType b);
// Where all operands meet; there is at least one.
DType promote(std::span<const OperandDType> operands);

// The dtype to which the operands of the elementwise op `def` are converted, without the mask of a
// select.
DType elementwise_dtype(const ir::OpDef& def, std::span<const OperandDType> operands);

}  // namespace ndl
