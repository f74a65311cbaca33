// Contractions in tiles of registers give the interpreter's bits at every boundary of a tile.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "codegen/lower_graph.h"
#include "codegen/partition.h"
#include "codegen/program.h"
#include "codegen/target.h"
#include "ir/parser.h"
#include "tests/codegen/compare_program.h"
#include "tests/same_results.h"

namespace ndl::codegen {
namespace {

constexpr const char* kLevels[] = {"native", "x86-64-v3", "x86-64"};

void expect_same(const std::string& text) {
  const ir::Graph graph = ir::parse(text);
  const std::vector<ir::Literal> inputs = test::random_inputs(graph, 1);
  const test::Outcome want = test::run(graph, inputs);
  for (const char* cpu : kLevels) {
    // Floats are multiplied and added there in two roundings, so only integers are the same.
    if (std::string_view(cpu) == "x86-64" && text.find("i32") == std::string::npos) continue;
    CompileOptions options;
    options.cpu = cpu;
    ASSERT_EQ(difference_on_any_threads(want, *compile(graph, options), inputs), "") << cpu << "\n"
                                                                                     << text;
  }
}

std::string matmul(const char* dtype, std::int64_t m, std::int64_t k, std::int64_t n) {
  return fmt::format(
      "needle 1\n\ngraph g(%a: {0}[{1},{2}], %b: {0}[{2},{3}]) -> {0}[{1},{3}] {{\n"
      "  %0 = matmul(%a, %b) : {0}[{1},{3}]\n  return %0\n}}\n",
      dtype, m, k, n);
}

TEST(ContractionTest, HeightsOfTiles) {
  for (std::int64_t m = 1; m <= 26; ++m) {
    for (const std::int64_t n : {1, 16, 64}) expect_same(matmul("f32", m, 5, n));
  }
}

TEST(ContractionTest, WidthsOfTiles) {
  for (const std::int64_t n : {2, 7, 8, 9, 15, 17, 31, 32, 33, 47, 48, 49, 63, 65, 70, 128, 131}) {
    for (const std::int64_t m : {2, 7}) expect_same(matmul("f32", m, 3, n));
  }
}

TEST(ContractionTest, BlocksOfTheSum) {
  for (const std::int64_t k : {0, 1, 2, 511, 512, 513, 1024, 1100}) {
    expect_same(matmul("f32", 7, k, 20));
  }
}

TEST(ContractionTest, EveryDtype) {
  for (const char* dtype : {"f64", "f16", "bf16", "i64", "i32", "i16", "i8", "u8"}) {
    for (const std::int64_t n : {3, 16, 40, 64}) expect_same(matmul(dtype, 13, 17, n));
  }
}

TEST(ContractionTest, WhatFollowsAProductSeesItsPoint) {
  expect_same(
      "needle 1\n\ngraph g(%a: f32[13,9], %b: f32[9,37], %row: f32[37], %column: f32[13,1], "
      "%x: f32[37,13]) -> (f32[13,37], f32[13,37]) {\n"
      "  %0 = matmul(%a, %b) : f32[13,37]\n"
      "  %1 = broadcast(%row) : f32[13,37]\n"
      "  %2 = broadcast(%column) : f32[13,37]\n"
      "  %3 = transpose(%x, permutation=[1,0]) : f32[13,37]\n"
      "  %4 = add(%0, %1) : f32[13,37]\n"
      "  %5 = mul(%4, %2) : f32[13,37]\n"
      "  %6 = max(%5, %3) : f32[13,37]\n"
      "  %7 = make_tuple(%6, %4) : (f32[13,37], f32[13,37])\n  return %7\n}\n");
}

TEST(ContractionTest, BatchesBroadcast) {
  expect_same(
      "needle 1\n\ngraph g(%a: f32[3,1,8,10], %b: f32[2,10,33]) -> f32[3,2,8,33] {\n"
      "  %0 = matmul(%a, %b) : f32[3,2,8,33]\n  return %0\n}\n");
}

TEST(ContractionTest, ConvolutionsWithPaddingAndGroups) {
  for (const std::int64_t groups : {1, 2, 4}) {
    expect_same(fmt::format(
        "needle 1\n\ngraph g(%x: f32[2,9,11,4], %k: f32[3,3,{},20]) -> f32[2,9,11,20] {{\n"
        "  %0 = conv(%x, %k, stride=[1,1], low=[1,1], high=[1,1], base_dilation=[1,1], "
        "dilation=[1,1], groups={}) : f32[2,9,11,20]\n  return %0\n}}\n",
        4 / groups, groups));
  }
}

// The tile holds sums in three quarters of the registers, and covers the loop evenly.
TEST(ContractionTest, TilesFitRegisters) {
  for (const char* cpu : kLevels) {
    const Target target = target_anywhere(cpu);
    for (const std::int64_t n : {10, 64, 512}) {
      for (const std::int64_t m : {2, 6, 7, 64, 512}) {
        const ir::Graph graph = ir::parse(matmul("f32", m, 512, n));
        const Partition p = partition(lower_graph(graph).kernels.at(0), target);
        EXPECT_GT(p.tile, 1);
        EXPECT_LE(p.tile * p.unroll, target.vector_registers * 3 / 4);
        EXPECT_GE(p.tile * p.tiles, m);
        EXPECT_LE(p.tile * p.tiles, m + p.tiles - 1) << m << " in tiles of " << p.tile;
        EXPECT_LT((p.tiles - 1) * p.tile, m);
      }
    }
  }
}

}  // namespace
}  // namespace ndl::codegen
