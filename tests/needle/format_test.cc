// What numpy 1.26 prints for the same arrays.
#include "needle/format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "ir/convert_elements.h"

namespace ndl {
namespace {

using ir::Literal;

std::string floats(std::initializer_list<float> values) {
  return format_array(Literal::dense<float>({static_cast<std::int64_t>(values.size())}, values));
}

std::string doubles(std::initializer_list<double> values) {
  return format_array(Literal::dense<double>({static_cast<std::int64_t>(values.size())}, values));
}

std::string halves(std::initializer_list<double> values) {
  const Literal literal =
      Literal::dense<double>({static_cast<std::int64_t>(values.size())}, values);
  return format_array(ir::converted(literal, DType::kF16));
}

std::string iota(ir::Shape shape) {
  std::vector<std::int32_t> values(static_cast<std::size_t>(shape.num_elements()));
  std::iota(values.begin(), values.end(), 0);
  return format_array(Literal::dense<std::int32_t>(shape, std::span<const std::int32_t>(values)));
}

TEST(FormatArray, TheLecture) {
  EXPECT_EQ(floats({0.4999999f, 1.4999999f, 2.5000005f}), "[0.4999999 1.4999999 2.5000005]");
  EXPECT_EQ(floats({0.39999992f, 1.3999999f, 2.4000006f}), "[0.39999992 1.3999999  2.4000006 ]");
  EXPECT_EQ(floats({0, 1, 0}), "[0. 1. 0.]");
  EXPECT_EQ(floats({NAN, NAN, NAN}), "[nan nan nan]");
  EXPECT_EQ(floats({0.07205748f}), "[0.07205748]");
  EXPECT_EQ(floats({2.5600004f}), "[2.5600004]");
}

TEST(FormatArray, ColumnsOfFloats) {
  EXPECT_EQ(floats({1, 0.5f, 100, -3}), "[  1.    0.5 100.   -3. ]");
  EXPECT_EQ(floats({-0.f, 0}), "[-0.  0.]");
  EXPECT_EQ(floats({0.1f, NAN, 1}), "[0.1 nan 1. ]");
  EXPECT_EQ(floats({1, INFINITY, -INFINITY}), "[  1.  inf -inf]");
  EXPECT_EQ(floats({INFINITY, 1.25f}), "[ inf 1.25]");
}

TEST(FormatArray, EightDigitsAfterThePoint) {
  EXPECT_EQ(floats({0.012345679f}), "[0.01234568]");
  EXPECT_EQ(doubles({1.0 / 3, 2.0 / 3}), "[0.33333333 0.66666667]");
  EXPECT_EQ(doubles({0.12345678949}), "[0.12345679]");
  EXPECT_EQ(doubles({0.1000000001}), "[0.1]");
}

TEST(FormatArray, ScientificNotation) {
  EXPECT_EQ(floats({1e-5f, 1.5f}), "[1.0e-05 1.5e+00]");
  EXPECT_EQ(floats({1e30f}), "[1.e+30]");
  EXPECT_EQ(floats({1e8f, 0}), "[1.e+08 0.e+00]");
  EXPECT_EQ(floats({1, 1000}), "[   1. 1000.]");
  EXPECT_EQ(floats({1, 1001}), "[1.000e+00 1.001e+03]");
  EXPECT_EQ(doubles({1e100, 1}), "[1.e+100 1.e+000]");
  EXPECT_EQ(floats({-2e10f, NAN}), "[-2.e+10     nan]");
  EXPECT_EQ(doubles({1.0 / 3 * 1e-5}), "[3.33333333e-06]");
}

// Columns are as wide as the fewest digits of the longest number need; others are padded with their
// own digits, not with zeros.
TEST(FormatArray, ScientificNotationIsPaddedWithDigits) {
  EXPECT_EQ(floats({2.25230820e-14f, 3.470902e8f}), "[2.2523082e-14 3.4709021e+08]");
  EXPECT_EQ(floats({-1.1347681e-01f, 1.51899e7f, -8.2163662e-03f}),
            "[-1.1347681e-01  1.5189900e+07 -8.2163662e-03]");
  EXPECT_EQ(floats({1e16f, 123456789.f, 1e-4f}), "[1.0000000e+16 1.2345679e+08 9.9999997e-05]");
  EXPECT_EQ(doubles({1e23, 1.5e-5, 1.0 / 3}), "[1.00000000e+23 1.50000000e-05 3.33333333e-01]");
  EXPECT_EQ(halves({0.7183, -28.72, -0.0005069}), "[ 7.183e-01 -2.872e+01 -5.069e-04]");
  EXPECT_EQ(halves({-1.013e-06, 0.1274}), "[-1.013e-06  1.274e-01]");
}

TEST(FormatArray, IntegersOfFloatsAreExactInArrays) {
  EXPECT_EQ(floats({99999992.f}), "[99999992.]");
  EXPECT_EQ(halves({14616, 16232, 37504}), "[14616. 16232. 37504.]");
  EXPECT_EQ(format_array(Literal::filled({DType::kF16, {}}, 39072)), "39070.0");
  EXPECT_EQ(format_array(Literal::dense<float>({}, {347090208.f})), "347090200.0");
}

// 1801 / 1.8008 is above 1000, but 1000 in 16 bits.
TEST(FormatArray, RangesAreMeasuredInTheDType) {
  EXPECT_EQ(halves({1801, 1.8008}), "[1801.       1.801]");
  EXPECT_EQ(halves({1501, 1.5}), "[1.501e+03 1.500e+00]");
}

TEST(FormatArray, RankZero) {
  EXPECT_EQ(format_array(Literal::dense<float>({}, {4})), "4.0");
  EXPECT_EQ(format_array(Literal::dense<float>({}, {0.1f})), "0.1");
  EXPECT_EQ(format_array(Literal::dense<float>({}, {1e-5f})), "1e-05");
  EXPECT_EQ(format_array(Literal::dense<double>({}, {1.0 / 3})), "0.3333333333333333");
  EXPECT_EQ(format_array(Literal::dense<double>({}, {1e16})), "1e+16");
  EXPECT_EQ(format_array(Literal::dense<double>({}, {123456.5})), "123456.5");
  EXPECT_EQ(format_array(Literal::dense<double>({}, {-INFINITY})), "-inf");
  EXPECT_EQ(format_array(Literal::dense<bool>({}, {true})), "True");
  EXPECT_EQ(format_array(Literal::dense<std::int64_t>({}, {-7})), "-7");
}

TEST(FormatArray, OtherElements) {
  EXPECT_EQ(format_array(Literal::dense<bool>({2}, {true, false})), "[ True False]");
  EXPECT_EQ(format_array(Literal::dense<bool>({1}, {true})), "[ True]");
  EXPECT_EQ(format_array(Literal::dense<std::int8_t>({3}, {1, -12, 100})), "[  1 -12 100]");
  EXPECT_EQ(format_array(Literal::filled({DType::kF16, {2}}, 0.1)), "[0.1 0.1]");
  EXPECT_EQ(format_array(Literal::filled({DType::kBF16, {1}}, 3)), "[3.]");
}

TEST(FormatArray, Rows) {
  EXPECT_EQ(format_array(Literal::dense<float>({2, 2}, {1, 0.5, 100, -3})),
            "[[  1.    0.5]\n"
            " [100.   -3. ]]");
  EXPECT_EQ(iota({2, 2, 2}),
            "[[[0 1]\n"
            "  [2 3]]\n"
            "\n"
            " [[4 5]\n"
            "  [6 7]]]");
  EXPECT_EQ(iota({0}), "[]");
  EXPECT_EQ(iota({2, 0}), "[]");
}

TEST(FormatArray, LongLinesBreak) {
  EXPECT_EQ(iota({30}),
            "[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23\n"
            " 24 25 26 27 28 29]");
}

TEST(FormatArray, MoreThanAThousandAreElided) {
  EXPECT_EQ(iota({1001}), "[   0    1    2 ...  998  999 1000]");
  EXPECT_EQ(iota({2, 1000}),
            "[[   0    1    2 ...  997  998  999]\n"
            " [1000 1001 1002 ... 1997 1998 1999]]");
  EXPECT_EQ(iota({1000}).find("..."), std::string::npos);
}

}  // namespace
}  // namespace ndl
