// Reductions of short rows, done with the lanes across the rows, give the interpreter's bits for
// every length of a row, at the end of blocks of them, and whatever else the rows are.
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

// x less its largest element in a row, over the sum of these: both phases and both kinds of
// results.
std::string shares(const char* dtype, std::int64_t rows, std::int64_t columns) {
  return fmt::format(
      "needle 1\n\ngraph g(%x: {0}[{1},{2}]) -> ({0}[{1},{2}], {0}[{1}]) {{\n"
      "  %0 = reduce(%x, axes=[1], kind=max) : {0}[{1}]\n"
      "  %1 = reshape(%0) : {0}[{1},1]\n"
      "  %2 = broadcast(%1) : {0}[{1},{2}]\n"
      "  %3 = sub(%x, %2) : {0}[{1},{2}]\n"
      "  %4 = reduce(%3, axes=[1], kind=sum) : {0}[{1}]\n"
      "  %5 = reshape(%4) : {0}[{1},1]\n"
      "  %6 = broadcast(%5) : {0}[{1},{2}]\n"
      "  %7 = mul(%3, %6) : {0}[{1},{2}]\n"
      "  %8 = make_tuple(%7, %4) : ({0}[{1},{2}], {0}[{1}])\n  return %8\n}}\n",
      dtype, rows, columns);
}

// A function of x over its sum: an op that counts as dear, and has the same bits on every CPU.
std::string dear_shares(const char* dtype, std::int64_t rows, std::int64_t columns) {
  return fmt::format(
      "needle 1\n\ngraph g(%x: {0}[{1},{2}]) -> {0}[{1},{2}] {{\n"
      "  %0 = sqrt(%x) : {0}[{1},{2}]\n"
      "  %1 = reduce(%0, axes=[1], kind=sum) : {0}[{1}]\n"
      "  %2 = reshape(%1) : {0}[{1},1]\n"
      "  %3 = broadcast(%2) : {0}[{1},{2}]\n"
      "  %4 = div(%0, %3) : {0}[{1},{2}]\n  return %4\n}}\n",
      dtype, rows, columns);
}

TEST(TurnedRowsTest, Sizes) {
  for (const std::int64_t columns : {1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 16}) {
    for (const std::int64_t rows : {15, 16, 17, 31, 33, 64, 257}) {
      expect_same(shares("f32", rows, columns));
    }
    expect_same(dear_shares("f32", 50, columns));
  }
}

TEST(TurnedRowsTest, EveryDtype) {
  for (const char* dtype : {"i8", "u8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64"}) {
    for (const std::int64_t columns : {3, 8, 10}) expect_same(shares(dtype, 37, columns));
  }
  for (const char* dtype : {"f16", "bf16", "f64"}) expect_same(dear_shares(dtype, 37, 14));
  for (const std::int64_t columns : {3, 8, 10}) {
    expect_same(
        fmt::format("needle 1\n\ngraph g(%x: bool[37,{0}]) -> bool[37,{0}] {{\n"
                    "  %0 = reduce(%x, axes=[1], kind=and) : bool[37]\n"
                    "  %1 = reshape(%0) : bool[37,1]\n"
                    "  %2 = broadcast(%1) : bool[37,{0}]\n"
                    "  %3 = xor(%x, %2) : bool[37,{0}]\n  return %3\n}}\n",
                    columns));
  }
}

