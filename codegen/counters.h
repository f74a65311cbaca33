// What the compiler has done in this process: for tests, and for people who wonder.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ndl::codegen {

struct CompileCounters {
  std::int64_t programs_compiled = 0;
  std::int64_t program_hits = 0;  // compile_cached() that found one
  std::int64_t kernels_compiled = 0;
  std::int64_t kernel_hits = 0;  // kernels of compiled programs that were there already
};

// Each number is exact when nothing is being compiled.
CompileCounters compile_counters();

namespace internal {
void count_program(bool is_hit);
void count_kernels(std::size_t hits, std::size_t compiled);
}  // namespace internal

}  // namespace ndl::codegen
