// Accuracy of the trigonometric functions, their inverses and erf against MPFR. One row a function;
// beyond that, the arguments closest to where the results vanish or the formulas are joined.
#include "ir/math/trig.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "ir/math/erf.h"
#include "ir/math/inverse_trig.h"
#include "tests/math/ulp.h"

namespace ndl::ir::math::test {

void PrintTo(const Unary& row, std::ostream* out) { *out << row.name; }
void PrintTo(const Binary& row, std::ostream* out) { *out << row.name; }

namespace {

// The row of a template that is called `fn` in ndl::ir::math, in libm and (with its prefix) in
// MPFR.
// clang-format off
#define NDL_UNARY(fn, ...) \
  Unary { #fn, math::fn<float>, math::fn<double>, ::fn, mpfr_##fn, __VA_ARGS__ }
// clang-format on

// {float bound, double bound}, focus ranges.
const Unary kUnary[] = {
    NDL_UNARY(sin, {0.6, 0.8}, {{-7, 7}, {-1e6, 1e6}, {-1e38, 1e38}}),
    NDL_UNARY(cos, {0.6, 0.8}, {{-7, 7}, {-1e6, 1e6}, {-1e38, 1e38}}),
    NDL_UNARY(tan, {0.6, 0.9}, {{-7, 7}, {-1e6, 1e6}, {-1e38, 1e38}}),
    NDL_UNARY(atan, {0.95, 0.95}, {{-2, 2}, {0.5, 1.5}, {-30, 30}}),
    NDL_UNARY(asin, {0.7, 0.7}, {{-1, 1}, {0.49, 0.51}, {0.999, 1}}),
    NDL_UNARY(acos, {0.7, 0.7}, {{-1, 1}, {0.49, 0.51}, {-0.51, -0.49}, {0.999, 1}}),
    NDL_UNARY(erf, {0.98, 0.95}, {{-6, 6}, {0.7, 1}, {1, 2}}),
};

class UnaryTest : public testing::TestWithParam<Unary> {};

TEST_P(UnaryTest, FloatWithinBound) { check<float>(GetParam()); }
TEST_P(UnaryTest, DoubleWithinBound) { check<double>(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Trig, UnaryTest, testing::ValuesIn(kUnary),
                         [](const auto& info) { return std::string(info.param.name); });

const Binary kAtan2 = {"atan2",
                       math::atan2<float>,
                       math::atan2<double>,
                       ::atan2,
                       mpfr_atan2,
                       {0.95, 0.95},
                       {{{-2, 2}, {-2, 2}},
                        {{0.9, 1.1}, {0.9, 1.1}},
                        {{-1e-37, 1e-37}, {-1e-37, 1e-37}},
                        {{-3e38, 3e38}, {-3e38, 3e38}},
                        {{-1e-300, 1e-300}, {-1e-300, 1e-300}}}};

TEST(InverseTrigTest, Atan2FloatWithinBound) { check<float>(kAtan2); }
TEST(InverseTrigTest, Atan2DoubleWithinBound) { check<double>(kAtan2); }

// The double next to k pi/2.
double near_quarter_turns(double k) {
  Real product;
  mpfr_const_pi(product.get(), MPFR_RNDN);
  mpfr_mul_d(product.get(), product.get(), k / 2, MPFR_RNDN);
  return mpfr_get_d(product.get(), MPFR_RNDN);
}

// Doubles whose distance from a multiple of a quarter turn is least (2^-61.5 to 2^-58.7 of one), by
// the continued fraction of 2^e / (pi/2) for every exponent e. A reduction with too few bits of
// 2/pi has none right there.
constexpr double kNearestToQuarterTurns[] = {
    0x1.6ac5b262ca1ffp+849, 0x1.6c6cbc45dc8dep+5,   0x1.b951f1572eba5p+23,
    0x1.504cac51f1eafp+131, 0x1.e009c53148be1p+991, 0x1.4c96c11134d36p+577,
    0x1.cfe482285f8edp+860, 0x1.db41f3cb71d7bp+680, 0x1.e7e44a78ac18cp+197};

TEST(TrigTest, NearMultiplesOfAQuarterTurn) {
  for (const Unary& row : kUnary) {
    const std::string name = row.name;
    if (name != "sin" && name != "cos" && name != "tan") continue;
    Meter<float, Unary> floats(row);
    Meter<double, Unary> doubles(row);
    Random random(1);
    const auto measure_both = [&](double x) {
      for (const double sign : {1.0, -1.0}) {
        doubles.measure(sign * x);
        if (x < 0x1p127) floats.measure(static_cast<float>(sign * x));
      }
    };
    for (const double x : kNearestToQuarterTurns) {
      for (int e = -3; e <= 3; ++e) measure_both(std::ldexp(x, e));
    }
    for (int k = 1; k < 2000; ++k) measure_both(near_quarter_turns(k));
    for (int i = 0; i < 20000; ++i) {
      const int bits = 11 + i % 90;
      measure_both(near_quarter_turns(std::floor(std::ldexp(1 + random.unit(), bits))));
    }
    EXPECT_LE(floats.worst().ulp, row.bound.for_float) << name << " at " << floats.worst().x;
    EXPECT_LE(doubles.worst().ulp, row.bound.for_double) << name << " at " << doubles.worst().x;
  }
}

}  // namespace
}  // namespace ndl::ir::math::test
