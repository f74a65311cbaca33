// Every rule of every pass leaves alone what is only like its left side.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "ir/printer.h"
#include "passes/pass.h"
#include "passes/pattern.h"
#include "passes/rewrite.h"
#include "tests/passes/equation_graphs.h"

namespace ndl::passes {
namespace {

using ir::Graph;

std::vector<const Rule*> every_rule() {
  std::vector<const Rule*> rules;
  for (const PassDef& pass : all_passes()) {
    for (const Rule& rule : pass.rules) rules.push_back(&rule);
  }
  return rules;
}

void expect_left_alone(const Graph& graph, const Rule& rule) {
  const Graph after = rewrite(graph, std::span(&rule, 1), {});
  EXPECT_TRUE(after == rewrite(graph, {}, {})) << rule.to_string() << "\n" << ir::print(after);
}

void for_each_leaf(const Pattern& pattern, const std::function<void(const Pattern&)>& visit) {
  if (pattern.kind() != Pattern::Kind::kOp) visit(pattern);
  for (const Pattern& operand : pattern.operands()) for_each_leaf(operand, visit);
}

// `pattern` with leaf `index` (in order, from 0) replaced.
Pattern with_leaf(const Pattern& pattern, int& index, const Pattern& leaf) {
  if (pattern.kind() != Pattern::Kind::kOp) return index-- == 0 ? leaf : pattern;
  std::vector<Pattern> operands;
  for (const Pattern& operand : pattern.operands()) {
    operands.push_back(with_leaf(operand, index, leaf));
  }
  return Pattern::op(pattern.op(), std::move(operands));
}

// A variable that is not in `pattern`.
Pattern another_variable(const Pattern& pattern) {
  std::set<int> used;
  for_each_leaf(pattern, [&](const Pattern& leaf) {
    const bool has_index =
        leaf.kind() == Pattern::Kind::kVariable || leaf.kind() == Pattern::Kind::kConstant;
    if (has_index) used.insert(leaf.index());
  });
  int index = 0;
  while (used.contains(index)) ++index;
  return Pattern::variable(index);
}

// Left sides that an equation must not take for its own: where a variable occurs again stands
// another one, and so where a constant or a number does; or it is another number.
std::vector<Pattern> near_misses_of(const Pattern& left) {
  std::vector<Pattern> all;
  std::set<int> seen;
  int position = 0;
  const Pattern another = another_variable(left);
  for_each_leaf(left, [&](const Pattern& leaf) {
    const auto append = [&](const Pattern& other) {
      int index = position;
      all.push_back(with_leaf(left, index, other));
    };
    if (leaf.kind() != Pattern::Kind::kVariable || !seen.insert(leaf.index()).second) {
      append(another);
    }
    if (leaf.kind() == Pattern::Kind::kLiteral) append(Pattern::literal(leaf.value() + 3));
    ++position;
  });
  return all;
}

bool has_all_ones(const Pattern& pattern) {
  bool has = false;
  for_each_leaf(pattern,
                [&](const Pattern& leaf) { has = has || leaf.kind() == Pattern::Kind::kAllOnes; });
  return has;
}

class NearMiss : public testing::TestWithParam<const Rule*> {};

TEST_P(NearMiss, IsLeftAlone) {
  const Rule& rule = *GetParam();
  if (!rule.is_equation()) {
    expect_left_alone(example_graph(rule.near_miss), rule);
    return;
  }
  const std::vector<Pattern> near_misses = near_misses_of(*rule.left);
  int graphs = 0;
  for (int i = 0; i < kDTypeCount; ++i) {
    const DType dtype = static_cast<DType>(i);
    const bool is_of_rule = rule.dtypes.contains(dtype);
    if (!is_of_rule && has_all_ones(*rule.left)) continue;  // floats have none
    for (const Pattern& left : is_of_rule ? near_misses : std::vector{*rule.left}) {
      Graph graph;
      try {
        graph = test::EquationGraphs(left, dtype, 1).of(left);
      } catch (const Error&) {
        continue;  // the ops do not take this dtype, or it does not hold the number
      }
      expect_left_alone(graph, rule);
      ++graphs;
    }
  }
  EXPECT_GE(graphs, near_misses.empty() ? 0 : 1);
}

std::string rule_case(const testing::TestParamInfo<const Rule*>& info) {
  std::string name(info.param->name);
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Rules, NearMiss, testing::ValuesIn(every_rule()), rule_case);

}  // namespace
}  // namespace ndl::passes
