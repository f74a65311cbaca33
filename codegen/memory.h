// Elements in memory as lanes in registers, and back. Internal to codegen.
//
//   in memory   in lanes
//   bool, i8    i1                 any byte but 0 is true; true is stored as 1
//   f16, bf16   float              widened exactly; rounded to nearest even, once
//   others      themselves
#pragma once

#include <llvm/IR/Value.h>

#include <cstdint>

#include "base/dtype.h"

namespace ndl::codegen {

// As many elements as the current LaneScope is wide, from `pointer` on; aligned to an element. With
// a mask, an i1 a lane, no others are touched; they are read as zeros.
llvm::Value* load_lanes(DType dtype, llvm::Value* pointer, llvm::Value* mask = nullptr);
void store_lanes(DType dtype, llvm::Value* value, llvm::Value* pointer,
                 llvm::Value* mask = nullptr);
// The same past the caches. `pointer` is aligned to the vector in memory, or to a line of them.
void stream_lanes(DType dtype, llvm::Value* value, llvm::Value* pointer);
// How that is aligned for lanes of `width`.
std::int64_t stream_alignment(DType dtype, unsigned width);

}  // namespace ndl::codegen
