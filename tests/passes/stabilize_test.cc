// Stabilize: every rule fires and is right, in real numbers and where the naive form fails, however
// the op is spelled.
#include "passes/stabilize.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ir/builder.h"
#include "ir/convert_elements.h"
#include "ir/interpreter.h"
#include "ir/parser.h"
#include "ir/printer.h"
#include "ir/verifier.h"
#include "passes/pattern.h"
#include "passes/vjp.h"
#include "tests/passes/small_program.h"
#include "tests/random_graph.h"
#include "tests/same_results.h"

namespace ndl::passes {
namespace {

using ir::Graph;
using ir::Literal;
using ir::Op;
using test::count;
using test::expect_near;
using test::parse_body;
using test::replaced;

// The left side of a rule as a graph on numbers of `dtype`: its pattern over two vectors, or its
// example.
Graph left_of(const Rule& rule, DType dtype) {
  if (!rule.is_equation()) return example_graph(rule.example, dtype);
  Graph graph;
  ir::Builder b(graph);
  const ir::Type type(dtype, ir::Shape({3}));
  Bindings bindings;
  bindings[0] = b.parameter(type);
  bindings[1] = b.parameter(type);
  b.set_result(instantiate(*rule.left, b, bindings, type.tensor()));
  return graph;
}

std::vector<Literal> values(const Graph& graph, double low, double high) {
  std::vector<Literal> inputs;
  for (std::size_t i = 0; i < graph.num_parameters(); ++i) {
    std::vector<float> elements;
    const ir::TensorType& type = graph.type(graph.parameter(i)).tensor();
    for (std::int64_t k = 0; k < type.shape.num_elements(); ++k) {
      const auto unit =
          static_cast<double>(mix_bits(static_cast<std::uint64_t>(7 * k) + 100 * i) >> 11) *
          0x1p-53;
      elements.push_back(static_cast<float>(low + (high - low) * unit));
    }
    inputs.push_back(ir::converted(Literal::dense<float>(type.shape, elements), type.dtype));
  }
  return inputs;
}

bool has_nan(const Literal& literal) {
  for (std::int64_t i = 0; i < literal.size(); ++i) {
    if (std::isnan(literal.as_double(i))) return true;
  }
  return false;
}

class StabilizeRule : public testing::TestWithParam<std::string_view> {};

TEST_P(StabilizeRule, FiresAndHoldsInRealNumbers) {
  const Rule& rule = *std::ranges::find(stabilize_rules(), GetParam(), &Rule::name);
  const Graph left = left_of(rule, DType::kF64);
  const Graph right = rewrite(left, std::span(&rule, 1), {});
  ir::verify(right);
  EXPECT_FALSE(left == right);
  EXPECT_EQ(rewrite(right, std::span(&rule, 1), {}), right);
  // Some logarithms are of positive numbers alone.
  double low = -0.9;
  std::vector<Literal> want = ir::interpret(left, values(left, low, 0.9));
  if (std::ranges::any_of(want, has_nan)) {
    low = 0.1;
    want = ir::interpret(left, values(left, low, 0.9));
  }
  ASSERT_FALSE(std::ranges::any_of(want, has_nan)) << ir::print(left);
  expect_near(want, ir::interpret(right, values(right, low, 0.9)), 1e-12);
  const Graph narrow = rewrite(left_of(rule, DType::kF32), std::span(&rule, 1), {});
  expect_near(want, ir::interpret(narrow, values(narrow, low, 0.9)), 1e-6);
  PassContext off;
  off.disabled.insert(std::string(rule.name));
  EXPECT_EQ(rewrite(left, std::span(&rule, 1), off), rewrite(left, {}, {}));
}

std::vector<std::string_view> rule_names() {
  std::vector<std::string_view> names;
  for (const Rule& rule : stabilize_rules()) names.push_back(rule.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Rules, StabilizeRule, testing::ValuesIn(rule_names()),
                         [](const auto& info) {
                           std::string name(info.param);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

// A spelling, and the op that it becomes; in the shape of x or with `axes` dropped.
struct Spelling {
  const char* name;
  const char* body;
  const char* result;
  Op op;
};

const Spelling kSpellings[] = {
    {"softmax_keepdims",
     "%e = exp(%x) : f32[4,5] %s = reduce(%e, kind=sum, axes=[1]) : f32[4] "
     "%k = reshape(%s) : f32[4,1] %b = broadcast(%k) : f32[4,5] %y = div(%e, %b) : f32[4,5]",
     "f32[4,5]", Op::kSoftmax},
    {"softmax_of_recomputed_exps",
     "%e = exp(%x) : f32[4,5] %f = exp(%x) : f32[4,5] "
     "%s = reduce(%f, kind=sum, axes=[0]) : f32[5] %b = broadcast(%s) : f32[4,5] "
     "%y = div(%e, %b) : f32[4,5]",
     "f32[4,5]", Op::kSoftmax},
    {"softmax_over_all",
     "%e = exp(%x) : f32[4,5] %s = reduce(%e, kind=sum, axes=[0, 1]) : f32[] "
     "%b = broadcast(%s) : f32[4,5] %y = div(%e, %b) : f32[4,5]",
     "f32[4,5]", Op::kSoftmax},
    {"softmax_by_reciprocal",
     "%e = exp(%x) : f32[4,5] %s = reduce(%e, kind=sum, axes=[1]) : f32[4] "
     "%one = constant(1) : f32[4] %r = div(%one, %s) : f32[4] %k = reshape(%r) : f32[4,1] "
     "%b = broadcast(%k) : f32[4,5] %y = mul(%b, %e) : f32[4,5]",
     "f32[4,5]", Op::kSoftmax},
    {"softmax_of_powers_of_two",
     "%e = exp2(%x) : f32[4,5] %s = reduce(%e, kind=sum, axes=[1]) : f32[4] "
     "%k = reshape(%s) : f32[4,1] %b = broadcast(%k) : f32[4,5] %y = div(%e, %b) : f32[4,5]",
     "f32[4,5]", Op::kSoftmax},
    {"softmax_of_powers",
     "%c = constant(10) : f32[4,5] %e = pow(%c, %x) : f32[4,5] "
     "%s = reduce(%e, kind=sum, axes=[1]) : f32[4] "
     "%k = reshape(%s) : f32[4,1] %b = broadcast(%k) : f32[4,5] %y = div(%e, %b) : f32[4,5]",
     "f32[4,5]", Op::kSoftmax},
    {"softmax_under_a_mask",
     "%c = constant(0) : f32[4,5] %m = lt(%c, %x) : bool[4,5] %w = convert(%m) : f32[4,5] "
     "%e = exp(%x) : f32[4,5] %p = mul(%e, %w) : f32[4,5] "
     "%s = reduce(%p, kind=sum, axes=[1]) : f32[4] %k = reshape(%s) : f32[4,1] "
     "%b = broadcast(%k) : f32[4,5] %y = div(%p, %b) : f32[4,5]",
     "f32[4,5]", Op::kSoftmax},
    {"logsumexp_of_what_is_selected",
     "%c = constant(0) : f32[4,5] %m = lt(%c, %x) : bool[4,5] %e = exp(%x) : f32[4,5] "
     "%p = select(%m, %e, %c) : f32[4,5] %s = reduce(%p, kind=sum, axes=[1]) : f32[4] "
     "%y = log(%s) : f32[4]",
     "f32[4]", Op::kLogsumexp},
    {"cross_entropy_of_every_class",
     "%e = exp(%x) : f32[4,5] %s = reduce(%e, kind=sum, axes=[1]) : f32[4] %l = log(%s) : f32[4] "
     "%k = reshape(%l) : f32[4,1] %b = broadcast(%k) : f32[4,5] %y = sub(%b, %x) : f32[4,5]",
     "f32[4,5]", Op::kLogSoftmax},
    {"log_sigmoid_by_difference",
     "%e = exp(%x) : f32[4,5] %c = constant(1) : f32[4,5] %s = add(%c, %e) : f32[4,5] "
     "%l = log(%s) : f32[4,5] %y = sub(%x, %l) : f32[4,5]",
     "f32[4,5]", Op::kSoftplus},
    {"softmax_with_temperature",
     "%c = constant(0.125) : f32[4,5] %z = mul(%x, %c) : f32[4,5] %e = exp(%z) : f32[4,5] "
     "%s = reduce(%e, kind=sum, axes=[1]) : f32[4] %k = reshape(%s) : f32[4,1] "
     "%b = broadcast(%k) : f32[4,5] %y = div(%e, %b) : f32[4,5]",
     "f32[4,5]", Op::kSoftmax},
    {"softmax_stable_already",
     "%m = reduce(%x, kind=max, axes=[1]) : f32[4] %n = reshape(%m) : f32[4,1] "
     "%c = broadcast(%n) : f32[4,5] %d = sub(%x, %c) : f32[4,5] %e = exp(%d) : f32[4,5] "
     "%s = reduce(%e, kind=sum, axes=[1]) : f32[4] %k = reshape(%s) : f32[4,1] "
     "%b = broadcast(%k) : f32[4,5] %y = div(%e, %b) : f32[4,5]",
     "f32[4,5]", Op::kSoftmax},
    {"log_of_softmax",
     "%e = exp(%x) : f32[4,5] %s = reduce(%e, kind=sum, axes=[1]) : f32[4] "
     "%k = reshape(%s) : f32[4,1] %b = broadcast(%k) : f32[4,5] %p = div(%e, %b) : f32[4,5] "
     "%y = log(%p) : f32[4,5]",
     "f32[4,5]", Op::kLogSoftmax},
    {"x_minus_log_of_sum",
     "%e = exp(%x) : f32[4,5] %s = reduce(%e, kind=sum, axes=[1]) : f32[4] %l = log(%s) : f32[4] "
     "%k = reshape(%l) : f32[4,1] %b = broadcast(%k) : f32[4,5] %y = sub(%x, %b) : f32[4,5]",
     "f32[4,5]", Op::kLogSoftmax},
    {"log_of_the_chosen_probability",
     "%e = exp(%x) : f32[4,5] %s = reduce(%e, kind=sum, axes=[1]) : f32[4] "
     "%k = reshape(%s) : f32[4,1] %b = broadcast(%k) : f32[4,5] %p = div(%e, %b) : f32[4,5] "
     "%i = constant([0, 4, 2, 2]) : i32[4] %g = gather(%p, %i, axis=1, batch_dims=1) : f32[4] "
     "%y = log(%g) : f32[4]",
     "f32[4]", Op::kLogSoftmax},
    {"log_of_products_of_powers",
     "%a = neg(%x) : f32[4,5] %c = constant(3) : f32[4,5] %d = mul(%x, %c) : f32[4,5] "
     "%e = exp(%a) : f32[4,5] %f = exp(%d) : f32[4,5] %p = mul(%e, %f) : f32[4,5] "
     "%s = reduce(%p, kind=sum, axes=[1]) : f32[4] %y = log(%s) : f32[4]",
     "f32[4]", Op::kLogsumexp},
    {"logsumexp",
     "%e = exp(%x) : f32[4,5] %s = reduce(%e, kind=sum, axes=[0]) : f32[5] "
     "%y = log(%s) : f32[5]",
     "f32[5]", Op::kLogsumexp},
    {"logsumexp_stable_already",
     "%m = reduce(%x, kind=max, axes=[0]) : f32[5] %c = broadcast(%m) : f32[4,5] "
     "%d = sub(%x, %c) : f32[4,5] %e = exp(%d) : f32[4,5] "
     "%s = reduce(%e, kind=sum, axes=[0]) : f32[5] %l = log(%s) : f32[5] %y = add(%m, %l) : f32[5]",
     "f32[5]", Op::kLogsumexp},
    {"softplus",
     "%e = exp(%x) : f32[4,5] %c = constant(1) : f32[4,5] %s = add(%c, %e) : f32[4,5] "
     "%y = log(%s) : f32[4,5]",
     "f32[4,5]", Op::kSoftplus},
    {"log_of_sigmoid",
     "%n = neg(%x) : f32[4,5] %e = exp(%n) : f32[4,5] %c = constant(1) : f32[4,5] "
     "%s = add(%c, %e) : f32[4,5] %p = div(%c, %s) : f32[4,5] %y = log(%p) : f32[4,5]",
     "f32[4,5]", Op::kSoftplus},
    {"sigmoid_as_quotient",
     "%e = exp(%x) : f32[4,5] %c = constant(1) : f32[4,5] %s = add(%e, %c) : f32[4,5] "
     "%y = div(%e, %s) : f32[4,5]",
     "f32[4,5]", Op::kSigmoid},
};

class SpellingTest : public testing::TestWithParam<Spelling> {
 protected:
  Graph naive() const {
    return parse_body("%x: f32[4,5]", GetParam().result, GetParam().body, "%y");
  }
};

TEST_P(SpellingTest, BecomesTheOp) {
  const Graph stable = stabilize_traced(naive()).graph;
  ir::verify(stable);
  const Graph live = run_stabilize(naive(), {});
  EXPECT_EQ(count(live, GetParam().op), 1) << ir::print(live);
  EXPECT_EQ(count(live, Op::kExp), 0) << ir::print(live);
  // In numbers of which constants have enough digits.
  const Graph precise = ir::parse(replaced(ir::print(naive()), "f32", "f64"));
  const std::vector<Literal> inputs = values(precise, -3, 3);
  expect_near(ir::interpret(precise, inputs), ir::interpret(run_stabilize(precise, {}), inputs),
              1e-12);
}

// Inputs of a thousand are within f64, where the naive forms are the reference up to 700.
TEST_P(SpellingTest, ValueAndGradientAreFiniteAtLargeInputs) {
  const Graph live = run_stabilize(naive(), {});
  for (const double scale : {100.0, 700.0, 1e4, 1e30}) {
    std::vector<Literal> inputs = values(naive(), -scale, scale);
    const Graph gradient = vjp(live);
    inputs.push_back(Literal::filled(live.result_type().tensor(), 1));
    for (const Literal& literal : ir::interpret(gradient, inputs)) {
      for (std::int64_t i = 0; i < literal.size(); ++i) {
        EXPECT_TRUE(std::isfinite(literal.as_double(i))) << scale << "\n" << ir::print(gradient);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Spellings, SpellingTest, testing::ValuesIn(kSpellings),
                         [](const auto& info) { return std::string(info.param.name); });

// What only looks like it.
TEST(Stabilize, LeavesOthersAlone) {
  const char* const bodies[] = {
      // The largest instead of the sum.
      "%e = exp(%x) : f32[4,4] %s = reduce(%e, kind=max, axes=[1]) : f32[4] "
      "%k = reshape(%s) : f32[4,1] %b = broadcast(%k) : f32[4,4] %y = div(%e, %b) : f32[4,4]",
      // Probabilities that are kept from 0.
      "%p = softmax(%x, axes=[1]) : f32[4,4] %c = constant(1e-08) : f32[4,4] "
      "%s = add(%p, %c) : f32[4,4] %y = log(%s) : f32[4,4]",
      // Exponents that are kept small.
      "%a = constant(-20) : f32[4,4] %b = constant(20) : f32[4,4] "
      "%z = clamp(%x, %a, %b) : f32[4,4] %e = exp(%z) : f32[4,4] %s = add(%e, %x) : f32[4,4] "
      "%y = div(%e, %s) : f32[4,4]",
  };
  for (const char* body : bodies) {
    const Graph graph = parse_body("%x: f32[4,4]", "f32[4,4]", body, "%y");
    EXPECT_EQ(run_stabilize(graph, {}), graph) << ir::print(graph);
  }
}

TEST(Stabilize, OtherUsersKeepTheirValues) {
  const Graph graph =
      parse_body("%x: f32[3]", "(f32[3], f32[3])",
                 "%e = exp(%x) : f32[3] %s = reduce(%e, kind=sum, axes=[0]) : f32[] "
                 "%b = broadcast(%s) : f32[3] %p = div(%e, %b) : f32[3] %y = make_tuple(%p, %e)",
                 "%y");
  const Graph stable = run_stabilize(graph, {});
  const std::vector<Literal> inputs = {
      Literal::dense<float>(ir::Shape({3}), std::vector<float>{1000, 10000, 100})};
  const std::vector<Literal> results = ir::interpret(stable, inputs);
  EXPECT_EQ(results[0].to_string(), "[0, 1, 0]");
  EXPECT_EQ(results[1].to_string(), "[inf, inf, inf]");
}

TEST(Stabilize, RandomGraphsStayValidAndDone) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const Graph graph = test::random_graph(seed, 20);
    const Graph once = run_stabilize(graph, {});
    ir::verify(once);
    EXPECT_EQ(run_stabilize(once, {}), once) << seed;
  }
}

}  // namespace
}  // namespace ndl::passes
