// Stabilize: single rules at the numbers that they are for, with derivatives: large and small,
// equal, infinite, or near where digits are lost.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "ir/convert_elements.h"
#include "ir/interpreter.h"
#include "ir/printer.h"
#include "passes/stabilize.h"
#include "passes/vjp.h"
#include "tests/passes/small_program.h"

namespace ndl::passes {
namespace {

using ir::Graph;
using ir::Literal;
using ir::Op;
using test::count;
using test::expect_near;
using test::parse_body;
using test::replaced;
using test::stabilized;

// First and second derivatives of a function of two numbers: of its result, then of the gradients.
std::vector<double> derivatives(const Graph& graph, double x, double y) {
  const Graph first = vjp(graph);
  const Literal one = Literal::filled({DType::kF64, ir::Shape()}, 1);
  const std::vector<Literal> at = {Literal::filled({DType::kF64, ir::Shape()}, x),
                                   Literal::filled({DType::kF64, ir::Shape()}, y)};
  std::vector<double> result;
  const auto add = [&](const Graph& of, std::vector<Literal> inputs) {
    for (const Literal& literal : ir::interpret(of, inputs)) result.push_back(literal.as_double(0));
  };
  add(first, {at[0], at[1], one});
  for (const std::size_t of : {0, 1}) {
    std::vector<Literal> weights(3, Literal::filled({DType::kF64, ir::Shape()}, 0));
    weights[1 + of] = one;
    add(vjp(first), {at[0], at[1], one, weights[0], weights[1], weights[2]});
  }
  return result;
}

// Where sides are equal, where one is 0, where all is large or small.
TEST(Stabilize, HypotHasTheSlopesOfTheRoot) {
  const Graph naive = parse_body("%x: f64[], %y: f64[]", "f64[]",
                                 "%a = mul(%x, %x) : f64[] %b = mul(%y, %y) : f64[] "
                                 "%s = add(%a, %b) : f64[] %r = sqrt(%s) : f64[]",
                                 "%r");
  const Graph stable = stabilized(naive);
  EXPECT_EQ(count(stable, Op::kExp2), 1);
  const std::pair<double, double> points[] = {{1, 1}, {2, -2}, {3, 4}, {2, 0}, {0, -5}, {8, 0.001}};
  for (const auto& [x, y] : points) {
    const std::vector<double> want = derivatives(naive, x, y);
    const std::vector<double> got = derivatives(stable, x, y);
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
      EXPECT_NEAR(got[i], want[i], 1e-13 * (1 + std::abs(want[i]))) << x << " " << y << " " << i;
    }
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(derivatives(stable, kInfinity, 1)[0], kInfinity);
  EXPECT_EQ(derivatives(stable, kInfinity, kInfinity)[0], kInfinity);
  EXPECT_EQ(derivatives(stable, 0, 0)[0], 0);
  EXPECT_EQ(derivatives(stable, 1.5e308, 0)[0], 1.5e308);
  EXPECT_NEAR(derivatives(stable, 3e300, 4e300)[1], 0.6, 1e-15);
  EXPECT_NEAR(derivatives(stable, 3e-300, 4e-300)[2], 0.8, 1e-15);
}

TEST(Stabilize, ARootOfManySquaresSquaresNoLargeNumber) {
  const Graph naive =
      parse_body("%x: f16[2], %y: f16[2], %z: f16[2]", "f16[2]",
                 "%a = mul(%x, %x) : f16[2] %b = mul(%y, %y) : f16[2] %c = mul(%z, %z) : f16[2] "
                 "%d = add(%a, %b) : f16[2] %e = add(%d, %c) : f16[2] %r = sqrt(%e) : f16[2]",
                 "%r");
  const Graph stable = stabilized(naive);
  std::vector<Literal> inputs;
  for (const std::vector<float>& pair : {std::vector<float>{300, 2e-4F}, {400, 3e-4F}, {0, 0}}) {
    inputs.push_back(ir::converted(Literal::dense<float>(ir::Shape({2}), pair), DType::kF16));
  }
  const Literal r = ir::interpret(stable, inputs)[0];
  EXPECT_EQ(r.as_double(0), 500);
  EXPECT_NEAR(r.as_double(1), std::hypot(inputs[0].as_double(1), inputs[1].as_double(1)), 4e-7);
}

TEST(Stabilize, OneOverAHypotSquaresNoLargeNumber) {
  const Graph naive = parse_body("%x: f32[3], %y: f32[3]", "f32[3]",
                                 "%a = mul(%x, %x) : f32[3] %b = mul(%y, %y) : f32[3] "
                                 "%c = add(%a, %b) : f32[3] %r = rsqrt(%c) : f32[3]",
                                 "%r");
  const Graph stable = stabilized(naive);
  const std::vector<Literal> inputs = {Literal::dense<float>(ir::Shape({3}), {3e30F, 3e-30F, 0}),
                                       Literal::dense<float>(ir::Shape({3}), {4e30F, 4e-30F, 0})};
  const Literal r = ir::interpret(stable, inputs)[0];
  EXPECT_FLOAT_EQ(static_cast<float>(r.as_double(0)), 2e-31F);
  EXPECT_FLOAT_EQ(static_cast<float>(r.as_double(1)), 2e29F);
  EXPECT_EQ(r.as_double(2), std::numeric_limits<double>::infinity());
}

TEST(Stabilize, LogOneMinusExpHasItsSlopes) {
  const Graph naive = parse_body("%x: f32[5], %one: f32[5]", "f32[5]",
                                 "%e = exp(%x) : f32[5] %c = constant(1) : f32[5] "
                                 "%d = sub(%c, %e) : f32[5] %r = log(%d) : f32[5]",
                                 "%r");
  const Graph stable = run_stabilize(naive, {});
  const float border = -0.6931472F;
  const std::vector<Literal> inputs = {
      Literal::dense<float>(ir::Shape({5}),
                            std::vector<float>{border, 0, -0.1F, std::nanf(""), -20}),
      Literal::dense<float>(ir::Shape({5}), std::vector<float>{1, 1, 1, 1, 1}),
      Literal::dense<float>(ir::Shape({5}), std::vector<float>{1, 1, 1, 1, 1})};
  const std::vector<Literal> results = ir::interpret(vjp(stable), inputs);
  EXPECT_NEAR(results[1].as_double(0), -1, 1e-6);
  EXPECT_EQ(results[1].as_double(1), -std::numeric_limits<double>::infinity());
  EXPECT_NEAR(results[1].as_double(2), -1 / std::expm1(0.1), 1e-5);
  EXPECT_TRUE(std::isnan(results[1].as_double(3)));
  EXPECT_NEAR(results[1].as_double(4), -std::exp(-20.0), 1e-14);
}

// A norm that is too large for any number, rows of zeros, gradients.
TEST(Stabilize, NormalizedRowsNeitherOverflowNorVanish) {
  const Graph naive = parse_body("%x: f32[4,3]", "f32[4,3]",
                                 "%q = mul(%x, %x) : f32[4,3] "
                                 "%s = reduce(%q, kind=sum, axes=[1]) : f32[4] "
                                 "%n = sqrt(%s) : f32[4] %k = reshape(%n) : f32[4,1] "
                                 "%b = broadcast(%k) : f32[4,3] %y = div(%x, %b) : f32[4,3]",
                                 "%y");
  const Graph stable = stabilized(naive);
  constexpr float kMost = std::numeric_limits<float>::max();
  const Literal x = Literal::dense<float>(
      ir::Shape({4, 3}), {kMost, kMost, kMost, 3e-42F, 4e-42F, 0, 3, 4, 0, 0, -2, 0});
  const Literal y = ir::interpret(stable, {{x}}).front();
  const double third = std::sqrt(1.0 / 3);
  const double want[] = {third, third, third, 0.6, 0.8, 0, 0.6, 0.8, 0, 0, -1, 0};
  for (std::int64_t i = 0; i < 12; ++i) {
    EXPECT_NEAR(y.as_double(i), want[i], i / 3 == 1 ? 1e-3 : 1e-6) << i;
  }
  // Row 2: d(y0) / dx = (1 - y0 y0, -y0 y1, 0) / norm.
  std::vector<float> weights(12, 0);
  weights[6] = 1;
  const Literal g = Literal::dense<float>(ir::Shape({4, 3}), weights);
  const Literal slope = ir::interpret(vjp(stable), {{x, g}})[1];
  EXPECT_NEAR(slope.as_double(6), (1 - 0.36) / 5, 1e-6);
  EXPECT_NEAR(slope.as_double(7), -0.48 / 5, 1e-6);
}

TEST(Stabilize, ScaledRowsOfNothingAndOfInfinity) {
  const Graph norm = parse_body("%x: f32[3,0]", "f32[3]",
                                "%q = mul(%x, %x) : f32[3,0] "
                                "%s = reduce(%q, kind=sum, axes=[1]) : f32[3] "
                                "%y = sqrt(%s) : f32[3]",
                                "%y");
  const Literal nothing = Literal::filled({DType::kF32, ir::Shape({3, 0})}, 0);
  EXPECT_EQ(ir::interpret(run_stabilize(norm, {}), {{nothing}})[0].to_string(), "[0, 0, 0]");
  const Graph weighted =
      parse_body("%x: f32[3], %w: f32[3]", "f32[]",
                 "%e = exp(%x) : f32[3] %p = mul(%w, %e) : f32[3] "
                 "%s = reduce(%p, kind=sum, axes=[0]) : f32[] %y = log(%s) : f32[]",
                 "%y");
  const Literal w = Literal::dense<float>(ir::Shape({3}), {1, 1, 1});
  const auto at = [&](float most) {
    const Literal x = Literal::dense<float>(ir::Shape({3}), {0, 0, most});
    return ir::interpret(run_stabilize(weighted, {}), {{x, w}})[0].as_double(0);
  };
  EXPECT_EQ(at(std::numeric_limits<float>::infinity()), std::numeric_limits<double>::infinity());
  EXPECT_EQ(at(3e38F), static_cast<double>(3e38F));
}

// Weights of any sign; one of 0 beside a number whose exponential overflows.
TEST(Stabilize, WeightedLogsumexpHasTheGradientOfBoth) {
  const Graph naive = parse_body("%x: f64[4], %w: f64[4]", "f64[]",
                                 "%e = exp(%x) : f64[4] %p = mul(%w, %e) : f64[4] "
                                 "%s = reduce(%p, kind=sum, axes=[0]) : f64[] %y = log(%s) : f64[]",
                                 "%y");
  const Graph stable = stabilized(naive);
  const Literal w = Literal::dense<double>(ir::Shape({4}), {2, -0.5, 0, 1});
  const Literal one = Literal::filled({DType::kF64, ir::Shape()}, 1);
  const Literal near = Literal::dense<double>(ir::Shape({4}), {1, 0.5, 3, -2});
  expect_near(ir::interpret(vjp(naive), {{near, w, one}}),
              ir::interpret(vjp(stable), {{near, w, one}}), 1e-13);
  const Literal far = Literal::dense<double>(ir::Shape({4}), {1e4, 1e4, 1e5, 0});
  const std::vector<Literal> at_far = ir::interpret(vjp(stable), {{far, w, one}});
  EXPECT_NEAR(at_far[0].as_double(0), 1e4 + std::log(1.5), 1e-11);
  EXPECT_NEAR(at_far[1].as_double(0), 2 / 1.5, 1e-12);
  EXPECT_NEAR(at_far[1].as_double(1), -0.5 / 1.5, 1e-12);
  EXPECT_EQ(at_far[1].as_double(2), 0);
}

// What has no weight may have a slope far larger than anything beside it.
TEST(Stabilize, TheSlopeOfAWeightOfZero) {
  const Graph naive = parse_body("%x: f32[2], %w: f32[2]", "f32[]",
                                 "%e = exp(%x) : f32[2] %p = mul(%w, %e) : f32[2] "
                                 "%s = reduce(%p, kind=sum, axes=[0]) : f32[] %y = log(%s) : f32[]",
                                 "%y");
  const Literal x = Literal::dense<float>(ir::Shape({2}), {0, 60});
  const Literal w = Literal::dense<float>(ir::Shape({2}), {1, 0});
  const Literal one = Literal::filled({DType::kF32, ir::Shape()}, 1);
  const std::vector<Literal> slopes = ir::interpret(vjp(run_stabilize(naive, {})), {{x, w, one}});
  EXPECT_NEAR(slopes[2].as_double(0), 1, 1e-6);
  EXPECT_NEAR(slopes[2].as_double(1) / std::exp(60.0), 1, 1e-5);
}

// A weight that is a power itself may vanish where its product with another does not.
TEST(Stabilize, APowerBesideARepeatedOne) {
  const Graph naive =
      parse_body("%a: f32[2,1], %t: f32[2,2]", "f32[2]",
                 "%e = exp(%a) : f32[2,1] %b = broadcast(%e) : f32[2,2] %f = exp(%t) : f32[2,2] "
                 "%m = mul(%b, %f) : f32[2,2] %s = reduce(%m, kind=sum, axes=[0]) : f32[2] "
                 "%y = log(%s) : f32[2]",
                 "%y");
  const Literal a = Literal::dense<float>(ir::Shape({2, 1}), {-110, 0});
  const Literal t = Literal::dense<float>(ir::Shape({2, 2}), {115, 0, 0, 0});
  const Literal y = ir::interpret(run_stabilize(naive, {}), {{a, t}})[0];
  EXPECT_NEAR(y.as_double(0), 5 + std::log1p(std::exp(-5.0)), 1e-5);
  EXPECT_EQ(y.as_double(1), 0);
}

// Losses as the difference of a logsumexp and the chosen logits, of logits of 10,000 whose ULP is
// 0.001: of each row, or of sums over the batch.
TEST(Stabilize, LossesOfLargeLogitsKeepTheirDigits) {
  const std::string logs = "%l = logsumexp(%x, axes=[1]) : f32[2] ";
  const std::string chosen =
      "%h = constant([[1, 0, 0], [0, 0, 1]]) : f32[2,3] %p = mul(%x, %h) : f32[2,3] ";
  const Graph losses[] = {
      parse_body("%x: f32[2,3]", "f32[2]",
                 logs + chosen +
                     "%c = reduce(%p, kind=sum, axes=[1]) : f32[2] "
                     "%y = sub(%l, %c) : f32[2]",
                 "%y"),
      parse_body("%x: f32[2,3]", "f32[2]",
                 logs +
                     "%i = constant([0, 2]) : i32[2] "
                     "%g = gather(%x, %i, axis=1, batch_dims=1) : f32[2] %z = sub(%g, %l) : f32[2] "
                     "%y = neg(%z) : f32[2]",
                 "%y"),
      parse_body("%x: f32[2,3]", "f32[]",
                 logs + chosen +
                     "%s = reduce(%l, kind=sum, axes=[0]) : f32[] "
                     "%t = reduce(%p, kind=sum, axes=[0, 1]) : f32[] %n = constant(2) : f32[] "
                     "%u = div(%s, %n) : f32[] %v = div(%t, %n) : f32[] %y = sub(%u, %v) : f32[]",
                 "%y"),
      parse_body("%x: f32[2,3]", "f32[2]",
                 logs + "%r = reverse(%x, axes=[1]) : f32[2,3] "
                        "%h = constant([[0, 0, 1], [1, 0, 0]]) : f32[2,3] "
                        "%p = mul(%r, %h) : f32[2,3] %c = reduce(%p, kind=sum, axes=[1]) : f32[2] "
                        "%y = sub(%l, %c) : f32[2]",
                 "%y"),
  };
  const std::vector<float> logits = {10001, 9999.5F, 10000, -9999, -10001, -10000.25F};
  const Literal x = Literal::dense<float>(ir::Shape({2, 3}), logits);
  const auto loss = [&](std::size_t row, std::size_t of) {
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i)
      sum += std::exp(double{logits[3 * row + i]} - logits[3 * row + of]);
    return std::log(sum);
  };
  const double want[] = {loss(0, 0), loss(1, 2)};
  for (const Graph& graph : losses) {
    const Graph stable = stabilized(graph);
    const Literal y = ir::interpret(stable, {{x}})[0];
    if (y.size() == 1) {
      EXPECT_NEAR(y.as_double(0), (want[0] + want[1]) / 2, 1e-6);
    } else {
      EXPECT_NEAR(y.as_double(0), want[0], 1e-6);
      EXPECT_NEAR(y.as_double(1), want[1], 1e-6);
    }
  }
}

// logsumexp(x) - log(n) would round numbers of the size of log(n).
TEST(Stabilize, TheLogarithmOfAMeanKeepsItsDigitsNearZero) {
  constexpr std::int64_t kTerms = 1000;
  for (const char* mean :
       {"%s = reduce(%e, kind=sum, axes=[0]) : f32[] %n = constant(1000) : f32[] "
        "%m = div(%s, %n) : f32[]",
        "%n = constant(0.001) : f32[1000] %p = mul(%e, %n) : f32[1000] "
        "%m = reduce(%p, kind=sum, axes=[0]) : f32[]"}) {
    const Graph naive =
        parse_body("%x: f32[1000]", "f32[]",
                   fmt::format("%e = exp(%x) : f32[1000] {} %y = log(%m) : f32[]", mean), "%y");
    const Graph stable = stabilized(naive);
    std::vector<float> places = {-80, 300};
    for (int i = -20; i < 20; ++i) places.push_back(static_cast<float>(i) * 1e-3F);
    for (const float around : places) {
      std::vector<float> elements;
      double sum = 0;
      for (int i = 0; i < kTerms; ++i) {
        elements.push_back(around + std::abs(around) * static_cast<float>(i % 10) / 10);
        sum += std::exp(static_cast<double>(elements.back()) - static_cast<double>(around));
      }
      const double want = static_cast<double>(around) + std::log(sum / kTerms);
      const Literal x = Literal::dense<float>(ir::Shape({kTerms}), elements);
      const double got = ir::interpret(stable, {{x}})[0].as_double(0);
      EXPECT_NEAR(got, want, 3e-7 * std::max(1.0, std::abs(want))) << around;
    }
  }
}

// The difference of two numbers of 8 digits would be off by a quarter.
TEST(Stabilize, AShareOfTwoNarrowPowersIsAsExactAsSoftmax) {
  const Graph naive = parse_body("%x: bf16[1], %y: bf16[1]", "bf16[1]",
                                 "%p = exp(%x) : bf16[1] %q = exp(%y) : bf16[1] "
                                 "%s = add(%p, %q) : bf16[1] %z = div(%p, %s) : bf16[1]",
                                 "%z");
  const Graph stable = stabilized(naive);
  EXPECT_EQ(count(stable, Op::kExp), 0) << ir::print(stable);
  const auto bf16 = [](float number) {
    return ir::converted(Literal::dense<float>(ir::Shape({1}), {number}), DType::kBF16);
  };
  const double got = ir::interpret(stable, {{bf16(-19.875F), bf16(60.25F)}})[0].as_double(0);
  EXPECT_NEAR(got, std::exp(-80.125), std::exp(-80.125) * 0x1p-8);
}

// log(exp(x) + exp(-x)) where both are equal: the slope is 0, that of the slope is 1.
TEST(Stabilize, LogaddexpOfEqualNumbersHasTwoDerivatives) {
  const Graph naive = parse_body("%x: f64[], %y: f64[]", "f64[]",
                                 "%a = exp(%x) : f64[] %n = neg(%x) : f64[] %b = exp(%n) : f64[] "
                                 "%s = add(%a, %b) : f64[] %c = mul(%s, %y) : f64[] "
                                 "%l = log(%s) : f64[] %z = mul(%l, %y) : f64[]",
                                 "%z");
  const Graph stable = run_stabilize(naive, {});
  EXPECT_EQ(count(stable, Op::kExp), 0) << ir::print(stable);
  const std::vector<double> want = derivatives(naive, 0, 1);
  const std::vector<double> got = derivatives(stable, 0, 1);
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-15) << i;
}

