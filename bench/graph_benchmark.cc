// Time per node of everything that touches a whole graph, from 1,000 to 1,000,000 nodes. The time
// should not depend on the size.
//
//   bazel run -c opt //bench:graph_benchmark
#include <benchmark/benchmark.h>

#include "ir/builder.h"
#include "ir/interpreter.h"
#include "ir/parser.h"
#include "ir/printer.h"
#include "ir/verifier.h"
#include "passes/canonicalize.h"

namespace ndl {
namespace {

// A chain that nothing simplifies away: each node uses the one before it.
ir::Graph chain(std::int64_t nodes) {
  ir::Graph graph("chain");
  ir::Builder b(graph);
  const ir::Value x = b.parameter({DType::kF32, {4}}, "x");
  ir::Value y = x;
  for (std::int64_t i = 0; i < nodes; ++i) y = i % 2 == 0 ? b.add(y, x) : b.sin(y);
  b.set_result(y);
  return graph;
}

void report(benchmark::State& state) {
  state.counters["per_node"] =
      benchmark::Counter(static_cast<double>(state.iterations() * state.range(0)),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void build(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(chain(state.range(0)));
  report(state);
}

void print(benchmark::State& state) {
  const ir::Graph graph = chain(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(ir::print(graph));
  report(state);
}

void parse(benchmark::State& state) {
  const std::string text = ir::print(chain(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(ir::parse(text));
  report(state);
}

void verify(benchmark::State& state) {
  const ir::Graph graph = chain(state.range(0));
  for (auto _ : state) ir::verify(graph);
  report(state);
}

void canonicalize(benchmark::State& state) {
  const ir::Graph graph = chain(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(passes::run_canonicalize(graph, {}));
  report(state);
}

void interpret(benchmark::State& state) {
  const ir::Graph graph = chain(state.range(0));
  const ir::Literal x = ir::Literal::filled({DType::kF32, {4}}, 0.5);
  for (auto _ : state) benchmark::DoNotOptimize(ir::interpret(graph, std::span(&x, 1)));
  report(state);
}

#define NDL_SIZES RangeMultiplier(10)->Range(1'000, 1'000'000)->Unit(benchmark::kMillisecond)
BENCHMARK(build)->NDL_SIZES;
BENCHMARK(print)->NDL_SIZES;
BENCHMARK(parse)->NDL_SIZES;
BENCHMARK(verify)->NDL_SIZES;
BENCHMARK(canonicalize)->NDL_SIZES;
BENCHMARK(interpret)->NDL_SIZES;

}  // namespace
}  // namespace ndl

BENCHMARK_MAIN();
