// The ops `convert` and `bitcast` as LLVM IR. Internal to codegen.
//
// Values are lanes as codegen/memory.h loads them: bool is i1, f16 and bf16 are held as floats that
// are exact values of the 16-bit format, and so are results.
#pragma once

#include <llvm/IR/Value.h>

#include "base/dtype.h"

namespace ndl::codegen {

// ir/math/convert.h, lane by lane; no operand is undefined behaviour.
llvm::Value* emit_convert(DType from, DType to, llvm::Value* value);

// The same bits as another dtype of the same width; a NaN shows the bits of the default one. Lanes
// of the same dtype pass through.
llvm::Value* emit_bitcast(DType from, DType to, llvm::Value* value);

// Floats rounded to nearest even f16 or bf16 values, still as floats: how an op on them ends when
// its result stays in a register. Lanes of other dtypes pass through.
llvm::Value* round_lanes(DType dtype, llvm::Value* value);

}  // namespace ndl::codegen
