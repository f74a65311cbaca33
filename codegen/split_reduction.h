// A kernel that reduces much to little has few rows for threads to share, and if its rows lie
// across memory it walks all of it once for a few columns. Such a kernel becomes several: the first
// computes the blocks that the order of ir/reduction.h consists of, as rows of its own, and the
// others combine them, so every bit is the same.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "codegen/loop_nest.h"

namespace ndl::codegen {

struct SplitReduction {
  struct Part {
    LoopNest nest;
    // What its buffers are: a buffer of the whole nest, or the number of those plus that of one of
    // the partial results.
    std::vector<std::int32_t> buffers;
  };
  std::vector<KernelBuffer> partials;
  std::vector<Part> parts;  // in the order in which they run
};

// The nest as several, if that is worth it.
std::optional<SplitReduction> split_reduction(const LoopNest& nest);

}  // namespace ndl::codegen
