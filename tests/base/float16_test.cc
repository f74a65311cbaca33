#include "base/float16.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "tests/base/half_values.h"

namespace ndl::test {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

template <class Half>
class Float16Test : public testing::Test {
 protected:
  using Format = HalfFormat<Half>;

  static std::uint16_t narrow(double x) { return Half::from(x).bits; }
  static std::uint16_t narrow(float x) { return Half::from(x).bits; }

  // Nearest by search among the halfway values, ties to even.
  std::uint16_t nearest(double x) const {
    const auto it = std::ranges::lower_bound(halfway_, std::abs(x));
    auto k = static_cast<std::uint16_t>(it - halfway_.begin());
    if (it != halfway_.end() && *it == std::abs(x) && k % 2 != 0) ++k;
    return static_cast<std::uint16_t>(k | (std::signbit(x) ? 0x8000 : 0));
  }

  void expect_nearest(double x) const {
    // EXPECT_EQ costs more than everything else when it runs millions of times.
    if (narrow(x) != nearest(x)) {
      ADD_FAILURE() << std::hexfloat << x << " gives 0x" << std::hex << narrow(x) << ", not 0x"
                    << nearest(x);
    }
  }

  const std::vector<double> halfway_ = halfway_values<Half>();
};
using Halves = testing::Types<Float16, BFloat16>;
TYPED_TEST_SUITE(Float16Test, Halves);

TYPED_TEST(Float16Test, EveryValueWidensExactly) {
  using Format = HalfFormat<TypeParam>;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float wide = TypeParam{static_cast<std::uint16_t>(bits)}.to_float();
    const std::uint16_t magnitude = bits & 0x7fff;
    ASSERT_EQ(std::signbit(wide), bits >= 0x8000) << bits;
    if (magnitude > Format::kInfinity) {
      ASSERT_TRUE(std::isnan(wide)) << bits;
      // The payload stands at the top of the wider one.
      const std::uint32_t payload = std::bit_cast<std::uint32_t>(wide) & 0x7fffff;
      ASSERT_EQ(payload, (bits & ((1u << Format::kMantissa) - 1)) << (23 - Format::kMantissa));
    } else if (magnitude == Format::kInfinity) {
      ASSERT_TRUE(std::isinf(wide)) << bits;
    } else {
      ASSERT_EQ(std::abs(wide), magnitude_with<TypeParam>(magnitude)) << bits;
    }
  }
}

TYPED_TEST(Float16Test, EveryValueComesBack) {
  for (std::uint32_t i = 0; i < 0x10000; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    const float wide = TypeParam{bits}.to_float();
    const std::uint16_t quiet = std::isnan(wide) ? kQuietBit<TypeParam> : 0;
    ASSERT_EQ(this->narrow(wide), bits | quiet);
    ASSERT_EQ(this->narrow(static_cast<double>(wide)), bits | quiet);
  }
}

TYPED_TEST(Float16Test, TiesOfDoublesGoToEvenAndNothingElseIsATie) {
  for (const double tie : this->halfway_) {
    for (const double sign : {1.0, -1.0}) {
      // One rounding: by way of float the neighbours would be ties too.
      this->expect_nearest(sign * tie);
      this->expect_nearest(sign * std::nextafter(tie, 0.0));
      this->expect_nearest(sign * std::nextafter(tie, kInf));
    }
  }
}

TYPED_TEST(Float16Test, RandomDoublesRoundToTheNearest) {
  using Format = HalfFormat<TypeParam>;
  constexpr int kPoints = 10'000'000;
  std::mt19937_64 random(1);
  for (int i = 0; i < kPoints; ++i) {
    const std::uint64_t bits = random();
    const double sign = bits >> 63 != 0 ? -1 : 1;
    const double fraction = static_cast<double>(bits & 0xfffffffffffff) * 0x1p-52;
    if (i % 4 == 0) {
      // Close to a tie, on either side, at any distance down to the last bit.
      const double tie = this->halfway_[random() % this->halfway_.size()];
      this->expect_nearest(sign * tie * (1 + std::ldexp(fraction - 0.5, -(i / 4 % 53))));
    } else {
      // Every exponent of the format, and a few beyond either end.
      constexpr int kLowest = -Format::kBias - Format::kMantissa - 2;
      constexpr int kHighest = Format::kBias + 2;
      const int exponent = kLowest + static_cast<int>(random() % (kHighest - kLowest + 1));
      this->expect_nearest(sign * std::ldexp(1 + fraction, exponent));
    }
  }
}

TYPED_TEST(Float16Test, SpecialDoubles) {
  using Limits = std::numeric_limits<double>;
  for (const double x : {0.0, Limits::denorm_min(), Limits::min(), Limits::max(), kInf}) {
    this->expect_nearest(x);
    this->expect_nearest(-x);
  }
  EXPECT_EQ(this->narrow(-0.0), 0x8000);
  EXPECT_EQ(this->narrow(-kInf), 0x8000 | HalfFormat<TypeParam>::kInfinity);
  EXPECT_EQ(this->narrow(Limits::max()), HalfFormat<TypeParam>::kInfinity);
}

TYPED_TEST(Float16Test, NanOfDoublesStaysNanAndIsQuiet) {
  using Format = HalfFormat<TypeParam>;
  constexpr std::uint64_t kDoubleInfinity = 0x7ff0000000000000;
  constexpr int kDropped = 52 - Format::kMantissa;
  std::vector<std::uint64_t> payloads = {1, 2, 0x8000000000000, 0x8000000000001, 0xfffffffffffff};
  for (int shift = 0; shift < 52; ++shift) payloads.push_back(std::uint64_t{1} << shift);
  for (const std::uint64_t payload : payloads) {
    const auto kept = static_cast<std::uint16_t>(payload >> kDropped | kQuietBit<TypeParam>);
    for (const std::uint64_t sign : {std::uint64_t{0}, std::uint64_t{1} << 63}) {
      const double nan = std::bit_cast<double>(sign | kDoubleInfinity | payload);
      const std::uint16_t half_sign = sign != 0 ? 0x8000 : 0;
      EXPECT_EQ(this->narrow(nan), half_sign | Format::kInfinity | kept) << payload;
    }
  }
}

// Conversions are constant expressions, so tables can be made of them.
static_assert(Float16::from(65519.99).bits == 0x7bff && Float16::from(65520.0).bits == 0x7c00);
static_assert(BFloat16::from(1.00390625f).bits == 0x3f80 && BFloat16{0x3f81}.to_float() > 1);

}  // namespace
}  // namespace ndl::test
