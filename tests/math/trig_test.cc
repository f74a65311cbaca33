// Accuracy of the trigonometric functions at the arguments closest to where their results vanish;
// leaf_test.cc has the others.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/math/leaves.h"

namespace ndl::ir::math::test {

namespace {

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
  for (const Unary& row : unary_leaves()) {
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
