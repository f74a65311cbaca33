// Naive programs over all magnitudes, up to the largest number of the dtype: stabilized, value and
// gradient are those of exact arithmetic to a few units in the last place, and finite wherever they
// are numbers.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "ir/convert_elements.h"
#include "ir/interpreter.h"
#include "ir/printer.h"
#include "passes/stabilize.h"
#include "passes/value_range.h"
#include "passes/vjp.h"
#include "tests/passes/exact_evaluator.h"
#include "tests/passes/small_program.h"

namespace ndl::passes {
namespace {

using ir::Graph;
using ir::Literal;
using ir::Shape;
using test::count;
using test::parse_body;
using test::replaced;
using test::stabilized;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A function of single numbers in an interval, over "T", the type of %x and %y.
struct Naive {
  const char* name;
  double low;
  double high;
  const char* body;
  double smallest = 0;  // below, the slope is a difference that cancels, as it is written
  double degree = 1;    // of what must not overflow
};

const Naive kNaive[] = {
    {"asinh", -kInfinity, kInfinity,
     "%c = constant(1) : T %q = mul(%x, %x) : T %a = add(%c, %q) : T %r = sqrt(%a) : T "
     "%s = add(%r, %x) : T %y = log(%s) : T"},
    {"asinh_of_power", -kInfinity, kInfinity,
     "%c = constant(1) : T %d = constant(2) : T %q = pow(%x, %d) : T %a = add(%q, %c) : T "
     "%r = sqrt(%a) : T %s = add(%x, %r) : T %y = log2(%s) : T"},
    {"asinh_mirrored", -kInfinity, kInfinity,
     "%c = constant(1) : T %q = mul(%x, %x) : T %a = add(%q, %c) : T %r = sqrt(%a) : T "
     "%s = sub(%r, %x) : T %y = log(%s) : T"},
    {"acosh", 1.01, kInfinity,
     "%c = constant(1) : T %q = mul(%x, %x) : T %a = sub(%q, %c) : T %r = sqrt(%a) : T "
     "%s = add(%x, %r) : T %y = log(%s) : T"},
    {"acosh_of_factors", 1.01, kInfinity,
     "%c = constant(1) : T %p = add(%x, %c) : T %m = sub(%x, %c) : T %q = mul(%m, %p) : T "
     "%r = sqrt(%q) : T %s = sub(%x, %r) : T %y = log(%s) : T"},
    {"acosh_of_roots", 1.01, kInfinity,
     "%c = constant(1) : T %p = add(%x, %c) : T %m = sub(%x, %c) : T %a = sqrt(%p) : T "
     "%b = sqrt(%m) : T %r = mul(%a, %b) : T %s = add(%r, %x) : T %y = log(%s) : T"},
    {"atanh", -0.999, 0.999,
     "%c = constant(1) : T %p = add(%c, %x) : T %m = sub(%c, %x) : T %q = div(%p, %m) : T "
     "%y = log(%q) : T"},
    {"exp_of_minus_exp", -kInfinity, kInfinity,
     "%e = exp(%x) : T %n = neg(%e) : T %y = exp(%n) : T"},
    {"times_exp_of_minus_exp", -kInfinity, kInfinity,
     "%e = exp(%x) : T %n = neg(%e) : T %f = exp(%n) : T %y = mul(%x, %f) : T"},
    {"gumbel_density", -kInfinity, kInfinity,
     "%e = exp(%x) : T %n = sub(%x, %e) : T %y = exp(%n) : T", 0.3},
    {"one_minus_exp_of_minus_exp", -kInfinity, kInfinity,
     "%e = exp(%x) : T %n = neg(%e) : T %f = exp(%n) : T %c = constant(1) : T "
     "%y = sub(%c, %f) : T"},
    {"log_one_minus_exp_of_minus_exp", -8, kInfinity,
     "%e = exp(%x) : T %n = neg(%e) : T %f = exp(%n) : T %c = constant(1) : T "
     "%d = sub(%c, %f) : T %y = log(%d) : T"},
    {"reciprocal_of_cosh", -kInfinity, kInfinity,
     "%d = cosh(%x) : T %c = constant(1) : T %y = div(%c, %d) : T"},
    {"reciprocal_of_square_of_cosh", -kInfinity, kInfinity,
     "%d = cosh(%x) : T %c = constant(1) : T %q = mul(%d, %d) : T %y = div(%c, %q) : T"},
    {"reciprocal_of_two_powers", -kInfinity, kInfinity,
     "%e = exp(%x) : T %n = neg(%x) : T %f = exp(%n) : T %d = add(%e, %f) : T "
     "%c = constant(1) : T %y = div(%c, %d) : T",
     0.3},
    {"over_sinh", 0.8, kInfinity, "%d = sinh(%x) : T %y = div(%x, %d) : T"},
    {"log_of_sinh", 1e-3, kInfinity, "%d = sinh(%x) : T %y = log(%d) : T"},
    {"over_exp_minus_one", 0.3, kInfinity,
     "%e = exp(%x) : T %c = constant(1) : T %d = sub(%e, %c) : T %y = div(%x, %d) : T"},
    {"planck", 1e-3, kInfinity,
     "%e = exp(%x) : T %c = constant(1) : T %d = sub(%e, %c) : T %n = constant(3) : T "
     "%q = pow(%x, %n) : T %y = div(%q, %d) : T",
     0, 3},
};

const Naive& named(std::string_view name) { return *std::ranges::find(kNaive, name, &Naive::name); }

Literal literal_of(DType dtype, const Shape& shape, const std::vector<double>& numbers) {
  return ir::converted(Literal::dense<double>(shape, numbers), dtype);
}

std::vector<double> magnitudes(const Naive& naive, DType dtype) {
  const double most = std::pow(largest_finite(dtype), 1 / naive.degree);
  std::vector<double> numbers;
  for (const double x : {1e-30, 1e-8, 1e-4, 0.01, 0.3,   0.9, 1.0,  1.1,  3.0,      10.0, 11.5,
                         44.5,  60.0, 88.0, 90.0, 300.0, 1e4, 1e10, 1e30, most / 2, most}) {
    for (const double number : {x, -x}) {
      const bool is_inside = naive.low <= number && number <= naive.high;
      if (is_inside && naive.smallest <= x && x <= most) numbers.push_back(number);
    }
  }
  return numbers;
}

class Limits : public testing::TestWithParam<Naive> {};

TEST_P(Limits, AreThoseOfExactArithmetic) {
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32, DType::kF64}) {
    const std::vector<double> numbers = magnitudes(GetParam(), dtype);
    const Shape shape({static_cast<std::int64_t>(numbers.size())});
    const std::string type = fmt::format("{}[{}]", name_of(dtype), numbers.size());
    const Graph naive = parse_body("%x: " + type, type, replaced(GetParam().body, "T", type), "%y");
    const Graph stable = stabilized(naive);
    const std::vector<Literal> inputs = {literal_of(dtype, shape, numbers),
                                         Literal::filled({dtype, shape}, 1)};
    const std::vector<std::vector<double>> want = evaluate_exactly(vjp(naive), inputs);
    const std::vector<Literal> got = ir::interpret(vjp(stable), inputs);
    const double digits = 32 * std::ldexp(1.0, -precision_of(dtype));
    // Of the numbers that are not normal fewer are claimed, and none of what is too large.
    const double tiny = dtype == DType::kF16 ? 0x1p-14 : dtype == DType::kF64 ? 1e-300 : 1e-35;
    for (std::size_t k = 0; k < want.size(); ++k) {
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        const double value = got[k].as_double(static_cast<std::int64_t>(i));
        EXPECT_TRUE(std::isfinite(value))
            << name_of(dtype) << (k == 0 ? " value" : " slope") << " at " << numbers[i];
        if (!std::isfinite(want[k][i])) continue;
        EXPECT_NEAR(value, want[k][i], digits * std::abs(want[k][i]) + tiny)
            << name_of(dtype) << (k == 0 ? " value" : " slope") << " at " << numbers[i] << "\n";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, Limits, testing::ValuesIn(kNaive),
                         [](const auto& info) { return std::string(info.param.name); });

// What has become flat stays so, however steep its operand is.
TEST(Limits, SlopesThatHaveVanished) {
  for (const char* flat : {"exp(%n)", "exp2(%n)", "expm1(%n)", "tanh(%e)", "erf(%e)", "sigmoid(%e)",
                           "sigmoid(%n)", "softplus(%n)"}) {
    const Graph graph = parse_body("%x: f32[2]", "f32[2]",
                                   fmt::format("%e = exp(%x) : f32[2] %n = neg(%e) : f32[2] "
                                               "%y = {} : f32[2]",
                                               flat),
                                   "%y");
    const std::vector<Literal> got =
        ir::interpret(vjp(graph), {{literal_of(DType::kF32, Shape({2}), {200, 3e38}),
                                    Literal::filled({DType::kF32, Shape({2})}, 1)}});
    EXPECT_EQ(got[1].as_double(0), 0) << flat;
    EXPECT_EQ(got[1].as_double(1), 0) << flat;
  }
  // Of what is no power, an infinite slope is one.
  const Graph root =
      parse_body("%x: f32[1]", "f32[1]", "%l = log(%x) : f32[1] %y = exp(%l) : f32[1]", "%y");
  const std::vector<Literal> got = ir::interpret(
      vjp(root),
      {{literal_of(DType::kF32, Shape({1}), {0}), literal_of(DType::kF32, Shape({1}), {1})}});
  EXPECT_TRUE(std::isnan(got[1].as_double(0)));
}

const std::string kSoftmax =
    "%e = exp(%x) : f32[3] %s = reduce(%e, kind=sum, axes=[0]) : f32[] "
    "%b = broadcast(%s) : f32[3] %p = div(%e, %b) : f32[3] ";

// Rows of which one probability is near 1, none is, or two are half.
TEST(Limits, LogOfOneMinusSoftmax) {
  const std::string one = "%c = constant(1) : f32[3] ";
  const std::vector<std::string> bodies = {
      kSoftmax + one + "%d = sub(%c, %p) : f32[3] %y = log(%d) : f32[3]",
      kSoftmax + "%n = neg(%p) : f32[3] %y = log1p(%n) : f32[3]",
      kSoftmax + one +
          "%l = log(%p) : f32[3] %q = exp(%l) : f32[3] %d = sub(%c, %q) : f32[3] "
          "%y = log2(%d) : f32[3]",
  };
  const std::vector<std::vector<double>> rows = {
      {1000, 10000, 100}, {0, 0, 0},        {5, -60, -61},
      {3, 3, -50},        {0.1, 0.2, -0.1}, {88, -5, -6},
      {2, 1.25, -9},      {1e30, -1e30, 0}, {-10000, -10040, -10080},
  };
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    for (const std::string& body : bodies) {
      const std::string type = fmt::format("{}[3]", name_of(dtype));
      const Graph naive =
          parse_body("%x: " + type, type, replaced(body, "f32", name_of(dtype)), "%y");
      const Graph stable = stabilized(naive);
      EXPECT_EQ(count(stable, ir::Op::kSoftmax), 1) << ir::print(stable);
      for (const std::vector<double>& row : rows) {
        const std::vector<Literal> inputs = {literal_of(dtype, Shape({3}), row),
                                             literal_of(dtype, Shape({3}), {1, -2, 3})};
        const std::vector<std::vector<double>> want = evaluate_exactly(vjp(naive), inputs);
        const std::vector<Literal> got = ir::interpret(vjp(stable), inputs);
        const double digits = 64 * std::ldexp(1.0, -precision_of(dtype));
        for (std::size_t k = 0; k < want.size(); ++k) {
          for (std::size_t i = 0; i < 3; ++i) {
            const double value = got[k].as_double(static_cast<std::int64_t>(i));
            EXPECT_TRUE(std::isfinite(value)) << fmt::format("{} of {}", i, fmt::join(row, " "));
            if (!std::isfinite(want[k][i])) continue;
            // The slopes of a row are sums of each other.
            const double scale = k == 0 ? std::abs(want[k][i]) : 1;
            EXPECT_NEAR(value, want[k][i], digits * scale + 1e-37)
                << fmt::format("{} {} of {}", k, i, fmt::join(row, " "));
          }
        }
      }
    }
  }
}

// Of the chosen class, over the middle axis, in 16 bits that have been converted.
TEST(Limits, LogOfOneMinusAChosenProbability) {
  const Graph naive =
      parse_body("%x: bf16[2,3,1]", "f32[2]",
                 "%p = softmax(%x, axes=[1]) : bf16[2,3,1] %w = convert(%p) : f32[2,3,1] "
                 "%r = reshape(%w) : f32[2,3] %i = constant([1, 2]) : i32[2] "
                 "%g = gather(%r, %i, axis=1, batch_dims=1) : f32[2] %c = constant(1) : f32[2] "
                 "%d = sub(%c, %g) : f32[2] %y = log(%d) : f32[2]",
                 "%y");
  const Graph stable = stabilized(naive);
  const Literal x = literal_of(DType::kBF16, Shape({2, 3, 1}), {0, 200, 100, 0, 0, 0});
  const std::vector<Literal> got =
      ir::interpret(vjp(stable), {{x, Literal::filled({DType::kF32, Shape({2})}, 1)}});
  EXPECT_EQ(got[0].as_double(0), -100);
  EXPECT_NEAR(got[0].as_double(1), std::log(2.0 / 3), 0x1p-7);
  EXPECT_EQ(got[1].as_double(1), -1);
  EXPECT_EQ(got[1].as_double(2), 1);
  EXPECT_NEAR(got[1].as_double(5), -1.0 / 3, 0x1p-7);
}

// Hidden elements have the probability 0; an only one has 1, whose complement is 0.
TEST(Limits, LogOfOneMinusSoftmaxOfHiddenElements) {
  const Graph naive = parse_body("%x: f32[3]", "f32[3]",
                                 "%p = softmax(%x, axes=[0]) : f32[3] %n = neg(%p) : f32[3] "
                                 "%y = log1p(%n) : f32[3]",
                                 "%y");
  const Graph stable = run_stabilize(naive, {});
  const auto at = [&](const std::vector<double>& row) {
    return ir::interpret(stable, {{literal_of(DType::kF32, Shape({3}), row)}})[0];
  };
  const Literal two = at({1, -kInfinity, -300});
  EXPECT_EQ(two.as_double(0), -301);
  EXPECT_EQ(two.as_double(1), 0);
  EXPECT_EQ(at({-kInfinity, 7, -kInfinity}).as_double(1), -kInfinity);
  EXPECT_TRUE(std::isnan(at({kInfinity, 0, 0}).as_double(0)));
}

// The first and second derivatives of a function of one number, in f64.
std::vector<double> derivatives(const Graph& graph, double x) {
  const auto number = [](double value) { return Literal::filled({DType::kF64, Shape()}, value); };
  const Graph first = vjp(graph);
  const double slope = ir::interpret(first, {{number(x), number(1)}})[1].as_double(0);
  const std::vector<Literal> second =
      ir::interpret(vjp(first), {{number(x), number(1), number(0), number(1)}});
  return {slope, second[2].as_double(0)};
}

// An even or odd function is smooth at 0, though it is made of |x|.
TEST(Limits, DerivativesAtZero) {
  const auto stable = [](const std::string& body) {
    return run_stabilize(parse_body("%x: f64[]", "f64[]", replaced(body, "T", "f64[]"), "%y"), {});
  };
  const Graph sech = stable(named("reciprocal_of_cosh").body);
  const Graph asinh = stable(named("asinh").body);
  for (const double x : {0.0, 0.3, -0.3}) {
    const double root = std::sqrt(x * x + 1);
    const std::vector<double> of_asinh = derivatives(asinh, x);
    EXPECT_NEAR(of_asinh[0], 1 / root, 1e-15);
    EXPECT_NEAR(of_asinh[1], -x / (root * root * root), 1e-15);
    const double y = 1 / std::cosh(x);
    const std::vector<double> of_sech = derivatives(sech, x);
    EXPECT_NEAR(of_sech[0], -y * std::tanh(x), 1e-15);
    EXPECT_NEAR(of_sech[1], y - 2 * y * y * y, 1e-15);
  }
}

TEST(Limits, InverseFunctionsAtTheEndsOfWhereTheyAreDefined) {
  const auto at = [](std::string_view name, double x) {
    const Graph naive =
        parse_body("%x: f32[]", "f32[]", replaced(named(name).body, "T", "f32[]"), "%y");
    const Literal input = Literal::filled({DType::kF32, Shape()}, x);
    return ir::interpret(run_stabilize(naive, {}), {{input}})[0].as_double(0);
  };
  EXPECT_EQ(at("asinh", kInfinity), kInfinity);
  EXPECT_EQ(at("asinh", -kInfinity), -kInfinity);
  EXPECT_EQ(at("acosh", 1), 0);
  EXPECT_EQ(at("acosh", kInfinity), kInfinity);
  EXPECT_EQ(at("atanh", 1), kInfinity);
  EXPECT_EQ(at("atanh", -1), -kInfinity);
  for (const double x : {0.5, -0.5, -2.0}) EXPECT_TRUE(std::isnan(at("acosh", x))) << x;
  for (const double x : {1.5, -1.5}) EXPECT_TRUE(std::isnan(at("atanh", x))) << x;
  for (const char* name : {"asinh", "acosh", "atanh"}) EXPECT_TRUE(std::isnan(at(name, NAN)));
}

// acosh is steep at 1, and no number below -1 either, where x - 1 and sqrt(x * x - 1) cancel.
TEST(Limits, AcoshIsSteepAtOneAndNoNumberBelow) {
  for (const char* name : {"acosh", "acosh_of_factors", "acosh_of_roots"}) {
    const Graph naive =
        parse_body("%x: f32[]", "f32[]", replaced(named(name).body, "T", "f32[]"), "%y");
    const Graph first = vjp(run_stabilize(naive, {}));
    const auto at = [&](double x) {
      const auto number = [](double value) {
        return Literal::filled({DType::kF32, Shape()}, value);
      };
      return ir::interpret(first, {{number(x), number(1)}});
    };
    EXPECT_EQ(std::abs(at(1)[1].as_double(0)), kInfinity) << name;
    for (const double x : {-2.0, -5000.0, -12345678.0, -1e10, -1e30, -kInfinity}) {
      EXPECT_TRUE(std::isnan(at(x)[0].as_double(0))) << name << " " << x;
    }
  }
}

// log(sqrt(x - 1) * sqrt(x + 1) - x) is NaN everywhere, log(sqrt(x * x - 1) - x) is acosh(-x).
TEST(Limits, AcoshOfTheNegativeIsOfOneRoot) {
  const auto logarithms = [](const std::string& root) {
    return count(run_stabilize(parse_body("%x: f32[]", "f32[]",
                                          "%c = constant(1) : f32[] " + root +
                                              "%s = sub(%r, %x) : f32[] %y = log(%s) : f32[]",
                                          "%y"),
                               {}),
                 ir::Op::kLog);
  };
  EXPECT_EQ(logarithms("%q = mul(%x, %x) : f32[] %d = sub(%q, %c) : f32[] %r = sqrt(%d) : f32[] "),
            0);
  EXPECT_EQ(logarithms("%m = sub(%x, %c) : f32[] %p = add(%x, %c) : f32[] %a = sqrt(%m) : f32[] "
                       "%b = sqrt(%p) : f32[] %r = mul(%a, %b) : f32[] "),
            1);
}

TEST(Limits, SlopesAtWhatIsNoNumber) {
  for (const char* name : {"reciprocal_of_cosh", "reciprocal_of_square_of_cosh", "over_sinh",
                           "log_of_sinh", "asinh", "acosh", "atanh"}) {
    const Graph naive =
        parse_body("%x: f32[]", "f32[]", replaced(named(name).body, "T", "f32[]"), "%y");
    const auto number = [](double value) { return Literal::filled({DType::kF32, Shape()}, value); };
    const std::vector<Literal> got =
        ir::interpret(vjp(run_stabilize(naive, {})), {{number(NAN), number(1)}});
    EXPECT_TRUE(std::isnan(got[0].as_double(0))) << name;
    EXPECT_TRUE(std::isnan(got[1].as_double(0))) << name;
  }
}

// Weights, though their squares may not be numbers, and powers that may not be: as they are, in the
// logarithm, and as what is divided by.
TEST(Limits, NormsOfWeightedPowers) {
  const std::string norm =
      "%e = exp(%x) : f32[3] %p = mul(%w, %e) : f32[3] %q = mul(%p, %p) : f32[3] "
      "%s = reduce(%q, kind=sum, axes=[0]) : f32[] ";
  const std::string hypot =
      "%e = exp(%x) : f32[3] %p = mul(%w, %e) : f32[3] %q = mul(%p, %p) : f32[3] "
      "%f = sinh(%x) : f32[3] %h = mul(%f, %w) : f32[3] %k = mul(%h, %h) : f32[3] "
      "%s = add(%q, %k) : f32[3] ";
  const std::string root = "%n = sqrt(%s) : f32[] %b = broadcast(%n) : f32[3] ";
  const std::vector<std::string> bodies = {
      norm + root + "%y = neg(%b) : f32[3]",
      norm + root + "%y = log(%b) : f32[3]",
      norm + root + "%y = div(%p, %b) : f32[3]",
      norm + "%n = rsqrt(%s) : f32[] %y = broadcast(%n) : f32[3]",
      norm + "%n = rsqrt(%s) : f32[] %b = broadcast(%n) : f32[3] %y = mul(%p, %b) : f32[3]",
      hypot + "%y = sqrt(%s) : f32[3]",
      hypot + "%n = sqrt(%s) : f32[3] %y = log(%n) : f32[3]",
      hypot + "%y = rsqrt(%s) : f32[3]",
  };
  struct Row {
    std::vector<double> w;
    std::vector<double> x;
  };
  const std::vector<Row> rows = {
      {{1, 2, 3}, {0.5, 1, 2}},
      {{1e-30, 2e-30, 1e-30}, {60, 61, 62}},
      {{1e-25, 3e-25, 1e-24}, {0.5, 1, 1.5}},
      {{1e25, -1e25, 1e25}, {0.5, -3, -5}},
      {{1e-22, -1, 1}, {87, 1, -1}},
  };
  for (const std::string& body : bodies) {
    const Graph naive = parse_body("%x: f32[3], %w: f32[3]", "f32[3]", body, "%y");
    const Graph stable = stabilized(naive);
    for (const Row& row : rows) {
      const std::vector<Literal> inputs = {literal_of(DType::kF32, Shape({3}), row.x),
                                           literal_of(DType::kF32, Shape({3}), row.w)};
      const std::vector<std::vector<double>> want = evaluate_exactly(naive, inputs);
      const std::vector<Literal> got = ir::interpret(stable, inputs);
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_NEAR(got[0].as_double(static_cast<std::int64_t>(i)), want[0][i],
                    0x1p-19 * std::abs(want[0][i]))
            << body << fmt::format(" {} of {}", i, fmt::join(row.w, " "));
      }
    }
  }
  // Powers that are no numbers.
  const Graph log =
      run_stabilize(parse_body("%x: f32[3], %w: f32[3]", "f32[3]", bodies[1], "%y"), {});
  const std::vector<Literal> got =
      ir::interpret(log, {{literal_of(DType::kF32, Shape({3}), {1000, 0, 2000}),
                           literal_of(DType::kF32, Shape({3}), {1e-30, 1, 0})}});
  EXPECT_NEAR(got[0].as_double(0), 1000 + std::log(1e-30), 1e-4);
}

}  // namespace
}  // namespace ndl::passes
