// The elementwise ops as LLVM IR: the forward column of ir/elementwise.def over lanes.
//
// Internal to codegen.
#pragma once

#include <llvm/IR/Value.h>

#include <span>

#include "base/dtype.h"
#include "ir/op.h"

namespace ndl::codegen {

// The result of `op` on vectors of the current LaneScope's width. Operands have the op's operand
// types for `dtype`, which is one of the row's dtypes; bool is i1, f16 and bf16 are held as float
// (see load_lanes), and so is their result before it is rounded.
llvm::Value* emit_elementwise(ir::Op op, DType dtype, std::span<llvm::Value* const> operands);

}  // namespace ndl::codegen
