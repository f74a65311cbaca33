// Programs that come and go leave nothing behind.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "codegen/counters.h"
#include "codegen/program.h"
#include "ir/parser.h"
#include "tests/codegen/compare_program.h"
#include "tests/resident_memory.h"
#include "tests/same_results.h"
#include "tests/sanitized.h"

namespace ndl::codegen {
namespace {

// One graph of a family without an end, so that no cache knows its kernel.
ir::Graph graph_number(int i) {
  return ir::parse(
      fmt::format("needle 1 graph g(%x: f32[{}]) -> f32[{}] {{ %c = constant({}) : f32[{}] "
                  "%a = mul(%x, %c) : f32[{}] %b = exp(%a) : f32[{}] return %b }}",
                  i % 100 + 1, i % 100 + 1, i, i % 100 + 1, i % 100 + 1, i % 100 + 1));
}

void compile_run_destroy(int first, int last) {
  for (int i = first; i < last; ++i) {
    const ir::Graph graph = graph_number(i);
    const std::vector<ir::Literal> inputs = test::random_inputs(graph, 1);
    ASSERT_EQ(difference(test::run(graph, inputs), run_program(*compile(graph), inputs, 1)), "");
  }
}

TEST(CompileCycles, KeepMemoryFlat) {
  constexpr int kCycles = test::kIsSanitized ? 500 : 10'000;
  constexpr int kWarmUp = kCycles / 2;  // fills the cache of kernels
  const std::int64_t compiled = compile_counters().kernels_compiled;
  compile_run_destroy(0, kWarmUp);
  const std::int64_t before = test::resident_bytes();
  compile_run_destroy(kWarmUp, kCycles);
  EXPECT_EQ(compile_counters().kernels_compiled, compiled + kCycles);
  if (!test::kIsSanitized) {
    EXPECT_LT(test::resident_bytes() - before, std::int64_t{4} << 20);
  }
}

}  // namespace
}  // namespace ndl::codegen
