// Text is exact: parse(print(g)) == g, and printing what was parsed gives the same text.
#include <gtest/gtest.h>

#include <clocale>
#include <locale>

#include "ir/parser.h"
#include "ir/printer.h"
#include "ir/verifier.h"
#include "tests/random_graph.h"
#include "tests/sanitized.h"

namespace ndl::ir {
namespace {

constexpr int kGraphs = test::kIsSanitized ? 20'000 : 100'000;

void expect_round_trip(const Graph& graph) {
  const std::string text = print(graph);
  const Graph parsed = parse(text);
  verify(parsed);
  ASSERT_EQ(parsed, graph) << text;
  ASSERT_EQ(print(parsed), text);
  ASSERT_EQ(parsed.hash(), graph.hash());
  const std::string numbered = print(graph, {.names = false});
  ASSERT_EQ(parse(numbered), graph) << numbered;
}

TEST(RoundTrip, RandomGraphs) {
  std::vector<int> seen(kOpCount);
  for (int seed = 0; seed < kGraphs; ++seed) {
    const Graph graph = test::random_graph(static_cast<std::uint64_t>(seed), 8);
    verify(graph);
    for (std::uint32_t id = 0; id < graph.size(); ++id) {
      ++seen[static_cast<std::size_t>(graph.op({id}))];
    }
    expect_round_trip(graph);
    if (HasFatalFailure()) FAIL() << "seed " << seed;
  }
  for (const OpDef& def : all_ops()) {
    EXPECT_GE(seen[static_cast<std::size_t>(def.op)], kGraphs / 1000) << def.name;
  }
}

// Writes 1234.5 as 1.234,5 wherever a program asks the locale.
struct Comma : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

TEST(RoundTrip, LabelsAreTheNamesThatAreShown) {
  const Graph graph = parse(
      "needle 1\n\ngraph f(%x: f32[2]) -> f32[2] {\n"
      "  %0 = neg(%x) : f32[2]\n  %y = exp(%0) : f32[2]\n  %1 = abs(%y) : f32[2]\n"
      "  return %1\n}\n");
  EXPECT_EQ(value_labels(graph), (std::vector<std::string>{"%x", "%0", "%y", "%1"}));
}

TEST(RoundTrip, CommaLocaleChangesNothing) {
  std::vector<std::string> texts;
  for (std::uint64_t seed = 0; seed < 500; ++seed)
    texts.push_back(print(test::random_graph(seed, 8)));
  const std::locale before = std::locale::global(std::locale(std::locale(), new Comma));
  std::setlocale(LC_ALL, "de_DE.UTF-8");  // where it is installed
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const Graph graph = test::random_graph(seed, 8);
    EXPECT_EQ(print(graph), texts[seed]);
    expect_round_trip(graph);
  }
  std::locale::global(before);
  std::setlocale(LC_ALL, "C.UTF-8");
}

}  // namespace
}  // namespace ndl::ir
