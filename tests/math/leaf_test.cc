// Accuracy of every leaf function, float and double, against MPFR: the rows of leaves.h.
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

#include "ir/math/cbrt.h"
#include "ir/math/exp.h"
#include "ir/math/log.h"
#include "ir/math/pow.h"
#include "ir/math/rsqrt.h"
#include "tests/math/leaves.h"

namespace ndl::ir::math::test {

namespace {

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

INSTANTIATE_TEST_SUITE_P(Leaf, UnaryTest, testing::ValuesIn(unary_leaves()),
                         [](const auto& info) { return std::string(info.param.name); });

class BinaryTest : public testing::TestWithParam<Binary> {};

TEST_P(BinaryTest, FloatWithinBound) { check<float>(GetParam()); }
TEST_P(BinaryTest, DoubleWithinBound) { check<double>(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Leaf, BinaryTest, testing::ValuesIn(binary_leaves()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace ndl::ir::math::test
