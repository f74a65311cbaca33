// rem is exact: bit for bit the C library's fmod, which is exact by its own specification.
#include "ir/math/rem.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <vector>

#include "tests/math/ulp.h"

namespace ndl::ir::math::test {
namespace {

template <class E>
bool same(E a, E b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<BitsOf<E>>(a) == std::bit_cast<BitsOf<E>>(b);
}

template <class E>
void expect_fmod(E x, E y) {
  const E got = rem(x, y);
  const E want = std::fmod(x, y);
  if (!same(got, want)) {
    ADD_FAILURE() << std::hexfloat << "rem(" << x << ", " << y << ") = " << got << ", not " << want;
  }
}

template <class E>
class RemTest : public testing::Test {};
using Elements = testing::Types<float, double>;
TYPED_TEST_SUITE(RemTest, Elements);

TYPED_TEST(RemTest, Specials) {
  for (const TypeParam x : specials<TypeParam>()) {
    for (const TypeParam y : specials<TypeParam>()) expect_fmod(x, y);
  }
}

TYPED_TEST(RemTest, StatedSpecialValues) {
  using E = TypeParam;
  const E inf = std::numeric_limits<E>::infinity();
  EXPECT_TRUE(std::isnan(rem(E(1), E(0))));
  EXPECT_TRUE(std::isnan(rem(E(0), E(0))));
  EXPECT_TRUE(std::isnan(rem(inf, E(2))));
  EXPECT_TRUE(std::isnan(rem(inf, inf)));
  EXPECT_TRUE(same(rem(E(-3), inf), E(-3)));
  EXPECT_TRUE(same(rem(E(-0.0), E(2)), E(-0.0)));
  EXPECT_TRUE(same(rem(E(-4), E(2)), E(-0.0)));
  EXPECT_TRUE(same(rem(E(5), E(-3)), E(2)));
  EXPECT_TRUE(same(rem(E(-5), E(3)), E(-2)));
}

// Random bits reach every exponent; a few bits of difference in exponent, equal low bits and small
// integers reach what random bits seldom do: short quotients, zero remainders, ties.
TYPED_TEST(RemTest, RandomPairs) {
  using E = TypeParam;
  using B = BitsOf<E>;
  constexpr int kMantissaBits = Format<E>::kMantissaBits;
  const std::size_t n = long_run() ? 50'000'000 : 100'000;
  Random random(1);
  const auto draw = [&] { return std::bit_cast<E>(static_cast<B>(random.bits())); };
  for (std::size_t i = 0; i < n && !testing::Test::HasFailure(); ++i) {
    const E x = draw();
    const E y = draw();
    expect_fmod(x, y);
    const B nearby =
        std::bit_cast<B>(x) - ((static_cast<B>(random.bits()) & 0x1f) << kMantissaBits);
    expect_fmod(x, std::bit_cast<E>(nearby));
    const B coarse = ~B(0) << (random.bits() % kMantissaBits);
    expect_fmod(std::bit_cast<E>(std::bit_cast<B>(x) & coarse),
                std::bit_cast<E>(std::bit_cast<B>(y) & coarse));
    // Neighbours of a multiple of y.
    const E multiple = y * static_cast<E>(static_cast<std::int32_t>(random.bits() % 4096) - 2048);
    expect_fmod(multiple, y);
    expect_fmod(std::nextafter(multiple, E(0)), y);
    expect_fmod(multiple / 2, y);
    // A subnormal divisor.
    const E tiny = std::bit_cast<E>(static_cast<B>(random.bits()) >> (9 + random.bits() % 20));
    expect_fmod(x, tiny);
  }
}

}  // namespace
}  // namespace ndl::ir::math::test
