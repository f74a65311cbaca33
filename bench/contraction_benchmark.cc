// Matrix products of the shapes of models, on one thread and on all; contraction_peer.py does the
// same with OpenBLAS.
//
//   bazel run -c opt //bench:contraction_benchmark
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <vector>

#include "codegen/program.h"
#include "ir/literal.h"
#include "ir/parser.h"
#include "runtime/buffer.h"

namespace ndl {
namespace {

ir::Literal ones(const ir::TensorType& type) { return ir::Literal::filled(type, 1).dense(); }

void matmul(benchmark::State& state, int threads) {
  const std::int64_t m = state.range(0);
  const std::int64_t k = state.range(1);
  const std::int64_t n = state.range(2);
  const auto program = codegen::compile_cached(
      ir::parse(fmt::format("needle 1 graph g(%a: f32[{0},{1}], %b: f32[{1},{2}]) -> f32[{0},{2}] "
                            "{{ %0 = matmul(%a, %b) return %0 }}",
                            m, k, n)));
  ir::Literal a = ones(program->inputs()[0]);
  ir::Literal b = ones(program->inputs()[1]);
  ir::Literal result = ir::Literal::uninitialized(program->outputs()[0]);
  const runtime::BufferView inputs[] = {{a.bytes(), a.type().bytes()},
                                        {b.bytes(), b.type().bytes()}};
  const runtime::BufferView outputs[] = {{result.bytes(), result.type().bytes()}};
  for (auto _ : state) program->run_into(inputs, outputs, threads);
  const auto operations = static_cast<double>(2 * m * k * n);
  state.counters["GFLOP/s"] = benchmark::Counter(
      1e-9 * operations * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

const std::vector<std::vector<std::int64_t>> kShapes = {
    {256, 256, 256}, {512, 512, 512}, {1024, 1024, 1024}, {2048, 2048, 2048},
    {64, 784, 512},  {64, 512, 512},  {64, 512, 10},      {1, 784, 512}};

BENCHMARK_CAPTURE(matmul, one_thread, 1)
    ->Apply([](benchmark::internal::Benchmark* b) {
      for (const auto& shape : kShapes) b->Args(shape);
    })
    ->UseRealTime();
BENCHMARK_CAPTURE(matmul, all_threads, 0)
    ->Apply([](benchmark::internal::Benchmark* b) {
      for (const auto& shape : kShapes) b->Args(shape);
    })
    ->UseRealTime();

}  // namespace
}  // namespace ndl

BENCHMARK_MAIN();
