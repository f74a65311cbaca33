// What is known about the computer this runs on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ndl::tools {

// Throws ResourceError "what needs N bytes, M are available" when available_memory() is less.
void require_memory(std::int64_t bytes, std::string_view what);

std::string cpu_model();
// The highest level of the x86-64 psABI that the CPU has: "x86-64-v3".
std::string_view isa_level();
// CPUs this process may run on.
int usable_cpus();
// Kernel name, release and architecture.
std::string operating_system();

}  // namespace ndl::tools
