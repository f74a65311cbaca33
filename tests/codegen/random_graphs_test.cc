// Random graphs, compiled, give the interpreter's bits: as they are and fused, on every target,
// whatever the number of threads. Every second one has a given op, on a given dtype, in given
// surroundings, so that a run of some thousands of graphs covers op x dtype x kind of fusion.
//
//   NDL_SEED=17 NDL_GRAPHS=1       the graphs from seed 17 on, one of them
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codegen/lower_region.h"
#include "codegen/program.h"
#include "codegen/target.h"
#include "ir/printer.h"
#include "passes/pass.h"
#include "tests/codegen/compare_program.h"
#include "tests/codegen/fused_multiply_add.h"
#include "tests/codegen/fused_op.h"
#include "tests/codegen/fusion_coverage.h"
#include "tests/random_graph.h"
#include "tests/same_results.h"
#include "tests/sanitized.h"
#include "tests/shrink_graph.h"

namespace ndl::codegen {
namespace {

// A number from the environment.
std::uint64_t setting(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : fallback;
}

constexpr std::uint64_t kGraphs = test::kIsSanitized ? 300 : 5000;

struct Place {
  const ir::OpDef* def;
  DType dtype;
  Surroundings surroundings;
};
std::vector<Place> places() {
  std::vector<Place> places;
  for (const ir::OpDef& def : ir::all_ops()) {
    if (def.evaluate == nullptr && def.expand == nullptr) continue;
    for (int i = 0; i < kDTypeCount; ++i) {
      if (!def.dtypes.contains(static_cast<DType>(i))) continue;
      for (int k = 0; k < kSurroundings; ++k) {
        places.push_back({&def, static_cast<DType>(i), static_cast<Surroundings>(k)});
      }
    }
  }
  return places;
}

ir::Graph graph_of(std::uint64_t seed) {
  static const std::vector<Place> kPlaces = places();
  if (seed % 2 != 0) return test::random_graph(seed, 8);
  const Place& place = kPlaces[seed / 2 % kPlaces.size()];
  return fused_op(*place.def, place.dtype, place.surroundings, seed);
}

// Probing ones, and ones that are mostly in range where they are indices.
std::vector<std::vector<ir::Literal>> inputs_of(const ir::Graph& graph, std::uint64_t seed) {
  std::vector<std::vector<ir::Literal>> inputs = {test::random_inputs(graph, seed), {}};
  for (std::size_t i = 0; i < graph.num_parameters(); ++i) {
    inputs[1].push_back(
        test::random_integers(graph.type(graph.parameter(i)).tensor(), 0, 1, mix_bits(seed + i)));
  }
  return inputs;
}

// "" if the graph gives the interpreter's bits, else how it does not.
std::string disagreement(const ir::Graph& graph, std::uint64_t seed) {
  const auto inputs = inputs_of(graph, seed);
  std::vector<test::Outcome> want;
  for (const auto& each : inputs) want.push_back(test::run(graph, each));
  struct Way {
    const char* cpu;
    std::string_view pipeline;
  };
  for (const Way& way :
       {Way{"native", ""}, Way{"native", passes::kDefaultPipeline},
        Way{seed / 2 % 2 == 0 ? "x86-64-v3" : "x86-64", passes::kDefaultPipeline}}) {
    const std::string where = fmt::format("{}, pipeline '{}': ", way.cpu, way.pipeline);
    try {
      if (!target_named(way.cpu).has_fma) {
        const FusedMultiplyAdd fused = fused_multiply_add(graph);
        if (fused.in_leaves || fused.in_sums) continue;
      }
      CompileOptions options;
      options.cpu = way.cpu;
      options.pipeline = way.pipeline;
      const auto program = compile(graph, options);
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        // A pass may lose an error together with a node that nobody needs.
        if (!way.pipeline.empty() && !want[i].error.empty()) continue;
        const std::string found = difference_on_any_threads(want[i], *program, inputs[i]);
        if (!found.empty()) return where + found;
      }
    } catch (const std::exception& error) {
      return where + error.what();
    }
  }
  return "";
}

TEST(RandomGraphs, RunAsInterpreted) {
  const std::uint64_t first = setting("NDL_SEED", 1);
  const std::uint64_t graphs = setting("NDL_GRAPHS", kGraphs);
  fmt::print("seeds {} to {}\n", first, first + graphs - 1);
  FusionCoverage coverage;
  for (std::uint64_t seed = first; seed < first + graphs; ++seed) {
    const ir::Graph graph = graph_of(seed);
    const std::string found = disagreement(graph, seed);
    if (!found.empty()) {
      const ir::Graph small = test::shrink_graph(
          graph, [&](const ir::Graph& g) { return !disagreement(g, seed).empty(); });
      FAIL() << "NDL_SEED=" << seed << ": " << found << "\n"
             << ir::print(graph) << "shrunk: " << disagreement(small, seed) << "\n"
             << ir::print(small);
    }
    coverage.add(graph);
    coverage.add(passes::run_pipeline(graph, passes::parse_pipeline(passes::kDefaultPipeline)));
  }
  fmt::print("{}", coverage.to_string());
  if (graphs < 2 * places().size()) return;
  for (const std::string& cell : coverage.uncovered()) ADD_FAILURE() << cell << " is not covered";
}

// What the plan of fusion calls one kernel is one.
TEST(RandomGraphs, EveryFusionIsOneKernel) {
  constexpr std::uint64_t kSmallGraphs = test::kIsSanitized ? 2000 : 20000;
  std::uint64_t fusions = 0;
  for (std::uint64_t seed = 1; seed <= kSmallGraphs; ++seed) {
    const ir::Graph graph = passes::run_pipeline(
        test::random_graph(seed, 25), passes::parse_pipeline("expand,canonicalize,dce,fuse"));
    for (std::uint32_t id = 0; id < graph.size(); ++id) {
      if (graph.op({id}) != ir::Op::kFusion) continue;
      const ir::Graph& body = *graph.attributes({id}).region(ir::Attr::kBody);
      if (body.name() != "body") continue;  // written in the graph
      ++fusions;
      ASSERT_TRUE(lower_region(body)) << "seed " << seed << "\n" << ir::print(body);
    }
  }
  EXPECT_GT(fusions, kSmallGraphs * 3 / 20);
}

}  // namespace
}  // namespace ndl::codegen
