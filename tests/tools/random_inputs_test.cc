#include "tools/random_inputs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ir/parser.h"

namespace ndl::tools {
namespace {

// %x and %h take part in nothing; %i holds indices of 0..2, %s the starts of windows.
ir::Graph graph() {
  return ir::parse(
      "needle 1\n\n"
      "graph f(%x: f32[1000], %h: f16[1000], %b: bool[1000], %n: i8[1000], %i: i32[1000], "
      "%s: i64[2]) -> (f32[1000], f32[2,1]) {\n"
      "  %0 = constant(0) : f32[3]\n"
      "  %1 = gather(%0, %i, axis=0) : f32[1000]\n"
      "  %2 = constant(0) : f32[9,1]\n"
      "  %3 = dynamic_slice(%2, %s) : f32[2,1]\n"
      "  %4 = make_tuple(%1, %3) : (f32[1000], f32[2,1])\n"
      "  return %4\n"
      "}\n");
}

std::vector<double> values_of(const ir::Literal& literal) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < literal.size(); ++i) values.push_back(literal.as_double(i));
  return values;
}

double largest(const ir::Literal& literal) { return std::ranges::max(values_of(literal)); }

TEST(RandomInputs, DependOnTheSeedAlone) {
  for (const InputKind kind : {InputKind::kOrdinary, InputKind::kProbing}) {
    const auto a = random_inputs(graph(), 3, kind);
    EXPECT_EQ(a, random_inputs(graph(), 3, kind));
    EXPECT_NE(a, random_inputs(graph(), 4, kind));
  }
}

TEST(RandomInputs, IndicesAreInRange) {
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    const auto inputs = random_inputs(graph(), seed, InputKind::kOrdinary);
    EXPECT_EQ(largest(inputs[4]), 2);
    EXPECT_LE(inputs[5].at<std::int64_t>(0), 7);
    EXPECT_EQ(inputs[5].at<std::int64_t>(1), 0);
    EXPECT_EQ(largest(inputs[3]), 9);
    for (const double x : values_of(inputs[0])) EXPECT_TRUE(std::isfinite(x));
  }
}

TEST(RandomInputs, OneSeedInEightProbesBeyondTheEnd) {
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    const auto inputs = random_inputs(graph(), seed, InputKind::kProbing);
    EXPECT_EQ(largest(inputs[4]), seed % 8 == 7 ? 3 : 2) << seed;
  }
}

TEST(RandomInputs, OddSeedsHaveSpecialValues) {
  for (const std::size_t parameter : {0, 1}) {
    const auto odd = values_of(random_inputs(graph(), 1, InputKind::kProbing)[parameter]);
    EXPECT_TRUE(std::ranges::any_of(odd, [](double x) { return std::isnan(x); }));
    EXPECT_TRUE(std::ranges::any_of(odd, [](double x) { return std::isinf(x); }));
    EXPECT_TRUE(std::ranges::any_of(odd, [](double x) { return x == 0 && std::signbit(x); }));
    EXPECT_NE(std::ranges::count(odd, parameter == 0 ? 0x1.fffffep127 : 65504.0), 0);
    const auto even = values_of(random_inputs(graph(), 2, InputKind::kProbing)[parameter]);
    EXPECT_TRUE(std::ranges::all_of(even, [](double x) { return std::isfinite(x); }));
  }
}

}  // namespace
}  // namespace ndl::tools
