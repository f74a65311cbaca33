// Costs of compiled graphs: a call, compiling, and what recording adds to it.
//
//   bazel run -c opt //bench:program_benchmark
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <string>
#include <vector>

#include "codegen/program.h"
#include "ir/literal.h"
#include "ir/parser.h"
#include "needle/needle.h"

namespace ndl {
namespace {

// Graphs whose kernels nobody has compiled: constants are part of a kernel.
std::string chain_of_ten(std::int64_t elements, std::int64_t number) {
  return fmt::format(
      "needle 1 graph chain(%x: f32[{0}], %y: f32[{0}]) -> f32[{0}] {{ %c = constant({1}.5) : "
      "f32[{0}] %0 = mul(%x, %c) %1 = add(%0, %y) %2 = exp(%1) %3 = add(%2, %c) %4 = div(%y, %3) "
      "%5 = sub(%4, %x) %6 = abs(%5) %7 = sqrt(%6) %8 = max(%7, %y) %9 = mul(%8, %4) return %9 }}",
      elements, number);
}

std::string softmax(std::int64_t rows, std::int64_t columns) {
  return fmt::format(
      "needle 1 graph softmax(%x: f32[{0},{1}]) -> f32[{0},{1}] {{ %p = softmax(%x, axes=[1]) "
      "return %p }}",
      rows, columns);
}

std::string mlp(std::int64_t batch) {
  return fmt::format(
      "needle 1 graph mlp(%x: f32[{0},784], %w1: f32[784,512], %b1: f32[512], %w2: f32[512,10], "
      "%b2: f32[10]) -> f32[{0},10] {{ %zero = constant(0) : f32[{0},512] %0 = matmul(%x, %w1) "
      "%1 = broadcast(%b1) : f32[{0},512] %2 = add(%0, %1) %3 = max(%2, %zero) "
      "%4 = matmul(%3, %w2) %5 = broadcast(%b2) : f32[{0},10] %6 = add(%4, %5) "
      "%p = softmax(%6, axes=[1]) return %p }}",
      batch);
}

// A call with inputs and outputs that are there: checks, arguments, kernels.
void call(benchmark::State& state, const std::string& text) {
  const auto program = codegen::compile_cached(ir::parse(text));
  std::vector<ir::Literal> inputs;
  std::vector<runtime::BufferView> input_views;
  for (const ir::TensorType& type : program->inputs()) {
    inputs.push_back(ir::Literal::zeros(type).dense());
    input_views.push_back({inputs.back().bytes(), type.bytes()});
  }
  std::vector<ir::Literal> outputs;
  std::vector<runtime::BufferView> output_views;
  for (const ir::TensorType& type : program->outputs()) {
    outputs.push_back(ir::Literal::uninitialized(type));
    output_views.push_back({outputs.back().bytes(), type.bytes()});
  }
  for (auto _ : state) program->run_into(input_views, output_views);
  state.counters["kernels"] = static_cast<double>(program->executable()->kernels().size());
}
BENCHMARK_CAPTURE(call, one_element, chain_of_ten(1, 1));
BENCHMARK_CAPTURE(call, softmax_4x8, softmax(4, 8));
BENCHMARK_CAPTURE(call, mlp_batch_1, mlp(1))->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK_CAPTURE(call, mlp_batch_64, mlp(64))->Unit(benchmark::kMicrosecond)->UseRealTime();

// From a graph to code that runs. No two iterations share a kernel.
void compile_chain(benchmark::State& state) {
  std::int64_t number = 1'000;
  for (auto _ : state)
    benchmark::DoNotOptimize(codegen::compile(ir::parse(chain_of_ten(1024, ++number))));
}
BENCHMARK(compile_chain)->Unit(benchmark::kMillisecond);

void compile_softmax(benchmark::State& state) {
  std::int64_t columns = 100;
  for (auto _ : state) benchmark::DoNotOptimize(codegen::compile(ir::parse(softmax(8, ++columns))));
}
BENCHMARK(compile_softmax)->Unit(benchmark::kMillisecond);

void compile_mlp(benchmark::State& state) {
  std::int64_t batch = 100;
  for (auto _ : state) benchmark::DoNotOptimize(codegen::compile(ir::parse(mlp(++batch))));
}
BENCHMARK(compile_mlp)->Unit(benchmark::kMillisecond);

// Passes and lowering alone: the kernels are known.
void compile_known_kernels(benchmark::State& state) {
  const ir::Graph graph = ir::parse(mlp(64));
  for (auto _ : state) benchmark::DoNotOptimize(codegen::compile(graph));
}
BENCHMARK(compile_known_kernels)->Unit(benchmark::kMicrosecond);

void compile_known_graph(benchmark::State& state) {
  const ir::Graph graph = ir::parse(mlp(64));
  for (auto _ : state) benchmark::DoNotOptimize(codegen::compile_cached(graph));
}
BENCHMARK(compile_known_graph)->Unit(benchmark::kMicrosecond);

// An op that is recorded and never run.
void record_an_op(benchmark::State& state) {
  constexpr std::int64_t kOps = 1000;
  const Tensor x = Tensor({1, 2, 3, 4});
  while (state.KeepRunningBatch(kOps)) {
    Tensor y = x;
    for (std::int64_t i = 0; i < kOps; ++i) y = y + x;
    benchmark::DoNotOptimize(y);
  }
}
BENCHMARK(record_an_op);

// Ten ops recorded, looked up and run, for one element.
void realize_ten_ops(benchmark::State& state) {
  const Tensor x = Tensor({1.5});
  for (auto _ : state) {
    Tensor y = x;
    for (int i = 0; i < 10; ++i) y = y * 0.5 + x;
    y.realize();
  }
}
BENCHMARK(realize_ten_ops)->Unit(benchmark::kMicrosecond);

void call_jitted(benchmark::State& state) {
  auto f = jit([](const Tensor& x) { return exp(x) * x + 1; });
  const Tensor x = Tensor({1.5});
  for (auto _ : state) benchmark::DoNotOptimize(f(x));
}
BENCHMARK(call_jitted);

}  // namespace
}  // namespace ndl

BENCHMARK_MAIN();
