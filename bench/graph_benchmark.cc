// Time per node of everything that touches a whole graph, from 1,000 to 1,000,000 nodes, and of all
// passes together, to 100,000. The time should not depend on the size.
//
//   bazel run -c opt //bench:graph_benchmark
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "ir/builder.h"
#include "ir/expansion.h"
#include "ir/interpreter.h"
#include "ir/parser.h"
#include "ir/printer.h"
#include "ir/verifier.h"
#include "passes/canonicalize.h"
#include "passes/pass.h"

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

// Each node uses two of the last 50, and some reduce and repeat rows, so that all passes find work.
ir::Graph dag(std::int64_t nodes) {
  ir::Graph graph("dag");
  ir::Builder b(graph);
  const ir::Shape shape({4, 4});
  std::vector<ir::Value> values = {b.parameter({DType::kF32, shape}, "x")};
  std::minstd_rand random;
  const auto recent = [&] {
    const std::size_t reach = std::min<std::size_t>(values.size(), 50);
    return values[values.size() - 1 - random() % reach];
  };
  while (static_cast<std::int64_t>(graph.size()) < nodes) {
    const ir::Value x = recent();
    const ir::Value y = recent();
    switch (random() % 6) {
      case 0:
        values.push_back(b.mul(x, y));
        break;
      case 1:
        values.push_back(b.exp(x));
        break;
      case 2:
        values.push_back(b.log(x));
        break;
      case 3: {
        const ir::Value sums = b.reduce(x, ir::ReduceKind::kSum, {1});
        values.push_back(ir::repeat_along(b, sums, {1}, shape));
        break;
      }
      default:
        values.push_back(b.add(x, y));
    }
  }
  b.set_result(values.back());
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

// All passes of a step of training, without code generation.
void pipeline(benchmark::State& state, ir::Graph (*make)(std::int64_t)) {
  const ir::Graph graph = make(state.range(0));
  const auto steps = passes::parse_pipeline("stabilize,vjp,default");
  for (auto _ : state) benchmark::DoNotOptimize(passes::run_pipeline(graph, steps));
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

#define NDL_PIPELINE_SIZES RangeMultiplier(10)->Range(1'000, 100'000)->Unit(benchmark::kMillisecond)
BENCHMARK_CAPTURE(pipeline, chain, chain)->NDL_PIPELINE_SIZES;
BENCHMARK_CAPTURE(pipeline, dag, dag)->NDL_PIPELINE_SIZES;

}  // namespace
}  // namespace ndl

BENCHMARK_MAIN();
