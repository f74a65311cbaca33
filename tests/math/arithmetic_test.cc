// Arithmetic against int64 arithmetic: every pair of 8-bit integers, the corners of the wider ones,
// and the special values of floats.
#include "ir/math/arithmetic.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include "ir/math/rem.h"

namespace ndl::ir::math::test {
namespace {

// a and b as 128-bit numbers; narrowing the result to T wraps.
using Wide = __int128;

template <class T>
T power(T a, T b) {
  const Wide steps = b < 0 ? -Wide(b) : Wide(b);
  std::uint64_t result = 1;
  if (steps <= 1000) {
    for (Wide i = 0; i < steps; ++i) result *= static_cast<std::uint64_t>(a);
  } else {
    // Only called for the lowest and highest exponents, by bases whose powers are known.
    result = a == 1 || (a == T(-1) && steps % 2 == 0) ? 1 : a == T(-1) ? ~std::uint64_t{0} : 0;
  }
  const T wrapped = static_cast<T>(result);
  if (b >= 0) return wrapped;
  return wrapped == 0 ? T(0) : static_cast<T>(1 / Wide(wrapped));
}

template <class T>
void expect_integers(T a, T b) {
  const Wide x = a;
  const Wide y = b;
  constexpr int kBits = 8 * sizeof(T);
  SCOPED_TRACE(testing::Message() << std::int64_t(a) << " and " << std::int64_t(b));
  EXPECT_EQ(add(a, b), static_cast<T>(x + y));
  EXPECT_EQ(sub(a, b), static_cast<T>(x - y));
  EXPECT_EQ(mul(a, b),
            static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b)));
  EXPECT_EQ(math::div(a, b), static_cast<T>(y == 0 ? 0 : x / y));
  EXPECT_EQ(rem(a, b), static_cast<T>(y == 0 ? x : x % y));
  EXPECT_EQ(max(a, b), x > y ? a : b);
  EXPECT_EQ(min(a, b), x < y ? a : b);
  EXPECT_EQ(neg(a), static_cast<T>(-x));
  EXPECT_EQ(magnitude(a), static_cast<T>(x < 0 ? -x : x));
  EXPECT_EQ(sign(a), static_cast<T>((x > 0) - (x < 0)));
  EXPECT_EQ(bit_and(a, b), static_cast<T>(x & y));
  EXPECT_EQ(bit_or(a, b), static_cast<T>(x | y));
  EXPECT_EQ(bit_xor(a, b), static_cast<T>(x ^ y));
  EXPECT_EQ(bit_not(a), static_cast<T>(~x));
  const bool in_range = y >= 0 && y < kBits;
  const auto by = static_cast<int>(in_range ? y : 0);
  const Wide factor = Wide{1} << by;
  EXPECT_EQ(shift_left(a, b), in_range ? static_cast<T>(x * factor) : T(0));
  EXPECT_EQ(shift_right(a, b), static_cast<T>(in_range ? x >> by : x < 0 ? -1 : 0));
}

template <class T>
class IntegerTest : public testing::Test {};
using Integers =
    testing::Types<std::int8_t, std::uint8_t, std::int16_t, std::int32_t, std::int64_t>;
TYPED_TEST_SUITE(IntegerTest, Integers);

TYPED_TEST(IntegerTest, Pairs) {
  using T = TypeParam;
  using Limits = std::numeric_limits<T>;
  if constexpr (sizeof(T) == 1) {
    for (int a = Limits::min(); a <= Limits::max(); ++a) {
      for (int b = Limits::min(); b <= Limits::max(); ++b) {
        expect_integers(static_cast<T>(a), static_cast<T>(b));
      }
    }
  } else {
    const T corners[] = {0,
                         1,
                         2,
                         3,
                         static_cast<T>(-1),
                         static_cast<T>(-2),
                         static_cast<T>(8 * sizeof(T) - 1),
                         static_cast<T>(8 * sizeof(T)),
                         static_cast<T>(Limits::max() / 3),
                         Limits::min(),
                         static_cast<T>(Limits::min() + 1),
                         Limits::max(),
                         static_cast<T>(Limits::max() - 1)};
    for (const T a : corners) {
      for (const T b : corners) expect_integers(a, b);
    }
  }
}

TYPED_TEST(IntegerTest, Pow) {
  using T = TypeParam;
  for (int a = -128; a < 256; ++a) {
    for (int b = -128; b < 128; ++b) {
      EXPECT_EQ(pow(static_cast<T>(a), static_cast<T>(b)),
                power(static_cast<T>(a), static_cast<T>(b)))
          << a << " " << b;
    }
  }
  for (const int a : {-1, 0, 1, 2}) {
    for (const T b : {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()}) {
      EXPECT_EQ(pow(static_cast<T>(a), b), power(static_cast<T>(a), b)) << a;
    }
  }
}

template <class T>
class FloatTest : public testing::Test {};
using Floats = testing::Types<float, double>;
TYPED_TEST_SUITE(FloatTest, Floats);

TYPED_TEST(FloatTest, MinMaxAndSigns) {
  using E = TypeParam;
  const auto bits = [](E x) { return std::bit_cast<uint_of<E>>(x); };
  const E inf = std::numeric_limits<E>::infinity();
  const E nan = std::numeric_limits<E>::quiet_NaN();
  const E low = std::numeric_limits<E>::denorm_min();
  // In ascending order.
  const E values[] = {-inf, -3, -low, E(-0.0), E(0), low, 2, std::numeric_limits<E>::max(), inf};
  for (const E& a : values) {
    for (const E& b : values) {
      EXPECT_EQ(bits(max(a, b)), bits(&a > &b ? a : b)) << a << " " << b;
      EXPECT_EQ(bits(min(a, b)), bits(&a < &b ? a : b)) << a << " " << b;
    }
    EXPECT_TRUE(std::isnan(max(a, nan)) && std::isnan(max(nan, a)));
    EXPECT_TRUE(std::isnan(min(a, nan)) && std::isnan(min(nan, a)));
    EXPECT_EQ(bits(neg(a)), bits(std::copysign(a, std::signbit(a) ? E(1) : E(-1))));
    EXPECT_EQ(bits(magnitude(a)), bits(std::fabs(a)));
    EXPECT_EQ(bits(sign(a)), bits(a > 0 ? E(1) : a < 0 ? E(-1) : a));
    EXPECT_EQ(is_inf(a), std::isinf(a));
  }
  EXPECT_TRUE(std::isnan(sign(nan)) && !is_inf(nan));
  EXPECT_NE(std::signbit(neg(nan)), std::signbit(nan));
}

TEST(BoolTest, Logic) {
  for (const bool a : {false, true}) {
    EXPECT_EQ(bit_not(a), !a);
    for (const bool b : {false, true}) {
      EXPECT_EQ(bit_and(a, b), a && b);
      EXPECT_EQ(bit_or(a, b), a || b);
      EXPECT_EQ(bit_xor(a, b), a != b);
    }
  }
}

}  // namespace
}  // namespace ndl::ir::math::test
