#include "passes/fuse.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "ir/builder.h"
#include "ir/parser.h"
#include "ir/printer.h"
#include "ir/verifier.h"
#include "passes/expand.h"
#include "passes/fusion_plan.h"
#include "tests/random_graph.h"
#include "tests/same_results.h"

namespace ndl::passes {
namespace {

using ir::Graph;
using ir::Op;
using ir::Value;

std::size_t count(const Graph& graph, Op op) {
  std::size_t total = 0;
  for (std::uint32_t id = 0; id < graph.size(); ++id) total += graph.op({id}) == op ? 1 : 0;
  return total;
}

TEST(Fuse, RandomGraphsKeepEveryBit) {
  std::size_t fusions = 0;
  for (std::uint64_t seed = 0; seed < 5'000; ++seed) {
    const Graph graph = run_expand(test::random_graph(seed, 30), {});
    for (const char* max_ops : {"256", "3"}) {
      PassContext context;
      context.options["max-ops"] = max_ops;
      const Graph fused = run_fuse(graph, context);
      ir::verify(fused);
      fusions += count(fused, Op::kFusion);
      test::expect_same_results(graph, fused, seed);
      if (HasFatalFailure()) FAIL() << "seed " << seed;
    }
  }
  EXPECT_GT(fusions, 5'000u);
}

TEST(Fuse, ExplainsEveryEdgeOnce) {
  const Graph graph = ir::parse(R"(needle 1
graph f(%x: f32[4], %y: f32[4]) -> f32[4] {
  %one = constant(1) : f32[4]
  %0 = add(%x, %one) : f32[4]
  %1 = exp(%0) : f32[4]
  %2 = reduce(%1, kind=sum, axes=[0]) : f32[]
  %3 = broadcast(%2) : f32[4]
  %4 = div(%1, %3) : f32[4]
  %5 = mul(%4, %y) : f32[4]
  return %5
})");
  std::vector<std::string> reasons;
  for (const FusionEdge& edge : explain_fusion(graph, {})) {
    reasons.push_back(fmt::format("{}-{} {} {}", edge.producer.id, edge.consumer.id,
                                  name_of(edge.reason), edge.bytes_saved));
  }
  EXPECT_EQ(reasons, (std::vector<std::string>{"0-3 input 0", "2-3 constant 0", "3-4 fused 32",
                                               "4-5 fused 32", "5-6 fused 8", "4-7 fused 16",
                                               "6-7 fused 32", "7-8 fused 32", "1-8 input 0"}));
}

TEST(Fuse, EdgesAreExplainedOnRandomGraphs) {
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    const Graph graph = test::random_graph(seed, 20);
    const std::vector<bool> live = graph.live_nodes();
    std::size_t edges = 0;
    for (std::uint32_t id = 0; id < graph.size(); ++id) {
      if (live[id]) edges += graph.operands({id}).size();
    }
    EXPECT_EQ(explain_fusion(graph, {}).size(), edges);
  }
}

TEST(Fuse, AnOptionThatIsNoNumberIsRefused) {
  const Graph graph = test::random_graph(1, 5);
  for (const char* text : {"0", "-1", "many", "1e3"}) {
    PassContext context;
    context.options["max-ops"] = text;
    EXPECT_THROW(run_fuse(graph, context), UsageError) << text;
  }
}

TEST(CostModel, OptionsSayWhatItSaysItself) {
  std::map<std::string, std::string, std::less<>> options;
  for (const PassOption& option : find_pass("fuse")->options) {
    options.emplace(option.name, option.fallback);
  }
  const CostModel model = cost_model(options);
  EXPECT_EQ(model.max_ops, CostModel().max_ops);
  EXPECT_EQ(model.cache_bytes, CostModel().cache_bytes);
}

}  // namespace
}  // namespace ndl::passes
