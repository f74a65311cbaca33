// Every rule of the table: it fires, both sides are the same bits on every input that matters, and
// it has nothing left to do afterwards. And whole graphs: whatever the rules do together is exact.
#include "passes/canonicalize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ir/builder.h"
#include "ir/parser.h"
#include "ir/printer.h"
#include "ir/verifier.h"
#include "passes/expand.h"
#include "passes/pattern.h"
#include "tests/passes/equation_graphs.h"
#include "tests/random_graph.h"
#include "tests/same_results.h"

namespace ndl::passes {
namespace {

using ir::Builder;
using ir::Graph;
using ir::TensorType;
using ir::Value;

class RuleTest : public testing::TestWithParam<std::string_view> {
 protected:
  const Rule& rule() const {
    return *std::ranges::find(canonicalize_rules(), GetParam(), &Rule::name);
  }
};

// Applies one rule alone.
Graph apply_alone(const Graph& graph, const Rule& rule) {
  return rewrite(graph, std::span(&rule, 1), {});
}

void expect_same(const Graph& left, const Graph& right) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) test::expect_same_results(left, right, seed);
}

// A function rule's example for a dtype; nothing when that is no valid graph.
std::optional<Graph> example_of(const Rule& rule, DType dtype) {
  try {
    return example_graph(rule.example, dtype);
  } catch (const Error&) {
    return std::nullopt;
  }
}

TEST_P(RuleTest, HoldsBitForBit) {
  const Rule& rule = this->rule();
  int fired = 0;
  for (int i = 0; i < kDTypeCount; ++i) {
    const DType dtype = static_cast<DType>(i);
    if (!rule.is_equation()) {
      const std::optional<Graph> graph = example_of(rule, dtype);
      if (!graph) continue;
      const Graph after = apply_alone(*graph, rule);
      ir::verify(after);
      fired += after == *graph ? 0 : 1;
      expect_same(*graph, after);
      continue;
    }
    if (!rule.dtypes.contains(dtype)) continue;
    for (std::uint64_t seed = 0; seed < 16; ++seed) {
      const test::EquationGraphs graphs(*rule.left, dtype, seed);
      Graph left;
      try {
        left = graphs.of(*rule.left);
      } catch (const DTypeError&) {
        break;  // the ops of the rule do not take this dtype
      }
      const Graph right = graphs.of(*rule.right);
      expect_same(left, right);
      if (HasFatalFailure()) FAIL() << rule.to_string() << " for " << name_of(dtype);
      const Graph after = apply_alone(left, rule);
      EXPECT_FALSE(after == left) << rule.to_string() << " does not fire for " << name_of(dtype);
      ++fired;
    }
  }
  EXPECT_GT(fired, 0) << "the rule never fires";
}

TEST_P(RuleTest, CanBeSwitchedOff) {
  // Without the rule itself, nothing else may take its place under its name.
  PassContext context;
  context.disabled.insert(std::string(GetParam()));
  const Rule& rule = this->rule();
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Graph graph = test::random_graph(seed, 10);
    EXPECT_EQ(rewrite(graph, std::span(&rule, 1), context), rewrite(graph, {}, {}));
  }
}

std::string rule_case(const testing::TestParamInfo<std::string_view>& info) {
  std::string name(info.param);
  std::ranges::replace(name, '-', '_');
  return name;
}

std::vector<std::string_view> rule_names() {
  std::vector<std::string_view> names;
  for (const Rule& rule : canonicalize_rules()) names.push_back(rule.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Rules, RuleTest, testing::ValuesIn(rule_names()), rule_case);

TEST(Canonicalize, RuleNamesAreUnique) {
  std::set<std::string_view> names;
  for (const RuleName& rule : all_rules()) EXPECT_TRUE(names.insert(rule.rule).second) << rule.rule;
}

TEST(Canonicalize, RandomGraphsKeepEveryBit) {
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    const Graph graph = test::random_graph(seed, 12);
    const Graph once = run_canonicalize(graph, {});
    ir::verify(once);
    test::expect_same_results(graph, once, seed);
    ASSERT_EQ(run_canonicalize(once, {}), once) << "seed " << seed << "\n" << ir::print(graph);
    const Graph expanded = run_expand(graph, {});
    ir::verify(expanded);
    test::expect_same_results(graph, expanded, seed);
    test::expect_same_results(graph, run_canonicalize(expanded, {}), seed);
    if (HasFatalFailure()) FAIL() << "seed " << seed;
  }
}

// Rules that move one op past another do so along chains of any length, without deep recursion.
TEST(Canonicalize, LongChainsOfWhatIsMoved) {
  Graph turned("turned");
  {
    Builder b(turned);
    Value x = b.parameter(TensorType{DType::kF32, {2, 3}});
    const Value zero = b.constant({DType::kF32, {}}, 0);
    for (int i = 0; i < 20000; ++i) {
      x = b.transpose(x, {1, 0});
      x = b.pad(x, zero, {0, 1}, {0, 0}, {0, 0});
    }
    b.set_result(b.slice(x, {0, 0}, {1, 1}, {1, 1}));
  }
  EXPECT_GT(run_canonicalize(turned, {}).size(), 1u);

  Graph joined("joined");
  {
    Builder b(joined);
    const Value first = b.parameter(TensorType{DType::kF32, {2}});
    const Value other = b.parameter(TensorType{DType::kF32, {1}});
    Value x = first;
    for (int i = 0; i < 3000; ++i) x = b.concatenate(std::array{x, other}, 0);
    b.set_result(b.slice(x, {0}, {1}, {1}));
  }
  // A slice of the first operand.
  EXPECT_EQ(run_canonicalize(joined, {}).size(), 3u);
}

// Beyond what a double holds.
TEST(Canonicalize, AWindowBeginsWhereItSays) {
  constexpr std::int64_t kStart = (std::int64_t{1} << 53) + 1;
  const Graph graph = ir::parse(
      "needle 1\n\ngraph f(%x: i64[18014398509481984]) -> i64[2] {\n"
      "  %0 = constant([9007199254740993]) : i64[1]\n"
      "  %1 = dynamic_slice(%x, %0) : i64[2]\n  return %1\n}\n");
  const Graph after = run_canonicalize(graph, {});
  EXPECT_EQ(after.attributes(after.result()).integers(ir::Attr::kStart), ir::Dims{kStart});
}

}  // namespace
}  // namespace ndl::passes
