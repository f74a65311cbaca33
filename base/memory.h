// How much memory this machine has.
#pragma once

#include <cstdint>

namespace ndl {

// Bytes of memory in this machine; the largest int64 if the system does not say.
std::int64_t physical_memory();

// Bytes that can be had without swapping, or all of memory if the system does not say; never 0.
std::int64_t available_memory();

}  // namespace ndl
