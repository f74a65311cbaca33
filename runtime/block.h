// Blocks of memory from the system; what the allocator hands out and keeps.
#pragma once

#include <cstdint>

namespace ndl::runtime {

// A block of `bytes` > 0, a multiple of kAlignment; aligned and backed as runtime/allocator.h says.
// Null when the system has none.
void* acquire_block(std::int64_t bytes) noexcept;

// Gives back what acquire_block(bytes) returned.
void release_block(void* block, std::int64_t bytes) noexcept;

// Under AddressSanitizer, makes every use of these bytes an error, or allows it again. Nothing
// otherwise.
void forbid_access(void* data, std::int64_t bytes) noexcept;
void allow_access(void* data, std::int64_t bytes) noexcept;

}  // namespace ndl::runtime
