// Cutting a loop where guards change, so that what they guard is known in each part: the operands
// of a concatenation one after the other, the middle of what is padded and its margins. No LLVM.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "codegen/loop_nest.h"

namespace ndl::codegen {

// The indices [begin, end) of a loop.
struct LoopPart {
  std::size_t loop = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

// Parts of a loop of `extent`, in order; in each of them every guard of the phases that depends on
// this loop alone holds, or fails, for all indices. One part if cutting is not worth its code, of
// which there are `copies` already.
std::vector<LoopPart> parts_of_loop(const LoopNest& nest, std::span<const Phase> phases,
                                    std::size_t loop, std::int64_t extent, std::size_t copies = 1);

// Whether an instruction of the nest says inside which part of the loop it is: then the parts
// compute different things.
bool chooses_along(const LoopNest& nest, std::size_t loop);

// Whether a guard holds in such a part; nothing if it depends on more than the loop.
std::optional<bool> holds_in(const Guard& guard, const LoopPart& part);

}  // namespace ndl::codegen
