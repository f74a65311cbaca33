// Where a kernel may write its result over what it reads. No LLVM.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "codegen/loop_nest.h"

namespace ndl::codegen {

// Whether the kernel, launched on `buffers`, may write its buffer number `written` over the memory
// of the launch's buffer `read`, of the same size: at each point of its outer loops it reads only
// those elements of it that it writes at that point later, or at once.
bool may_write_over(const LoopNest& nest, std::span<const std::int32_t> buffers,
                    std::size_t written, std::int32_t read);

}  // namespace ndl::codegen
