#include "codegen/counters.h"

#include <atomic>

namespace ndl::codegen {
namespace {

struct Counts {
  std::atomic<std::int64_t> programs_compiled{0};
  std::atomic<std::int64_t> program_hits{0};
  std::atomic<std::int64_t> kernels_compiled{0};
  std::atomic<std::int64_t> kernel_hits{0};
};
constinit Counts counts;

}  // namespace

CompileCounters compile_counters() {
  return {counts.programs_compiled, counts.program_hits, counts.kernels_compiled,
          counts.kernel_hits};
}

namespace internal {

void count_program(bool is_hit) { ++(is_hit ? counts.program_hits : counts.programs_compiled); }

void count_kernels(std::size_t hits, std::size_t compiled) {
  counts.kernel_hits += static_cast<std::int64_t>(hits);
  counts.kernels_compiled += static_cast<std::int64_t>(compiled);
}

}  // namespace internal

}  // namespace ndl::codegen
