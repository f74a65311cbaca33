// Syntax and range of numbers, integers, and that no locale changes anything. What floats are
// rounded to is tested in number_rounding_test.cc.
#include "base/number.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <clocale>
#include <cmath>
#include <cstdint>
#include <limits>
#include <locale>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/dtype.h"

namespace ndl::test {
namespace {

template <class T>
NumberError error_of(std::string_view text) {
  T value{};
  return from_text(text, value);
}

// The value of a text that must be accepted.
template <class T>
T parsed(std::string_view text) {
  T value{};
  EXPECT_EQ(from_text(text, value), NumberError::kNone) << text;
  return value;
}

template <class T>
class FloatTextTest : public testing::Test {};
using Floats = testing::Types<Float16, BFloat16, float, double>;
TYPED_TEST_SUITE(FloatTextTest, Floats);

template <class T>
class IntegerTextTest : public testing::Test {};
using Integers =
    testing::Types<std::int8_t, std::uint8_t, std::int16_t, std::int32_t, std::int64_t>;
TYPED_TEST_SUITE(IntegerTextTest, Integers);

constexpr std::string_view kNotNumbers[] = {"",
                                            "-",
                                            "+",
                                            "+1",
                                            "-+1",
                                            "--1",
                                            " 1",
                                            "1 ",
                                            "\t1",
                                            "1_000",
                                            "1,5",
                                            "1'000",
                                            "0x",
                                            "-0x",
                                            "0x-1",
                                            "0x+1",
                                            "0x 1",
                                            "0x0x1",
                                            "0xg",
                                            "1x",
                                            "one",
                                            "true",
                                            "#1",
                                            "1\n",
                                            "0b1",
                                            "0o7",
                                            "1u",
                                            "1i8",
                                            "\xef\xbc\x91",
                                            "(1)",
                                            "1-",
                                            "$1",
                                            "Inf",
                                            "INF",
                                            "+inf",
                                            "--inf",
                                            "infinity",
                                            "-infinity",
                                            "inf ",
                                            "0xinf",
                                            "NaN",
                                            "NAN",
                                            "-nan",
                                            "+nan",
                                            "nan()",
                                            "nan(1)",
                                            "nan(0x)",
                                            "nan(0x-1)",
                                            "nan(0xg)",
                                            "nan(0x7fc00001",
                                            "nan0x7fc00001",
                                            "nan(0x7fc00001))"};

TYPED_TEST(FloatTextTest, WhatIsNotANumber) {
  for (const std::string_view text : kNotNumbers) {
    EXPECT_EQ(error_of<TypeParam>(text), NumberError::kSyntax) << text;
  }
  for (const char* text :
       {".",     "-.",    "..1",       "1..",  "1.2.3", "e5",   ".e5",      "1e",       "1e+",
        "1e-",   "1ee5",  "1e5.0",     "1e 5", "1e0x5", "1p3",  "0x.",      "0xp3",     "0x1p",
        "0x1p+", "0x1pf", "0x1.8e1.0", "1f",   "1.0f",  "0.1d", "1e99999x", "1e-99999x"}) {
    EXPECT_EQ(error_of<TypeParam>(text), NumberError::kSyntax) << text;
  }
  EXPECT_EQ(error_of<TypeParam>(std::string_view("1\0", 2)), NumberError::kSyntax);
  EXPECT_EQ(error_of<TypeParam>(std::string_view("1.5", 2)), NumberError::kNone);  // "1."
}

TEST(ToScientific, HasTheFewestDigits) {
  EXPECT_EQ(to_scientific(0.0), "0e+00");
  EXPECT_EQ(to_scientific(-0.0f), "-0e+00");
  EXPECT_EQ(to_scientific(0.5), "5e-01");
  EXPECT_EQ(to_scientific(347090208.f), "3.470902e+08");
  EXPECT_EQ(to_scientific(1.0 / 3), "3.333333333333333e-01");
  EXPECT_EQ(to_scientific(parsed<Float16>("-20176")), "-2.018e+04");
  EXPECT_EQ(to_scientific(parsed<Float16>("-0")), "-0e+00");
  EXPECT_EQ(to_scientific(parsed<BFloat16>("3.39e38")), "3.39e+38");
}

TYPED_TEST(FloatTextTest, HasTheFewestDigits) {
  for (const char* text : {"1e+00", "-2.5e-01", "1e-05", "6.1e+04"}) {
    EXPECT_EQ(to_scientific(parsed<TypeParam>(text)), text);
  }
}

TYPED_TEST(FloatTextTest, EveryNotation) {
  const auto value = [](std::string_view text) {
    const TypeParam x = parsed<TypeParam>(text);
    if constexpr (std::is_class_v<TypeParam>) {
      return x.to_float();
    } else {
      return x;
    }
  };
  for (const char* text :
       {"24", "024", "24.", "24.0", "2.4e1", "2.4E1", "2.4e+1", "2.4e+01", "240e-1", ".24e2",
        "0x18", "0X18", "0x18.", "0x1.8p4", "0x1.8P+4", "0xcp1", "0x.18p8", "0x1800p-8"}) {
    EXPECT_EQ(value(text), 24) << text;
    EXPECT_EQ(value(std::string("-") + text), -24) << text;
  }
  EXPECT_EQ(value("0x.8"), 0.5);
  EXPECT_EQ(value("0xe1"), 225);  // a digit, no exponent
  EXPECT_EQ(value("inf"), std::numeric_limits<float>::infinity());
  EXPECT_EQ(value("-inf"), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(value("nan")));
  for (const char* zero : {"0", "0.0", ".0", "0e5", "0e99999999999999999999", "0x0", "0x0p9999"}) {
    EXPECT_EQ(value(zero), 0) << zero;
    EXPECT_FALSE(std::signbit(value(zero))) << zero;
    EXPECT_TRUE(std::signbit(value(std::string("-") + zero))) << zero;
  }
}

TYPED_TEST(FloatTextTest, OverflowIsOutOfRangeAndUnderflowIsNot) {
  const std::string zeros(6000, '0');
  for (const std::string& text :
       {std::string("1e999"), std::string("1e99999999999999999999"), "1" + zeros,
        "1" + zeros + "e-1", "1" + zeros + "e10", std::string("0x1p1024"),
        std::string("0x1p99999999999999999999"), "0x1" + zeros, "0x1" + zeros + "p-1"}) {
    EXPECT_EQ(error_of<TypeParam>(text), NumberError::kRange) << text.substr(0, 40);
    EXPECT_EQ(error_of<TypeParam>("-" + text), NumberError::kRange) << text.substr(0, 40);
  }
  for (const std::string& text :
       {std::string("1e-999"), std::string("1e-99999999999999999999"), "0." + zeros + "1",
        "0." + zeros + "1e10", "." + zeros + "1e+10", std::string("0x1p-1076"),
        std::string("0x1p-99999999999999999999"), "0x." + zeros + "1", "0x." + zeros + "1p10"}) {
    using Bits = std::conditional_t<
        sizeof(TypeParam) == 2, std::uint16_t,
        std::conditional_t<sizeof(TypeParam) == 4, std::uint32_t, std::uint64_t>>;
    constexpr Bits kSign = Bits(1) << (8 * sizeof(Bits) - 1);
    EXPECT_EQ(std::bit_cast<Bits>(parsed<TypeParam>(text)), 0u) << text.substr(0, 40);
    EXPECT_EQ(std::bit_cast<Bits>(parsed<TypeParam>("-" + text)), kSign) << text.substr(0, 40);
  }
}

TEST(NumberTest, LargestFloatsAndWhatIsBeyondThem) {
  EXPECT_EQ(parsed<Float16>("65504").bits, 0x7bff);
  EXPECT_EQ(parsed<Float16>("65519.999999999999999999999999").bits, 0x7bff);
  EXPECT_EQ(error_of<Float16>("65520"), NumberError::kRange);
  EXPECT_EQ(error_of<Float16>("-65520"), NumberError::kRange);
  EXPECT_EQ(error_of<Float16>("0xfff0"), NumberError::kRange);
  EXPECT_EQ(parsed<Float16>("0xffef.ffffffffffffffffffff").bits, 0x7bff);
  EXPECT_EQ(parsed<BFloat16>("0x1.fep127").bits, 0x7f7f);
  EXPECT_EQ(error_of<BFloat16>("0x1.ffp127"), NumberError::kRange);
  EXPECT_EQ(error_of<BFloat16>("3.4e38"), NumberError::kRange);
  EXPECT_EQ(parsed<float>("3.4028235e38"), std::numeric_limits<float>::max());
  EXPECT_EQ(error_of<float>("3.4028236e38"), NumberError::kRange);
  EXPECT_EQ(parsed<double>("1.7976931348623157e308"), std::numeric_limits<double>::max());
  EXPECT_EQ(error_of<double>("1.797693134862316e308"), NumberError::kRange);
}

TEST(NumberTest, NanBits) {
  EXPECT_EQ(to_text(std::bit_cast<float>(0x7fc00000)), "nan");
  EXPECT_EQ(to_text(std::bit_cast<float>(0x7f800001)), "nan(0x7f800001)");
  EXPECT_EQ(to_text(std::bit_cast<float>(0xffc00000)), "nan(0xffc00000)");
  EXPECT_EQ(to_text(Float16{0xfe00}), "nan(0xfe00)");
  EXPECT_EQ(parsed<BFloat16>("nan(0xFFC1)").bits, 0xffc1);
  EXPECT_EQ(parsed<Float16>("nan(0x7e00)").bits, 0x7e00);
  // Bits of an infinity, of a number, of no value of the type.
  EXPECT_EQ(error_of<float>("nan(0x7f800000)"), NumberError::kRange);
  EXPECT_EQ(error_of<float>("nan(0x3f800000)"), NumberError::kRange);
  EXPECT_EQ(error_of<float>("nan(0x17fc00001)"), NumberError::kRange);
  EXPECT_EQ(error_of<Float16>("nan(0x7fc00000)"), NumberError::kRange);
  EXPECT_EQ(error_of<double>("nan(0x17ff8000000000000)"), NumberError::kRange);
}

TYPED_TEST(IntegerTextTest, WhatIsNotAnInteger) {
  for (const std::string_view text : kNotNumbers) {
    EXPECT_EQ(error_of<TypeParam>(text), NumberError::kSyntax) << text;
  }
  for (const char* text :
       {"inf", "-inf", "nan", "nan(0x7fc00000)", "1.0", "1.", ".5", "1e2", "0x1.0", "0x1p3",
        "99999999999999999999x", "0x99999999999999999999g", "1-1"}) {
    EXPECT_EQ(error_of<TypeParam>(text), NumberError::kSyntax) << text;
  }
}

TYPED_TEST(IntegerTextTest, LimitsAndWhatIsBeyondThem) {
  using Limits = std::numeric_limits<TypeParam>;
  const __int128 lowest = Limits::min();
  const __int128 largest = Limits::max();
  const auto decimal = [](__int128 value) {
    const bool negative = value < 0;
    return (negative ? "-" : "") + fmt::format("{}", std::uint64_t(negative ? -value : value));
  };
  const auto hex = [](__int128 value) {
    const bool negative = value < 0;
    return (negative ? "-" : "") + fmt::format("{:#x}", std::uint64_t(negative ? -value : value));
  };
  for (const __int128 inside :
       {lowest, lowest + 1, __int128{0}, __int128{1}, largest - 1, largest}) {
    const auto value = static_cast<TypeParam>(inside);
    EXPECT_EQ(to_text(value), decimal(inside));
    EXPECT_EQ(parsed<TypeParam>(decimal(inside)), value);
    EXPECT_EQ(parsed<TypeParam>(hex(inside)), value);
  }
  for (const __int128 outside : {lowest - 1, largest + 1}) {
    EXPECT_EQ(error_of<TypeParam>(decimal(outside)), NumberError::kRange) << decimal(outside);
    EXPECT_EQ(error_of<TypeParam>(hex(outside)), NumberError::kRange) << decimal(outside);
  }
  for (const char* far : {"99999999999999999999", "-99999999999999999999", "18446744073709551616",
                          "18446744073709551615", "0x10000000000000000", "-18446744073709551615"}) {
    EXPECT_EQ(error_of<TypeParam>(far), NumberError::kRange) << far;
  }
  EXPECT_EQ(parsed<TypeParam>("-0"), 0);
  EXPECT_EQ(parsed<TypeParam>("0000000000000000000000000000000000000042"), 42);
}

TEST(NumberTest, SmallIntegersRoundTrip) {
  for (int i = -32768; i <= 32767; ++i) {
    const auto value = static_cast<std::int16_t>(i);
    ASSERT_EQ(parsed<std::int16_t>(to_text(value)), value);
  }
}

TEST(NumberTest, Booleans) {
  EXPECT_EQ(to_text(true), "true");
  EXPECT_EQ(to_text(false), "false");
  EXPECT_TRUE(parsed<bool>("true"));
  EXPECT_FALSE(parsed<bool>("false"));
  for (const char* text : {"", "True", "FALSE", "1", "0", "true ", " false", "tru", "yes"}) {
    EXPECT_EQ(error_of<bool>(text), NumberError::kSyntax) << text;
  }
}

class CommaDecimal : public std::numpunct<char> {
 protected:
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

TEST(NumberTest, LocalesChangeNothing) {
  const std::locale before = std::locale::global(std::locale(std::locale(), new CommaDecimal));
  const std::string c_before = std::setlocale(LC_ALL, nullptr);
  for (const char* name : {"C", "de_DE.UTF-8", "fr_FR.UTF-8"}) {  // those that are installed
    std::setlocale(LC_ALL, name);
    EXPECT_EQ(to_text(1234567.5), "1234567.5");
    EXPECT_EQ(to_text(0.1f), "0.1");
    EXPECT_EQ(to_text(parsed<Float16>("1234.5")), "1234");
    EXPECT_EQ(to_text(std::int64_t{1234567}), "1234567");
    EXPECT_EQ(to_text(std::bit_cast<float>(0x7f801234)), "nan(0x7f801234)");
    EXPECT_EQ(parsed<double>("1234567.5"), 1234567.5);
    EXPECT_EQ(parsed<float>("0x1.8p1"), 3);
    EXPECT_EQ(parsed<double>("0." + std::string(400, '0') + "1"), 0);
    EXPECT_EQ(error_of<double>("1,5"), NumberError::kSyntax);
    EXPECT_EQ(error_of<double>("1.234.567"), NumberError::kSyntax);
    EXPECT_EQ(error_of<std::int32_t>("1.234"), NumberError::kSyntax);
  }
  std::setlocale(LC_ALL, c_before.c_str());
  std::locale::global(before);
}

}  // namespace
}  // namespace ndl::test
