// Ranges hold what is computed; what is prone is named, and what is not is left in peace.
#include "passes/risks.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ir/builder.h"
#include "ir/interpreter.h"
#include "ir/parser.h"
#include "ir/printer.h"
#include "passes/pass.h"
#include "passes/value_range.h"
#include "tests/random_graph.h"
#include "tests/same_results.h"

namespace ndl::passes {
namespace {

using ir::Graph;
using ir::Literal;
using ir::Value;

// The graph with all tensors of floats as its results.
struct Opened {
  Graph graph;
  std::vector<Value> values;
};
Opened opened(const Graph& graph) {
  Opened result{Graph("opened"), {}};
  ir::Builder b(result.graph);
  std::vector<Value> mapped(graph.size());
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    std::vector<Value> operands;
    for (const Value operand : graph.operands({id})) operands.push_back(mapped[operand.id]);
    mapped[id] = graph.op({id}) == ir::Op::kParameter ? b.parameter(graph.type({id}))
                                                      : b.clone(graph, {id}, operands);
    const ir::Type& type = graph.type({id});
    if (!type.is_tuple() && is_float(type.dtype())) result.values.push_back(mapped[id]);
  }
  b.set_result(b.make_tuple(std::vector<Value>(result.values)));
  return result;
}

Literal finite(const Literal& literal) {
  Literal result = literal.dense();
  visit_dtype(literal.dtype(), [&]<class T>(std::type_identity<T>) {
    for (std::int64_t i = 0; i < result.size(); ++i) {
      if (!std::isfinite(result.as_double(i))) result.mutable_data<T>()[i] = T{};
    }
  });
  return result;
}

TEST(ValueRanges, HoldWhatIsComputed) {
  int checked = 0;
  int narrow = 0;
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    const Opened open = opened(test::random_graph(seed, 20));
    std::vector<Literal> inputs;
    for (const Literal& input : test::random_inputs(open.graph, seed)) {
      inputs.push_back(finite(input));
    }
    const test::Outcome outcome = test::run(open.graph, inputs);
    if (!outcome.error.empty()) continue;
    const std::vector<ValueRange> ranges = value_ranges(open.graph);
    for (std::size_t k = 0; k < open.values.size(); ++k) {
      const ValueRange& range = ranges[open.values[k].id];
      const double most = largest_finite(open.graph.type(open.values[k]).dtype());
      narrow += range.low > -most || range.high < most;
      for (std::int64_t i = 0; i < outcome.literals[k].size(); ++i) {
        const double x = outcome.literals[k].as_double(i);
        // An infinity is what the ranges are there to tell of: some number too large.
        if (std::isnan(x) || std::isinf(x)) continue;
        ++checked;
        // Results are rounded, and ranges are not: to 16 bits at the coarsest, op after op.
        const double slack = 0.05 * std::abs(x) + 0.05;
        ASSERT_TRUE(range.low - slack <= x && x <= range.high + slack)
            << x << " is not in [" << range.low << ", " << range.high << "]: %" << open.values[k].id
            << " with seed " << seed << "\n"
            << ir::print(open.graph);
      }
    }
  }
  EXPECT_GT(checked, 10'000);
  EXPECT_GT(narrow, 1'000);
}

// "exp, log" of the program that computes %y from %x: f32[4].
std::string risky_ops(const std::string& body) {
  const Graph graph = ir::parse(
      fmt::format("needle 1\n\ngraph f(%x: f32[4]) -> f32[4] {{\n{}\n  return %y\n}}\n", body));
  std::string ops;
  for (const Risk& risk : find_risks(graph)) {
    ops += (ops.empty() ? "" : ", ") + std::string(ir::name_of(graph.op(risk.value)));
  }
  return ops;
}

TEST(Risks, AreNamed) {
  EXPECT_EQ(risky_ops("%y = exp(%x)"), "exp");
  EXPECT_EQ(risky_ops("%0 = exp(%x) %y = log(%0)"), "exp, log");
  EXPECT_EQ(risky_ops("%0 = mul(%x, %x) %y = log(%0)"), "log");
  EXPECT_EQ(risky_ops("%y = div(%x, %x)"), "div");
  EXPECT_EQ(risky_ops("%y = sqrt(%x)"), "sqrt");
  EXPECT_EQ(risky_ops("%0 = abs(%x) %y = rsqrt(%0)"), "rsqrt");
  EXPECT_EQ(risky_ops("%one = constant(1) : f32[4] %0 = cos(%x) %y = sub(%one, %0)"), "sub");
  EXPECT_EQ(risky_ops("%ten = constant(10) : f32[4] %y = pow(%ten, %x)"), "pow");
  EXPECT_EQ(risky_ops("%c = constant(-1) : f32[4] %y = pow(%x, %c)"), "pow");
  // The maxima of rows beside columns.
  EXPECT_EQ(risky_ops("%s = reshape(%x) : f32[2,2] %m = reduce(%s, kind=max, axes=[1]) : f32[2] "
                      "%b = broadcast(%m) : f32[2,2] %0 = sub(%s, %b) %1 = exp(%0) "
                      "%y = reshape(%1) : f32[4]"),
            "exp");
  EXPECT_EQ(risky_ops("%two = constant(2) : f32[4] %n = constant(4) : f32[] "
                      "%0 = pow(%x, %two) %1 = reduce(%0, kind=sum, axes=[0]) : f32[] "
                      "%2 = div(%1, %n) %3 = reduce(%x, kind=sum, axes=[0]) : f32[] "
                      "%4 = div(%3, %n) %c = constant(2) : f32[] %5 = pow(%4, %c) "
                      "%6 = sub(%2, %5) %y = broadcast(%6) : f32[4]"),
            "sub");
}

TEST(Risks, AreNotSeenWhereThereAreNone) {
  EXPECT_EQ(risky_ops("%0 = abs(%x) %1 = neg(%0) %y = exp(%1)"), "");
  EXPECT_EQ(risky_ops("%0 = tanh(%x) %y = exp(%0)"), "");
  EXPECT_EQ(risky_ops("%0 = mul(%x, %x) %one = constant(1) : f32[4] %1 = add(%0, %one) "
                      "%2 = log(%1) %3 = rsqrt(%1) %4 = div(%2, %1) %y = add(%3, %4)"),
            "");
  EXPECT_EQ(risky_ops("%m = reduce(%x, kind=max, axes=[0]) : f32[] %b = broadcast(%m) : f32[4] "
                      "%0 = sub(%x, %b) %y = exp(%0)"),
            "");
  EXPECT_EQ(risky_ops("%y = softmax(%x, axes=[0])"), "");
  EXPECT_EQ(risky_ops("%l = constant(1e-7) : f32[4] %h = constant(1) : f32[4] "
                      "%0 = clamp(%x, %l, %h) %y = log(%0)"),
            "");
  EXPECT_EQ(risky_ops("%one = constant(1) : f32[4] %0 = mul(%x, %x) %1 = add(%0, %one) "
                      "%2 = reduce(%1, kind=sum, axes=[0]) : f32[] %3 = log(%2) "
                      "%y = broadcast(%3) : f32[4]"),
            "");
  EXPECT_EQ(risky_ops("%one = constant(1) : f32[4] %two = constant(2) : f32[4] "
                      "%0 = pow(%x, %two) %1 = add(%0, %one) %y = div(%x, %1)"),
            "");
}

TEST(Risks, TheLimitIsThatOfTheDtype) {
  const auto limit = [](const char* dtype) {
    const Graph graph = ir::parse(fmt::format(
        "needle 1\n\ngraph f(%x: {0}[4]) -> {0}[4] {{\n  %y = exp(%x)\n  return %y\n}}\n", dtype));
    return find_risks(graph).front().what;
  };
  EXPECT_EQ(limit("f16"), "overflows f16 above 11.09");
  EXPECT_EQ(limit("bf16"), "overflows bf16 above 88.72");
  EXPECT_EQ(limit("f32"), "overflows f32 above 88.72");
  EXPECT_EQ(limit("f64"), "overflows f64 above 709.8");
}

// What no rule makes stable has a hint of its own.
TEST(Risks, HintsOfLogarithms) {
  const auto hint = [](const char* body) {
    const Graph graph = ir::parse(
        fmt::format("needle 1\n\ngraph f(%x: f32[4]) -> f32[4] {{\n{}\n  return %y\n}}\n", body));
    return std::string(find_risks(graph).back().hint);
  };
  const std::string one = "%one = constant(1) : f32[4] ";
  const std::string half = "%half = constant(0.5) : f32[4] ";
  const std::string normal = one + half + "%e = erf(%x) %a = add(%e, %one) %b = mul(%a, %half) ";
  EXPECT_NE(hint((normal + "%y = log(%b)").c_str()).find("erf"), std::string::npos);
  EXPECT_NE(hint("%e = erf(%x) %y = log1p(%e)").find("erf"), std::string::npos);
  EXPECT_NE(hint("%e = exp(%x) %s = cumsum(%e, axis=0) %y = log(%s)").find("scan"),
            std::string::npos);
  EXPECT_NE(hint("%e = abs(%x) %y = log(%e)").find("logsumexp"), std::string::npos);
}

TEST(Risks, SquaresAndLongSumsOfTheShortestFloats) {
  const auto risks = [](const std::string& dtype, const std::string& body) {
    const Graph graph = ir::parse(fmt::format(
        "needle 1\n\ngraph f(%x: {0}[1000]) -> {0}[] {{\n{1}\n  return %y\n}}\n", dtype, body));
    std::string what;
    for (const Risk& risk : find_risks(graph)) what += risk.what + "; ";
    return what;
  };
  const std::string square = "%0 = mul(%x, %x) %y = reduce(%0, kind=max, axes=[0])";
  EXPECT_EQ(risks("f16", square), "overflows f16 where the operand is above 255.9; ");
  EXPECT_EQ(risks("bf16", square), "");
  const std::string sum = "%y = reduce(%x, kind=sum, axes=[0])";
  EXPECT_EQ(risks("f16", sum), "overflows f16 where all elements are above 65.5; ");
  EXPECT_EQ(risks("f32", sum), "");
  EXPECT_EQ(risks("f16", "%0 = tanh(%x) %1 = mul(%0, %0) %y = reduce(%1, kind=sum, axes=[0])"), "");
}

TEST(AppliedRules, AreNoted) {
  const Graph graph = ir::parse(
      "needle 1\n\ngraph f(%x: f32[4]) -> f32[4] {\n  %0 = exp(%x) : f32[4]\n"
      "  %1 = log(%0) : f32[4]\n  return %1\n}\n");
  std::vector<AppliedRule> applied;
  RunOptions options;
  options.notes_rules = true;
  options.observer = [&](const PassRecord& record, const Graph&, const Graph&) {
    applied = record.applied;
  };
  run_pipeline(graph, parse_pipeline("stabilize"), options);
  ASSERT_EQ(applied.size(), 1U);
  EXPECT_EQ(applied[0].rule, "log-exp");
  EXPECT_EQ(applied[0].value.id, 2U);
  EXPECT_EQ(applied[0].result, ir::Op::kParameter);
}

}  // namespace
}  // namespace ndl::passes