// Numbers near a large one, and powers of 2 or of a number below 1: log(2) times the large number
// would be rounded, in 8 digits to nothing of the differences.
TEST(Stabilize, SoftmaxOfOtherPowersIsAsExactAsOfPowersOfE) {
  for (const DType dtype : {DType::kBF16, DType::kF16, DType::kF32, DType::kF64}) {
    for (const double base : {2.0, 0.5}) {
      const std::string power = base == 2 ? "%e = exp2(%x) : f32[3]"
                                          : "%c = constant(0.5) : f32[3] %e = pow(%c, %x) : f32[3]";
      const std::string body = power +
                               " %s = reduce(%e, kind=sum, axes=[0]) : f32[] "
                               "%b = broadcast(%s) : f32[3] %y = div(%e, %b) : f32[3]";
      const std::string type = fmt::format("{}[3]", name_of(dtype));
      const Graph stable =
          stabilized(parse_body("%x: " + type, type, replaced(body, "f32", name_of(dtype)), "%y"));
      EXPECT_EQ(count(stable, Op::kSoftmax), 1) << ir::print(stable);
      const std::array<double, 3> x = {100, 99, 98};
      const std::vector<float> elements(x.begin(), x.end());
      const Literal input = ir::converted(Literal::dense<float>(ir::Shape({3}), elements), dtype);
      const Literal got = ir::interpret(stable, {{input}})[0];
      const double digits = dtype == DType::kBF16  ? 0x1p-8
                            : dtype == DType::kF16 ? 0x1p-11
                            : dtype == DType::kF32 ? 0x1p-22
                                                   : 0x1p-51;
      double sum = 0;
      for (const double number : x) sum += std::pow(base, number - 99);
      for (std::int64_t i = 0; i < 3; ++i) {
        const double want = std::pow(base, x[static_cast<std::size_t>(i)] - 99) / sum;
        EXPECT_NEAR(got.as_double(i), want, digits * want) << name_of(dtype);
      }
    }
  }
}

TEST(Stabilize, ANormOfPowersOfTwoSquaresNoLargeNumber) {
  const Graph naive = parse_body("%x: f32[2]", "f32[]",
                                 "%c = constant(2) : f32[2] %p = pow(%x, %c) : f32[2] "
                                 "%s = reduce(%p, kind=sum, axes=[0]) : f32[] "
                                 "%y = sqrt(%s) : f32[]",
                                 "%y");
  const Literal x = Literal::dense<float>(ir::Shape({2}), {3e30F, 4e30F});
  EXPECT_NEAR(ir::interpret(run_stabilize(naive, {}), {{x}})[0].as_double(0), 5e30, 1e24);
}

TEST(Stabilize, PowersOfOneAreLeftAlone) {
  const Graph naive = parse_body("%x: f32[3]", "f32[3]",
                                 "%c = constant(1) : f32[3] %e = pow(%c, %x) : f32[3] "
                                 "%s = reduce(%e, kind=sum, axes=[0]) : f32[] "
                                 "%b = broadcast(%s) : f32[3] %y = div(%e, %b) : f32[3]",
                                 "%y");
  EXPECT_EQ(count(run_stabilize(naive, {}), Op::kSoftmax), 0);
}

}  // namespace
}  // namespace ndl::passes
