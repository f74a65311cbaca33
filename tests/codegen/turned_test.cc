// Maps that read across their lanes, done in tiles that are turned in registers, give the
// interpreter's bits at every boundary of a tile.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "codegen/lower_graph.h"
#include "codegen/partition.h"
#include "codegen/target.h"
#include "ir/parser.h"
#include "tests/codegen/compare_program.h"

namespace ndl::codegen {
namespace {

void expect_same(const std::string& text) { ASSERT_EQ(difference_on_any_cpu(text), ""); }

std::string transpose(const char* dtype, std::int64_t rows, std::int64_t columns) {
  return fmt::format(
      "needle 1\n\ngraph g(%x: {0}[{2},{1}]) -> {0}[{1},{2}] {{\n"
      "  %0 = transpose(%x, permutation=[1,0]) : {0}[{1},{2}]\n  return %0\n}}\n",
      dtype, rows, columns);
}

TEST(TurnedTest, Sizes) {
  for (const std::int64_t rows : {2, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 50}) {
    for (const std::int64_t columns : {2, 4, 7, 8, 15, 16, 17, 33, 127, 128, 129, 300}) {
      expect_same(transpose("f32", rows, columns));
    }
  }
}

TEST(TurnedTest, EveryDtype) {
  for (const char* dtype : {"bool", "i8", "u8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64"}) {
    for (const std::int64_t rows : {16, 21, 40}) expect_same(transpose(dtype, rows, 37));
  }
}

TEST(TurnedTest, WhatIsDoneWithTheElements) {
  for (const std::int64_t rows : {16, 19, 48}) {
    expect_same(
        fmt::format("needle 1\n\ngraph g(%x: f32[3,37,{0}], %y: f32[3,{0},37], %row: f32[37], "
                    "%column: f32[3,{0},1]) -> (f32[3,{0},37], i32[3,{0},37]) {{\n"
                    "  %0 = transpose(%x, permutation=[0,2,1]) : f32[3,{0},37]\n"
                    "  %1 = broadcast(%row) : f32[3,{0},37]\n"
                    "  %2 = broadcast(%column) : f32[3,{0},37]\n"
                    "  %3 = mul(%0, %1) : f32[3,{0},37]\n"
                    "  %4 = add(%3, %2) : f32[3,{0},37]\n"
                    "  %5 = max(%4, %y) : f32[3,{0},37]\n"
                    "  %6 = convert(%5) : i32[3,{0},37]\n"
                    "  %7 = make_tuple(%5, %6) : (f32[3,{0},37], i32[3,{0},37])\n  return %7\n}}\n",
                    rows));
  }
}

TEST(TurnedTest, PartsOfWhatIsTransposed) {
  expect_same(
      "needle 1\n\ngraph g(%x: f32[40,50]) -> f32[30,35] {\n"
      "  %0 = slice(%x, start=[3,7], limit=[38,37], stride=[1,1]) : f32[35,30]\n"
      "  %1 = transpose(%0, permutation=[1,0]) : f32[30,35]\n  return %1\n}\n");
  expect_same(
      "needle 1\n\ngraph g(%x: f32[2,5,17,6]) -> f32[2,6,5,17] {\n"
      "  %0 = transpose(%x, permutation=[0,3,1,2]) : f32[2,6,5,17]\n  return %0\n}\n");
}

// That the tests above are about what they say.
TEST(TurnedTest, TransposesAreTiled) {
  const Target target = target_named("native");
  const Schedule schedule = lower_graph(ir::parse(transpose("f32", 64, 64)));
  ASSERT_EQ(schedule.kernels.size(), 1U);
  EXPECT_EQ(partition(schedule.kernels[0], target).tile, target.vector_bytes / 4);
}

}  // namespace
}  // namespace ndl::codegen
