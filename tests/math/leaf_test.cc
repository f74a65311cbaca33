// Accuracy of every leaf function, float and double, against MPFR. One row a function.
#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>

#include "ir/math/cbrt.h"
#include "ir/math/exp.h"
#include "ir/math/hyperbolic.h"
#include "ir/math/log.h"
#include "ir/math/pow.h"
#include "ir/math/rsqrt.h"
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

// What libm or MPFR lack or, for rsqrt(-0), see otherwise.
double libm_rsqrt(double x) { return 1 / std::sqrt(x); }
int mpfr_rsqrt(mpfr_t r, const mpfr_t x, mpfr_rnd_t rnd) {
  const int inexact = mpfr_rec_sqrt(r, x, rnd);
  if (mpfr_zero_p(x)) mpfr_setsign(r, r, mpfr_signbit(x), rnd);
  return inexact;
}

// {float bound, double bound}, focus ranges.
const Unary kUnary[] = {
    NDL_UNARY(exp, {0.77, 0.78}, {{-746, 710}, {-1, 1}, {-104, 89}}),
    NDL_UNARY(exp2, {0.78, 0.78}, {{-1080, 1030}, {-1, 1}, {-152, 130}}),
    NDL_UNARY(expm1, {0.88, 0.9}, {{-1, 1}, {-20, 90}, {-40, 710}}),
    NDL_UNARY(tanh, {0.76, 0.82}, {{-1, 1}, {-10, 10}, {-20, 20}}),
    NDL_UNARY(sinh, {0.77, 0.82}, {{-1, 1}, {-3, 3}, {-90, 90}, {-711, 711}}),
    NDL_UNARY(cosh, {0.72, 0.74}, {{-1, 1}, {-3, 3}, {-90, 90}, {-711, 711}}),
    NDL_UNARY(cbrt, {0.54, 0.51}, {{-8, 8}, {1, 1e6}}),
    NDL_UNARY(log, {0.88, 0.88}, {{0.5, 2}, {0.9, 1.1}, {0, 1e3}}),
    NDL_UNARY(log1p, {0.88, 0.88}, {{-0.5, 1}, {-0.01, 0.01}, {-1, 0}, {0, 1e3}}),
    NDL_UNARY(log2, {0.73, 0.73}, {{0.5, 2}, {0.9, 1.1}, {0, 1e3}}),
    {"rsqrt",
     math::rsqrt<float>,
     math::rsqrt<double>,
     libm_rsqrt,
     mpfr_rsqrt,
     {0.86, 0.86},
     {{0, 4}, {1, 1e10}}},
};

const Binary kBinary[] = {
    {"pow",
     math::pow<float>,
     math::pow<double>,
     ::pow,
     mpfr_pow,
     {0.51, 0.8},
     {{{0, 10}, {-10, 10}},
      {{0.9, 1.1}, {-1000, 1000}},
      {{0.5, 2}, {-1100, 1100}},
      {{-20, 20}, {-5, 5}},
      {{0.5, 0.501}, {126, 150}},
      {{0.5, 0.501}, {1022, 1075}},
      {{0, 1e300}, {-1.1, 1.1}},
      {{0.999999, 1.000001}, {-1e9, 1e9}}}},
};

// Results that are representable come out exact.
template <class E>
void check_exact() {
  using L = std::numeric_limits<E>;
  for (int n = L::min_exponent - L::digits; n < L::max_exponent; ++n) {
    const E power = std::ldexp(E(1), n);
    EXPECT_EQ(math::exp2(E(n)), power);
    EXPECT_EQ(math::log2(power), E(n));
    EXPECT_EQ(math::pow(E(2), E(n)), power);
  }
  for (int n = 0; n < 126; ++n) {
    EXPECT_EQ(math::cbrt(E(n * n * n)), E(n));
    EXPECT_EQ(math::cbrt(E(-n * n * n)), E(-n));
    EXPECT_EQ(math::pow(E(n), E(2)), E(n * n));
    EXPECT_EQ(math::pow(E(-n), E(3)), E(-n * n * n));
    const E root = std::ldexp(E(1), n / 2);
    EXPECT_EQ(math::rsqrt(1 / root / root), root);
  }
  Random random(1);
  for (std::size_t i = 0; i < 100000; ++i) {
    const E x = sample_all<E>(i, 100000, random);
    if (!std::isnan(x)) {
      EXPECT_EQ(math::pow(x, E(1)), x);
    }
  }
}

TEST(Exact, Float) { check_exact<float>(); }
TEST(Exact, Double) { check_exact<double>(); }

class UnaryTest : public testing::TestWithParam<Unary> {};

TEST_P(UnaryTest, FloatWithinBound) { check<float>(GetParam()); }
TEST_P(UnaryTest, DoubleWithinBound) { check<double>(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Leaf, UnaryTest, testing::ValuesIn(kUnary),
                         [](const auto& info) { return std::string(info.param.name); });

class BinaryTest : public testing::TestWithParam<Binary> {};

TEST_P(BinaryTest, FloatWithinBound) { check<float>(GetParam()); }
TEST_P(BinaryTest, DoubleWithinBound) { check<double>(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Leaf, BinaryTest, testing::ValuesIn(kBinary),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace ndl::ir::math::test
