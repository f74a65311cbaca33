// Floats as text: what is printed reads back as the same bits, is as short as it can be, and what
// is read is the nearest value, rounded once. MPFR is the reference.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/number.h"
#include "tests/base/half_values.h"
#include "tests/base/mpfr_format.h"

namespace ndl::test {
namespace {

template <class T>
using BitsOf = std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                  std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>;

template <class T>
double widened(T value) {
  if constexpr (std::is_class_v<T>) {
    return value.to_float();
  } else {
    return value;
  }
}

template <class T>
void expect_round_trip(BitsOf<T> bits) {
  const std::string text = to_text(std::bit_cast<T>(bits));
  T back{};
  ASSERT_EQ(from_text(text, back), NumberError::kNone) << text;
  ASSERT_EQ(std::bit_cast<BitsOf<T>>(back), bits) << text;
}

// from_text is the nearest value, or kRange where that is an infinity.
template <class T>
void expect_nearest(const std::string& text) {
  const double expected = nearest<T>(text);
  ASSERT_FALSE(std::isnan(expected)) << text;
  T value{};
  const NumberError error = from_text(text, value);
  ASSERT_EQ(error, std::isinf(expected) ? NumberError::kRange : NumberError::kNone) << text;
  if (error == NumberError::kRange) return;
  // Equal as numbers and in the sign of a zero.
  ASSERT_EQ(std::bit_cast<std::uint64_t>(widened(value)), std::bit_cast<std::uint64_t>(expected))
      << text << " gives " << to_text(value);
}

// All digits of a double, of which there are at most 1100.
std::string exact_decimal(double x) { return fmt::format("{:.1100e}", x); }

template <class T>
class NumberRoundingTest : public testing::Test {};
using Floats = testing::Types<Float16, BFloat16, float, double>;
TYPED_TEST_SUITE(NumberRoundingTest, Floats);

TYPED_TEST(NumberRoundingTest, BitsRoundTrip) {
  using Bits = BitsOf<TypeParam>;
  if constexpr (sizeof(Bits) == 2) {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
      expect_round_trip<TypeParam>(static_cast<Bits>(bits));
    }
  } else {
    std::mt19937_64 random(2);
    for (int i = 0; i < 1'000'000; ++i) expect_round_trip<TypeParam>(static_cast<Bits>(random()));
    const Bits infinity = std::bit_cast<Bits>(std::numeric_limits<TypeParam>::infinity());
    for (int i = 0; i < 10'000; ++i) {
      const Bits payload = static_cast<Bits>(random()) % (infinity & (0 - infinity));
      for (const Bits bits : {payload, infinity | payload, infinity | 1, infinity, infinity - 1}) {
        expect_round_trip<TypeParam>(bits);
        expect_round_trip<TypeParam>(static_cast<Bits>(bits | Bits(1) << (8 * sizeof(Bits) - 1)));
      }
    }
  }
}

TYPED_TEST(NumberRoundingTest, RandomDecimals) {
  using Limits = std::numeric_limits<double>;
  const auto format = kFloatFormat<TypeParam>;
  const auto log10_of_2 = std::log10(2.0);
  // A little beyond both ends of the format.
  const int lowest = static_cast<int>(static_cast<double>(format.lowest) * log10_of_2) - 4;
  const int highest = static_cast<int>(static_cast<double>(format.highest) * log10_of_2) + 2;
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t digits = 1 + random() % (i % 10 == 0 ? 300 : 20);
    std::string significand;
    for (std::size_t k = 0; k < digits; ++k) {
      significand += static_cast<char>('0' + static_cast<char>(random() % 10));
    }
    const int exponent = lowest + static_cast<int>(random() % std::size_t(highest - lowest));
    significand.insert(random() % (digits + 1), ".");
    expect_nearest<TypeParam>(fmt::format("{}{}e{}", i % 2 == 0 ? "-" : "", significand, exponent));
    if (this->HasFatalFailure()) return;
  }
  expect_nearest<TypeParam>(exact_decimal(Limits::denorm_min()));
  expect_nearest<TypeParam>(exact_decimal(Limits::max()));
}

TYPED_TEST(NumberRoundingTest, RandomHexadecimals) {
  const auto format = kFloatFormat<TypeParam>;
  std::mt19937_64 random(4);
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t digits = 1 + random() % 40;
    std::string significand;
    for (std::size_t k = 0; k < digits; ++k) {
      // Many zeros, so that ties and near ties turn up.
      significand += random() % 3 == 0 ? fmt::format("{:x}", random() % 16) : std::string("0");
    }
    const auto range = static_cast<std::uint64_t>(format.highest - format.lowest + 40);
    const auto exponent = format.lowest - 20 + static_cast<std::int64_t>(random() % range);
    significand.insert(random() % (digits + 1), ".");
    expect_nearest<TypeParam>(
        fmt::format("{}0x{}p{}", i % 2 == 0 ? "-" : "", significand, exponent));
    if (this->HasFatalFailure()) return;
  }
}

