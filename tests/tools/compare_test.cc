#include "tools/compare.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

namespace ndl::tools {
namespace {

using ir::Literal;

Literal floats(std::initializer_list<float> values) {
  return Literal::dense<float>({static_cast<std::int64_t>(values.size())}, values);
}

std::int64_t count(const Literal& got, const Literal& want, Tolerance tolerance = {}) {
  return compare(got, want, tolerance).count;
}

TEST(Compare, ExactMeansEqualBits) {
  EXPECT_EQ(count(floats({1, 0, INFINITY}), floats({1, 0, INFINITY})), 0);
  EXPECT_EQ(count(floats({0}), floats({-0.f})), 1);
  EXPECT_EQ(count(floats({1}), floats({std::nextafter(1.f, 2.f)})), 1);
}

TEST(Compare, AllNansAreEqual) {
  const float other = std::bit_cast<float>(0xffc01234u);
  EXPECT_EQ(count(floats({NAN}), floats({other})), 0);
  EXPECT_EQ(count(floats({NAN}), floats({other}), {.absolute = 1}), 0);
  EXPECT_EQ(count(floats({NAN, 1}), floats({1, NAN}), {.absolute = 100}), 2);
}

TEST(Compare, Tolerances) {
  EXPECT_EQ(count(floats({1.01f}), floats({1}), {.relative = 0.011}), 0);
  EXPECT_EQ(count(floats({1.01f}), floats({1}), {.relative = 0.009}), 1);
  EXPECT_EQ(count(floats({0.5f}), floats({0}), {.absolute = 0.5}), 0);
  EXPECT_EQ(count(floats({0.5f}), floats({0}), {.relative = 1}), 1);
  EXPECT_EQ(count(floats({0}), floats({-0.f}), {.relative = 1e-9}), 0);
}

TEST(Compare, InfinitiesAreNearOnlyThemselves) {
  const Tolerance all{.absolute = 1e300, .relative = 1};
  EXPECT_EQ(count(floats({INFINITY}), floats({INFINITY}), all), 0);
  EXPECT_EQ(count(floats({INFINITY}), floats({-INFINITY}), all), 1);
  EXPECT_EQ(count(floats({1}), floats({INFINITY}), all), 1);
  EXPECT_EQ(count(floats({INFINITY}), floats({1}), all), 1);
}

TEST(Compare, Integers) {
  constexpr std::int64_t kBig = std::int64_t{1} << 53;
  const auto ints = [](std::int64_t x) { return Literal::dense<std::int64_t>({1}, {x}); };
  EXPECT_EQ(count(ints(kBig), ints(kBig + 1)), 1);  // equal as doubles
  const Comparison far = compare(ints(INT64_MAX), ints(INT64_MIN), {});
  EXPECT_EQ(far.worst.absolute, 0x1p64);
}

TEST(Compare, ErrorsOfADifference) {
  const Comparison result = compare(floats({1.5f}), floats({1}), {});
  EXPECT_EQ(result.worst.absolute, 0.5);
  EXPECT_EQ(result.worst.relative, 0.5);
  EXPECT_EQ(result.worst.ulps, 0x1p22);
  EXPECT_EQ(compare(floats({0x1p-149f}), floats({0}), {}).worst.ulps, 1);
  const Literal half = Literal::splat<Float16>({DType::kF16, {1}}, Float16::from(1.0f));
  const Literal next = Literal::splat<Float16>({DType::kF16, {1}}, Float16{0x3c01});
  EXPECT_EQ(compare(next, half, {}).worst.ulps, 1);
}

TEST(Compare, AWideResultAgainstItsDType) {
  const Literal wide = Literal::dense<double>({1}, {1 + 0x1p-24});
  EXPECT_EQ(compare(wide, floats({1}), {}).worst.ulps, 0.5);
  EXPECT_EQ(count(Literal::dense<double>({1}, {1}), floats({1})), 0);
}

TEST(Compare, TheReport) {
  const Literal got = Literal::dense<float>({2, 2}, {1, 2, 3, 4});
  const Literal want = Literal::dense<float>({2, 2}, {1, 2, 3, 5});
  EXPECT_EQ(describe(compare(got, want, {}), 1, got, want),
            "output 1: 1 of 4 elements differ\n"
            "  output 1 at [1, 1]: got 4, want 5, absolute error 1, relative error 0.2, "
            "2.1e+06 ULP\n");
}

TEST(Compare, ALongReportEndsWithTheWorst) {
  const Literal want = Literal::splat<float>({DType::kF32, {100}}, 1);
  Literal got = Literal::uninitialized(want.type());
  for (int i = 0; i < 100; ++i) got.mutable_data<float>()[i] = 2;
  got.mutable_data<float>()[50] = 9;
  const std::string report = describe(compare(got, want, {}), 0, got, want);
  EXPECT_NE(report.find("100 of 100"), std::string::npos);
  EXPECT_NE(report.find("  ...\nthe largest relative error:\n  output 0 at [50]: got 9"),
            std::string::npos);
}

}  // namespace
}  // namespace ndl::tools
