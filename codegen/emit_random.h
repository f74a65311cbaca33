// The op `rng_bits` as LLVM IR. Internal to codegen.
#pragma once

#include <llvm/IR/Value.h>

#include "base/dtype.h"

namespace ndl::codegen {

// Elements of rng_bits for the state (key, counter). `index` says which: their positions in
// row-major order. All operands are lanes of i64; `dtype` is that of the result, i32 or i64.
llvm::Value* emit_random_bits(DType dtype, llvm::Value* key, llvm::Value* counter,
                              llvm::Value* index);

}  // namespace ndl::codegen
