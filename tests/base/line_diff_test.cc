#include "base/line_diff.h"

#include <gtest/gtest.h>

namespace ndl {
namespace {

TEST(LineDiff, EqualTextsHaveNone) {
  EXPECT_EQ(line_diff("", ""), "");
  EXPECT_EQ(line_diff("a\nb\n", "a\nb\n"), "");
}

TEST(LineDiff, ReplacedAddedRemoved) {
  EXPECT_EQ(line_diff("a\nb\nc\n", "a\nx\nc\n"), " a\n-b\n+x\n c\n");
  EXPECT_EQ(line_diff("a\nc\n", "a\nb\nc\n"), " a\n+b\n c\n");
  EXPECT_EQ(line_diff("a\nb\nc\n", "a\nc\n"), " a\n-b\n c\n");
}

TEST(LineDiff, KeepsTheLongestCommonPart) {
  EXPECT_EQ(line_diff("1\n2\n3\n4\n", "2\n3\n4\n5\n"), "-1\n 2\n 3\n 4\n+5\n");
}

TEST(LineDiff, RepeatedLines) {
  EXPECT_EQ(line_diff("a\na\n", "a\n"), " a\n-a\n");
  EXPECT_EQ(line_diff("a\n", "a\na\na\n"), " a\n+a\n+a\n");
}

TEST(LineDiff, ThreeLinesAroundAChange) {
  EXPECT_EQ(line_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n"),
            "...\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n...\n");
}

TEST(LineDiff, HugeTextsAreReplacedBetweenTheirEnds) {
  std::string before = "head\n";
  std::string after = "head\n";
  for (int i = 0; i < 5000; ++i) {
    before += "b" + std::to_string(i) + "\n";
    after += "a" + std::to_string(i) + "\n";
  }
  const std::string diff = line_diff(before, after);
  EXPECT_EQ(diff.substr(0, 9), " head\n-b0");
  EXPECT_NE(diff.find("-b4999\n+a0\n"), std::string::npos);
}

}  // namespace
}  // namespace ndl
