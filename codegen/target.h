// The CPU that code is made for. No LLVM in this header.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ndl::codegen {

struct Target {
  std::string name;                   // as asked for: native, x86-64-v4, x86-64-v3, x86-64
  std::string cpu;                    // LLVM's name for it: znver5
  std::vector<std::string> features;  // "+avx512f", beyond those of the CPU's name
  int vector_bytes = 16;              // of the widest vector registers
  int vector_registers = 16;
  // Fused multiply and add, and with it the rest of x86-64-v3.
  bool has_fma = false;
  std::int64_t cache_bytes = 0;  // of the second cache of a core; 0 if it does not say
};

// The names that --cpu takes, the usual one first.
std::vector<std::string_view> target_names();

// Throws UsageError for a name that is not known, and UnsupportedError for a level that this CPU
// does not have.
Target target_named(std::string_view name);
// The same for code that will not run here: any level will do.
Target target_anywhere(std::string_view name);

}  // namespace ndl::codegen
