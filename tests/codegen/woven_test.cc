// Maps of short rows, done with the lanes across the rows and all of a row at once, give the
// interpreter's bits for every length of a row and at the end of blocks of them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "codegen/lower_graph.h"
#include "codegen/short_rows.h"
#include "ir/parser.h"
#include "passes/pass.h"
#include "tests/codegen/compare_program.h"

namespace ndl::codegen {
namespace {

void expect_same(const std::string& text) { ASSERT_EQ(difference_on_any_cpu(text), "") << text; }

// x with a row, and a column, beside each element.
std::string beside(const char* dtype, std::int64_t rows, std::int64_t columns) {
  return fmt::format(
      "needle 1\n\ngraph g(%x: {0}[{1},{2}], %row: {0}[{2}], %column: {0}[{1},1]) -> "
      "{0}[{1},{2}] {{\n"
      "  %0 = broadcast(%row) : {0}[{1},{2}]\n"
      "  %1 = broadcast(%column) : {0}[{1},{2}]\n"
      "  %2 = lt(%x, %0) : bool[{1},{2}]\n"
      "  %3 = select(%2, %1, %x) : {0}[{1},{2}]\n  return %3\n}}\n",
      dtype, rows, columns);
}

TEST(WovenTest, Sizes) {
  for (const std::int64_t columns : {2, 3, 4, 5, 7, 8, 9, 12, 15, 16}) {
    for (const std::int64_t rows : {15, 16, 17, 31, 33, 64, 257, 300}) {
      expect_same(beside("f32", rows, columns));
    }
  }
}

TEST(WovenTest, EveryDtype) {
  for (const char* dtype : {"bool", "i8", "u8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64"}) {
    for (const std::int64_t rows : {16, 37}) expect_same(beside(dtype, rows, 3));
    expect_same(
        fmt::format("needle 1\n\ngraph g(%x: {0}[6,50], %y: {0}[50,5]) -> {0}[50,11] {{\n"
                    "  %0 = transpose(%x, permutation=[1,0]) : {0}[50,6]\n"
                    "  %1 = concatenate(%0, %y, axis=1) : {0}[50,11]\n  return %1\n}}\n",
                    dtype));
  }
}

// Side by side along the rows: rows of their own, parts of longer ones, single columns.
TEST(WovenTest, ConcatenatedRows) {
  for (const std::int64_t rows : {16, 40, 300}) {
    expect_same(fmt::format(
        "needle 1\n\ngraph g(%a: f32[{0}], %b: f32[{0},3], %c: f32[{0},9]) -> f32[{0},8] {{\n"
        "  %0 = reshape(%a) : f32[{0},1]\n"
        "  %1 = sqrt(%b) : f32[{0},3]\n"
        "  %2 = slice(%c, start=[0,2], limit=[{0},9], stride=[1,2]) : f32[{0},4]\n"
        "  %3 = concatenate(%0, %1, %2, axis=1) : f32[{0},8]\n  return %3\n}}\n",
        rows));
    expect_same(
        fmt::format("needle 1\n\ngraph g(%c: f16[{0},9]) -> (f16[{0},4], f32[{0},4]) {{\n"
                    "  %0 = slice(%c, start=[0,5], limit=[{0},9], stride=[1,1]) : f16[{0},4]\n"
                    "  %1 = neg(%0) : f16[{0},4]\n  %2 = convert(%0) : f32[{0},4]\n"
                    "  %3 = make_tuple(%1, %2) : (f16[{0},4], f32[{0},4])\n  return %3\n}}\n",
                    rows));
  }
}

// Pictures: whole rows of them are padding, and so are the ends of others.
TEST(WovenTest, PaddedPictures) {
  for (const char* dtype : {"f32", "f16", "u8"}) {
    for (const std::int64_t channels : {2, 3, 4}) {
      expect_same(
          fmt::format("needle 1\n\ngraph g(%x: {0}[2,5,40,{1}]) -> {0}[2,9,53,{1}] {{\n"
                      "  %0 = constant(3) : {0}[]\n"
                      "  %1 = pad(%x, %0, low=[0,3,2,0], high=[0,1,11,0]) : {0}[2,9,53,{1}]\n"
                      "  %2 = add(%1, %1) : {0}[2,9,53,{1}]\n  return %2\n}}\n",
                      dtype, channels));
    }
  }
}

TEST(WovenTest, PaddedAndReversedRows) {
  expect_same(
      "needle 1\n\ngraph g(%x: f32[60,3]) -> f32[70,7] {\n  %0 = constant(2) : f32[]\n"
      "  %1 = pad(%x, %0, low=[4,1], high=[6,3]) : f32[70,7]\n  %2 = abs(%1) : f32[70,7]\n"
      "  return %2\n}\n");
  expect_same(
      "needle 1\n\ngraph g(%x: f32[70,7]) -> f32[70,7] {\n"
      "  %0 = reverse(%x, axes=[1]) : f32[70,7]\n  %1 = add(%0, %x) : f32[70,7]\n"
      "  %2 = reverse(%1, axes=[0]) : f32[70,7]\n  return %2\n}\n");
  expect_same(
      "needle 1\n\ngraph g(%x: f32[5,40,6]) -> f32[5,40,6] {\n"
      "  %0 = iota(axis=2) : f32[5,40,6]\n  %1 = mul(%0, %x) : f32[5,40,6]\n  return %1\n}\n");
}

// That the tests above are about what they say.
TEST(WovenTest, ShortRowsAreWoven) {
  const auto nest = [](std::int64_t rows, std::int64_t columns) {
    const ir::Graph fused = passes::run_pipeline(ir::parse(beside("f32", rows, columns)),
                                                 passes::parse_pipeline("canonicalize,fuse"));
    const Schedule schedule = lower_graph(fused);
    EXPECT_EQ(schedule.kernels.size(), 1U);
    return schedule.kernels.at(0);
  };
  EXPECT_TRUE(is_woven(nest(64, 3)));
  EXPECT_TRUE(is_woven(nest(16, 8)));
  EXPECT_FALSE(is_woven(nest(64, 7)));
  EXPECT_FALSE(is_woven(nest(64, 16)));
  EXPECT_FALSE(is_woven(nest(15, 3)));
}

}  // namespace
}  // namespace ndl::codegen