// Parts of longer rows, a row and a column beside each, rows turned around, and a gather along
// them.
TEST(TurnedRowsTest, WhatElseRowsAre) {
  for (const std::int64_t rows : {16, 40}) {
    expect_same(fmt::format(
        "needle 1\n\ngraph g(%x: f32[{0},30], %row: f32[10], %column: f32[{0}]) -> f32[{0}] {{\n"
        "  %0 = slice(%x, start=[0,7], limit=[{0},17], stride=[1,1]) : f32[{0},10]\n"
        "  %1 = broadcast(%row) : f32[{0},10]\n"
        "  %2 = mul(%0, %1) : f32[{0},10]\n"
        "  %3 = reshape(%column) : f32[{0},1]\n"
        "  %4 = broadcast(%3) : f32[{0},10]\n"
        "  %5 = add(%2, %4) : f32[{0},10]\n"
        "  %6 = reduce(%5, axes=[1], kind=sum) : f32[{0}]\n  return %6\n}}\n",
        rows));
    expect_same(
        fmt::format("needle 1\n\ngraph g(%x: f32[{0},9]) -> (f32[{0}], f32[9,{0}]) {{\n"
                    "  %0 = reverse(%x, axes=[1]) : f32[{0},9]\n"
                    "  %1 = mul(%0, %x) : f32[{0},9]\n"
                    "  %2 = reduce(%1, axes=[1], kind=sum) : f32[{0}]\n"
                    "  %3 = transpose(%1, permutation=[1,0]) : f32[9,{0}]\n"
                    "  %4 = make_tuple(%2, %3) : (f32[{0}], f32[9,{0}])\n  return %4\n}}\n",
                    rows));
    expect_same(
        fmt::format("needle 1\n\ngraph g(%x: f32[{0},6]) -> f32[{0}] {{\n"
                    "  %0 = constant(0) : f32[]\n"
                    "  %1 = pad(%x, %0, low=[0,2], high=[0,1]) : f32[{0},9]\n"
                    "  %2 = sqrt(%1) : f32[{0},9]\n"
                    "  %3 = reduce(%2, axes=[1], kind=sum) : f32[{0}]\n  return %3\n}}\n",
                    rows));
  }
}

// Along each row in order: running sums, and the first of the largest.
std::string in_order(const char* dtype, std::int64_t rows, std::int64_t columns) {
  return fmt::format(
      "needle 1\n\ngraph g(%x: {0}[{1},{2}]) -> ({0}[{1},{2}], i64[{1}]) {{\n"
      "  %0 = cumsum(%x, axis=1) : {0}[{1},{2}]\n"
      "  %1 = argmax(%x, axis=1) : i64[{1}]\n"
      "  %2 = make_tuple(%0, %1) : ({0}[{1},{2}], i64[{1}])\n  return %2\n}}\n",
      dtype, rows, columns);
}

// What is taken from each row at an index is read one by one, the row itself is turned.
TEST(TurnedRowsTest, GatheredFromRows) {
  for (const std::int64_t rows : {16, 100}) {
    expect_same(
        fmt::format("needle 1\n\ngraph g(%x: f32[{0},10]) -> f32[{0}] {{\n"
                    "  %0 = argmax(%x, axis=1) : i64[{0}]\n"
                    "  %1 = reduce(%x, axes=[1], kind=sum) : f32[{0}]\n"
                    "  %2 = gather(%x, %0, axis=1, batch_dims=1) : f32[{0}]\n"
                    "  %3 = sub(%1, %2) : f32[{0}]\n  return %3\n}}\n",
                    rows));
  }
}

TEST(TurnedRowsTest, InOrder) {
  for (const std::int64_t columns : {2, 3, 8, 10, 16, 17}) {
    for (const std::int64_t rows : {15, 16, 33, 257}) {
      expect_same(in_order("f32", rows, columns));
    }
  }
  for (const char* dtype : {"i8", "i64", "f16", "f64"}) expect_same(in_order(dtype, 100, 10));
}

// That the tests above are about what they say.
TEST(TurnedRowsTest, ShortReducedRowsAreTurned) {
  const auto is_turned = [](const std::string& text) {
    const ir::Graph fused =
        passes::run_pipeline(ir::parse(text), passes::parse_pipeline("canonicalize,fuse"));
    const Schedule schedule = lower_graph(fused);
    return has_turned_rows(schedule.kernels.back());
  };
  EXPECT_TRUE(is_turned(shares("f32", 64, 3)));
  EXPECT_TRUE(is_turned(shares("f32", 16, 12)));
  EXPECT_FALSE(is_turned(shares("f32", 16, 13)));
  EXPECT_FALSE(is_turned(shares("f32", 15, 12)));
  EXPECT_TRUE(is_turned(dear_shares("f32", 16, 16)));
  EXPECT_FALSE(is_turned(dear_shares("f32", 16, 17)));
  EXPECT_TRUE(
      is_turned("needle 1\n\ngraph g(%x: f32[50,9]) -> f32[50,9] {\n"
                "  %0 = cumsum(%x, axis=1) : f32[50,9]\n  return %0\n}\n"));
}

}  // namespace
}  // namespace ndl::codegen
