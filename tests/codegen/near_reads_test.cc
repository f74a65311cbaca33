// Reads of every second element, every third, backwards, and of windows that lie so, give the
// interpreter's bits: whole vectors of what lies between are taken apart.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "tests/codegen/compare_program.h"

namespace ndl::codegen {
namespace {

void expect_same(const std::string& text) { ASSERT_EQ(difference_on_any_cpu(text), "") << text; }

// Every `stride`-th of the elements from `first` on, so many of them.
std::string every(const char* dtype, std::int64_t stride, std::int64_t first, std::int64_t count) {
  const std::int64_t limit = first + (count - 1) * stride + 1;  // ends with the last one
  return fmt::format(
      "needle 1\n\ngraph g(%x: {0}[3,{1}]) -> {0}[3,{4}] {{\n"
      "  %0 = slice(%x, start=[0,{2}], limit=[3,{1}], stride=[1,{3}]) : {0}[3,{4}]\n"
      "  return %0\n}}\n",
      dtype, limit, first, stride, count);
}

std::string reversed(const char* dtype, std::int64_t count) {
  return fmt::format(
      "needle 1\n\ngraph g(%x: {0}[2,{1}]) -> {0}[2,{1}] {{\n"
      "  %0 = reverse(%x, axes=[1]) : {0}[2,{1}]\n  return %0\n}}\n",
      dtype, count);
}

TEST(NearReadsTest, Distances) {
  for (const std::int64_t stride : {2, 3, 4, 5, 7, 8, 9, 16}) {
    for (const std::int64_t count : {1, 4, 15, 16, 17, 64, 100}) {
      expect_same(every("f32", stride, 1, count));
    }
  }
  for (const std::int64_t count : {2, 15, 16, 17, 64, 100}) expect_same(reversed("f32", count));
}

TEST(NearReadsTest, EveryDtype) {
  for (const char* dtype : {"bool", "i8", "u8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64"}) {
    expect_same(every(dtype, 2, 0, 70));
    expect_same(every(dtype, 3, 2, 32));
    expect_same(reversed(dtype, 70));
  }
}

// Some lanes of a vector are padding, others are not; windows overlap, or leave elements out.
TEST(NearReadsTest, Windows) {
  for (const char* dtype : {"f32", "f16", "i8"}) {
    for (const std::int64_t stride : {1, 2, 3}) {
      for (const std::int64_t dilation : {1, 2}) {
        const std::int64_t out = (70 + 2 - 2 * dilation - 1) / stride + 1;
        expect_same(fmt::format(
            "needle 1\n\ngraph g(%x: {0}[2,9,70]) -> {0}[2,9,{1}] {{\n"
            "  %0 = reduce_window(%x, kind=max, size=[1,3,3], stride=[1,1,{2}], low=[0,1,1], "
            "high=[0,1,1], dilation=[1,1,{3}]) : {0}[2,9,{1}]\n  return %0\n}}\n",
            dtype, out, stride, dilation));
      }
    }
  }
}

TEST(NearReadsTest, ReversedPadding) {
  expect_same(
      "needle 1\n\ngraph g(%x: f32[5,40]) -> f32[5,33] {\n  %0 = constant(2) : f32[]\n"
      "  %1 = pad(%x, %0, low=[0,11], high=[0,15]) : f32[5,66]\n"
      "  %2 = reverse(%1, axes=[1]) : f32[5,66]\n"
      "  %3 = slice(%2, start=[0,0], limit=[5,66], stride=[1,2]) : f32[5,33]\n  return %3\n}\n");
}

}  // namespace
}  // namespace ndl::codegen
