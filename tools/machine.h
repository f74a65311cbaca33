// What is known about the computer this runs on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ndl::tools {

struct Memory {
  std::int64_t total = 0;      // bytes; 0 if unknown
  std::int64_t available = 0;  // bytes that can be had without swapping; 0 if unknown
};
Memory machine_memory();

// Throws ResourceError "what needs N bytes, M are available" when that is known to be so.
void require_memory(std::int64_t bytes, std::string_view what);

std::string cpu_model();
// The highest level of the x86-64 psABI that the CPU has: "x86-64-v3".
std::string_view isa_level();
// CPUs this process may run on.
int usable_cpus();
// Kernel name, release and architecture.
std::string operating_system();

}  // namespace ndl::tools