// The texts of `tie`, which lies halfway between two values, and of numbers just beside it: by one
// double, and by one digit that comes hundreds of digits later.
template <class T>
void expect_nearest_around(double tie) {
  expect_nearest<T>(fmt::format("{}", tie));
  for (const double target : {0.0, std::numeric_limits<double>::infinity()}) {
    const double beside = std::nextafter(tie, target);
    const std::string shortest = fmt::format("{}", beside);
    expect_nearest<T>(shortest);
    // Between the tie and the double beside it.
    const std::string part = fmt::format("{:.40e}", beside / 2 + tie / 2);
    expect_nearest<T>(part);
  }
  const std::string exact = exact_decimal(tie);
  const std::size_t e = exact.find('e');
  const std::string exponent = exact.substr(e);
  std::string digits = exact.substr(0, e);
  expect_nearest<T>(exact);
  expect_nearest<T>(digits + std::string(300, '0') + "1" + exponent);
  // One less in the last digit that is not 0, and 9 from there on.
  std::size_t last = digits.find_last_not_of('0');
  if (digits[last] == '.') --last;
  --digits[last];
  std::replace(digits.begin() + static_cast<std::ptrdiff_t>(last) + 1, digits.end(), '0', '9');
  expect_nearest<T>(digits + exponent);
  const std::string hex = fmt::format("{:a}", tie);
  const std::size_t p = hex.find('p');
  expect_nearest<T>(hex);
  const std::string point = hex.find('.') == std::string::npos ? "." : "";
  expect_nearest<T>(hex.substr(0, p) + point + std::string(60, '0') + "1" + hex.substr(p));
}

template <class Half>
void check_halfway() {
  const std::vector<double> halfway = halfway_values<Half>();
  for (std::size_t k = 0; k < halfway.size(); k += k < 300 || k + 300 > halfway.size() ? 1 : 37) {
    expect_nearest_around<Half>(halfway[k]);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(HalfRoundingTest, AroundTiesOfF16) { check_halfway<Float16>(); }
TEST(HalfRoundingTest, AroundTiesOfBF16) { check_halfway<BFloat16>(); }

TEST(HalfRoundingTest, DigitsThatADoubleDoesNotHoldDecide) {
  const auto bits = [](std::string_view text) {
    Float16 value;
    EXPECT_EQ(from_text(text, value), NumberError::kNone) << text;
    return value.bits;
  };
  EXPECT_EQ(bits("1.00048828125"), 0x3c00);  // halfway from 1 to its upper neighbour
  EXPECT_EQ(bits("1.00048828125" + std::string(500, '0') + "1"), 0x3c01);
  EXPECT_EQ(bits("1.00048828124" + std::string(500, '9')), 0x3c00);
  EXPECT_EQ(bits("1.00146484375"), 0x3c02);
  EXPECT_EQ(bits("1.00146484374" + std::string(500, '9')), 0x3c01);
  EXPECT_EQ(bits("0.000100048828125" + std::string(500, '0') + "1e4"), 0x3c01);
  // The nearest double is the one above the tie, and the text is below it.
  EXPECT_EQ(bits("1.00048828125000019"), 0x3c01);
  EXPECT_EQ(bits("0x1.002p0"), 0x3c00);
  EXPECT_EQ(bits("0x1.002" + std::string(500, '0') + "1p0"), 0x3c01);
}

template <class Half>
void check_no_shorter_text() {
  for (std::uint16_t bits = 1; bits < HalfFormat<Half>::kInfinity; ++bits) {
    const double wide = magnitude_with<Half>(bits);
    const std::string text = to_text(Half{bits});
    // Decimals of so many digits below and above the value, as std::to_chars writes a double.
    const int leading = static_cast<int>(std::floor(std::log10(wide)));
    for (int digits = 1; digits <= 5; ++digits) {
      const int scale = leading - digits + 1;
      const double below = std::floor(wide / std::pow(10.0, scale));
      for (const double significand : {below, below + 1}) {
        const double decimal = std::stod(fmt::format("{}e{}", significand, scale));
        char buffer[64];
        const std::string_view shorter(buffer,
                                       std::to_chars(buffer, buffer + sizeof(buffer), decimal).ptr);
        if (Half::from(decimal).bits != bits) continue;
        EXPECT_LE(text.size(), shorter.size()) << text << " where " << shorter << " will do";
      }
    }
  }
}

TEST(HalfTextTest, NoShorterTextOfF16ReadsBack) { check_no_shorter_text<Float16>(); }
TEST(HalfTextTest, NoShorterTextOfBF16ReadsBack) { check_no_shorter_text<BFloat16>(); }

TEST(HalfTextTest, LooksAsTheSameFloatDoes) {
  EXPECT_EQ(to_text(Float16::from(0.1f)), "0.1");
  EXPECT_EQ(to_text(Float16{0x7bff}), "65504");
  EXPECT_EQ(to_text(Float16{0xfbff}), "-65504");
  EXPECT_EQ(to_text(Float16{0x0001}), "6e-08");
  EXPECT_EQ(to_text(Float16{0x8000}), "-0");
  EXPECT_EQ(to_text(Float16::from(1e-4f)), "1e-04");
  EXPECT_EQ(to_text(Float16::from(0.015625f)), "0.01563");  // not the nearest of 4 digits
  EXPECT_EQ(to_text(BFloat16::from(1000.0f)), "1000");
  EXPECT_EQ(to_text(BFloat16::from(1e30f)), "1e+30");
  EXPECT_EQ(to_text(BFloat16{0x7f7f}), "3.39e+38");
  EXPECT_EQ(to_text(BFloat16{0x7f80}), "inf");
}

}  // namespace
}  // namespace ndl::test
