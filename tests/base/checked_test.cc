#include "base/checked.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>

namespace ndl::test {
namespace {

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

// Around zero, the square root of the range, half of the range and its ends.
constexpr std::int64_t kOperands[] = {kMin,
                                      kMin + 1,
                                      kMin / 2 - 1,
                                      kMin / 2,
                                      kMin / 2 + 1,
                                      -3037000500,
                                      -3037000499,
                                      -2147483648,
                                      -3,
                                      -2,
                                      -1,
                                      0,
                                      1,
                                      2,
                                      3,
                                      2147483647,
                                      2147483648,
                                      4294967296,
                                      3037000499,
                                      3037000500,
                                      kMax / 3,
                                      kMax / 2,
                                      kMax / 2 + 1,
                                      kMax - 1,
                                      kMax};

std::optional<std::int64_t> if_it_fits(__int128 exact) {
  if (exact < kMin || exact > kMax) return std::nullopt;
  return static_cast<std::int64_t>(exact);
}

TEST(CheckedTest, ExactOrNothing) {
  for (const std::int64_t a : kOperands) {
    for (const std::int64_t b : kOperands) {
      EXPECT_EQ(checked_add(a, b), if_it_fits(__int128{a} + b)) << a << " + " << b;
      EXPECT_EQ(checked_mul(a, b), if_it_fits(__int128{a} * b)) << a << " * " << b;
    }
  }
}

TEST(CheckedTest, CeilDivRoundsUp) {
  for (const std::int64_t a : kOperands) {
    for (const std::int64_t b : kOperands) {
      if (a < 0 || b <= 0) continue;
      EXPECT_EQ(ceil_div(a, b), (__int128{a} + b - 1) / b) << a << " / " << b;
    }
  }
}

static_assert(checked_add(1, 2) == 3 && ceil_div(7, 2) == 4);

}  // namespace
}  // namespace ndl::test
