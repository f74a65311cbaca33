// One step of a reduction as LLVM IR: ir/reduction.h over lanes. Internal to codegen.
#pragma once

#include <llvm/IR/Value.h>

#include "base/dtype.h"
#include "ir/attributes.h"

namespace ndl::codegen {

// Lanes of the accumulator dtype; f16 and bf16, in which max and min accumulate, are floats.

// a and b combined, lane by lane.
llvm::Value* emit_combine(ir::ReduceKind kind, DType accumulator, llvm::Value* a, llvm::Value* b);

// What combines with x to x, bit for bit, in every lane.
llvm::Value* emit_neutral(ir::ReduceKind kind, DType accumulator);

// What a reduction of no elements gives, in every lane.
llvm::Value* emit_empty(ir::ReduceKind kind, DType accumulator);

}  // namespace ndl::codegen
