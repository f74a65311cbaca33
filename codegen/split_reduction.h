// A kernel that reduces much to little has few rows for threads to share, and if its rows lie
// across memory it walks all of it once for a few columns. Such a kernel becomes several: the first
// computes the blocks that the order of ir/reduction.h consists of, as rows of its own, and the
// others combine them, so every bit is the same.
#pragma once

#include <optional>

#include "codegen/nest_copy.h"

namespace ndl::codegen {

// The nest as several, if that is worth it.
std::optional<NestParts> split_reduction(const LoopNest& nest);

}  // namespace ndl::codegen
