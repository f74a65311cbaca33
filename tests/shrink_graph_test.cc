#include "tests/shrink_graph.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "ir/parser.h"
#include "ir/printer.h"
#include "tests/random_graph.h"

namespace ndl::test {
namespace {

using ir::Graph;
using ir::Op;

// Whether the result needs such an op.
bool has_op(const Graph& graph, Op op) {
  const std::vector<bool> live = graph.live_nodes();
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    if (live[id] && graph.op({id}) == op) return true;
  }
  return false;
}

TEST(ShrinkGraph, LeavesWhatFails) {
  const Graph graph = ir::parse(
      "needle 1 graph g(%x: f32[60,7], %y: f32[7], %z: i32[3]) -> (f32[60,7], i32[3]) {"
      "%a = neg(%x) %b = exp(%a) %c = broadcast(%y) : f32[60,7] %d = add(%b, %c) %e = abs(%d)"
      "%f = not(%z) %r = make_tuple(%e, %f) return %r }");
  const Graph small = shrink_graph(graph, [](const Graph& g) { return has_op(g, Op::kAdd); });
  EXPECT_EQ(small, ir::parse("needle 1 graph g(%x: f32[1,1], %y: f32[1,1]) -> f32[1,1] {"
                             "%a = add(%x, %y) return %a }"))
      << ir::print(small);
}

TEST(ShrinkGraph, KeepsAFusionThatMatters) {
  const Graph graph = ir::parse(
      "needle 1 graph g(%x: f32[5]) -> f32[5] { %a = neg(%x) %b = fusion(%a) body(%p: f32[5]) {"
      "%c = exp(%p) %d = abs(%c) %e = sin(%d) return %e } %f = neg(%b) return %f }");
  const Graph small = shrink_graph(graph, [](const Graph& g) {
    for (std::uint32_t id = 0; id < g.size(); ++id) {
      if (g.op({id}) != Op::kFusion) continue;
      return has_op(*g.attributes({id}).region(ir::Attr::kBody), Op::kAbs);
    }
    return false;
  });
  EXPECT_EQ(small, ir::parse("needle 1 graph g(%x: f32[1]) -> f32[1] { %b = fusion(%x) "
                             "body(%p: f32[1]) { %c = abs(%p) return %c } return %b }"))
      << ir::print(small);
}

// Whatever the graph: what is left fails and is no larger.
TEST(ShrinkGraph, OfRandomGraphs) {
  int shrunk = 0;
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    const Graph graph = random_graph(seed, 12);
    const auto fails = [](const Graph& g) { return has_op(g, Op::kReduce); };
    if (!fails(graph)) continue;
    const Graph small = shrink_graph(graph, fails);
    ++shrunk;
    EXPECT_EQ(small.size(), 2u) << ir::print(graph) << ir::print(small);
    EXPECT_TRUE(fails(small));
  }
  EXPECT_GT(shrunk, 20);
}

}  // namespace
}  // namespace ndl::test
