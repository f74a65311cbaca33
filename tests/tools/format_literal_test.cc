#include "tools/format_literal.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

namespace ndl::tools {
namespace {

using ir::Literal;

std::string iota_text(ir::Shape shape) {
  Literal literal = Literal::uninitialized({DType::kI32, std::move(shape)});
  for (std::int64_t i = 0; i < literal.size(); ++i) {
    literal.mutable_data<std::int32_t>()[i] = static_cast<std::int32_t>(i);
  }
  return format_literal(literal);
}

TEST(FormatLiteral, TheLecture) {
  EXPECT_EQ(format_literal(Literal::dense<float>({3}, {NAN, NAN, NAN})), "[nan nan nan]");
  EXPECT_EQ(format_literal(Literal::dense<float>({3}, {0, 1, 0})), "[0 1 0]");
  const Literal two[] = {Literal::dense<float>({1}, {2}), Literal::dense<float>({1}, {3})};
  EXPECT_EQ(format_tuple(two), "([2], [3])");
}

TEST(FormatLiteral, EveryNanIsNan) {
  const auto nan = [](std::uint32_t bits) { return std::bit_cast<float>(bits); };
  EXPECT_EQ(format_literal(Literal::dense<float>({2}, {nan(0xffc00000), nan(0x7fc00001)})),
            "[nan nan]");
}

TEST(FormatLiteral, Elements) {
  EXPECT_EQ(format_literal(Literal::dense<float>({5}, {-0.f, 0.1f, 1e30f, INFINITY, -INFINITY})),
            "[-0 0.1 1e+30 inf -inf]");
  EXPECT_EQ(format_literal(Literal::dense<bool>({2}, {true, false})), "[true false]");
  EXPECT_EQ(format_literal(Literal::dense<std::int8_t>({2}, {65, -128})), "[65 -128]");
  EXPECT_EQ(format_literal(Literal::dense<std::uint8_t>({1}, {255})), "[255]");
}

TEST(FormatLiteral, RankZero) {
  EXPECT_EQ(format_literal(Literal::dense<double>({}, {2.5})), "2.5");
}

TEST(FormatLiteral, RowsAreAlignedOnTheRight) {
  EXPECT_EQ(format_literal(Literal::dense<float>({2, 2}, {1, 0.5, 100, -3})),
            "[[  1 0.5]\n"
            " [100  -3]]");
}

TEST(FormatLiteral, ABlankLineBetweenMatrices) {
  EXPECT_EQ(iota_text({2, 2, 2}),
            "[[[0 1]\n"
            "  [2 3]]\n"
            "\n"
            " [[4 5]\n"
            "  [6 7]]]");
}

TEST(FormatLiteral, NoElements) {
  EXPECT_EQ(iota_text({0}), "[]");
  EXPECT_EQ(iota_text({2, 0}), "[]");
}

TEST(FormatLiteral, SplatsAreWrittenOut) {
  EXPECT_EQ(format_literal(Literal::splat<float>({DType::kF32, {3}}, 1)), "[1 1 1]");
}

TEST(FormatLiteral, AThousandElementsAreShownWhole) {
  const std::string text = iota_text({1000});
  EXPECT_EQ(text.find("..."), std::string::npos);
  EXPECT_NE(text.find(" 500 "), std::string::npos);
}

TEST(FormatLiteral, MoreAreElided) {
  EXPECT_EQ(iota_text({1001}), "[0 1 2 ... 998 999 1000]");
  EXPECT_EQ(iota_text({2, 1000}),
            "[[   0    1    2 ...  997  998  999]\n"
            " [1000 1001 1002 ... 1997 1998 1999]]");
  EXPECT_EQ(iota_text({1001, 1}), "[[   0]\n [   1]\n [   2]\n ...\n [ 998]\n [ 999]\n [1000]]");
}

TEST(FormatLiteral, Tuples) {
  const Literal matrix = Literal::dense<std::int8_t>({2, 2}, {1, 2, 3, 4});
  const Literal one = Literal::dense<std::int8_t>({}, {7});
  const Literal both[] = {matrix, one};
  EXPECT_EQ(format_tuple(both), "([[1 2]\n  [3 4]],\n 7)");
  EXPECT_EQ(format_tuple({&one, 1}), "(7,)");
  EXPECT_EQ(format_tuple({}), "()");
}

}  // namespace
}  // namespace ndl::tools
