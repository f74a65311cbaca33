// Reductions of much to little, done as several kernels, give the interpreter's bits: for every
// kind and dtype, whether blocks come out even or not, with what comes before and after them.
#include "codegen/split_reduction.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "tests/codegen/compare_program.h"

namespace ndl::codegen {
namespace {

// Compares; one kernel, or several, as is expected.
enum class Kernels : std::uint8_t { kOne, kSeveral };
void expect_same(const std::string& text, Kernels kernels = Kernels::kSeveral) {
  const auto count_kernels = [&](const Program& program) {
    EXPECT_EQ(program.executable()->kernels().size() > 1, kernels == Kernels::kSeveral) << text;
  };
  ASSERT_EQ(difference_on_any_cpu(text, count_kernels), "");
}

std::string reduce(const char* dtype, const char* kind, const std::string& shape,
                   const std::string& axes, const std::string& result) {
  return fmt::format(
      "needle 1\n\ngraph g(%x: {0}[{2}]) -> {0}[{4}] {{\n"
      "  %0 = reduce(%x, kind={1}, axes=[{3}]) : {0}[{4}]\n  return %0\n}}\n",
      dtype, kind, shape, axes, result);
}

// Lanes inside: runs, their lanes, the rest.
TEST(SplitReduction, OfElements) {
  for (const char* shape : {"262144", "262145", "300000", "263167", "270336"}) {
    expect_same(reduce("f32", "sum", shape, "0", ""));
  }
  expect_same(reduce("f32", "sum", "600,512", "0,1", ""));
  expect_same(reduce("f32", "sum", "3,100003", "1", "3"));
  expect_same(reduce("f32", "sum", "2,65536,3", "1", "2,3"));
  expect_same(reduce("f32", "sum", "3,5,40000", "2", "3,5"));
}

// Lanes outside: blocks, the rest.
TEST(SplitReduction, OfRows) {
  for (const std::int64_t rows : {4096, 4097, 5000, 6311}) {
    expect_same(reduce("f32", "sum", fmt::format("{},100", rows), "0", "100"));
  }
  expect_same(reduce("f32", "sum", "64,40000", "0", "40000"));
  expect_same(reduce("f32", "sum", "2,100,2000", "1", "2,2000"));
  expect_same(reduce("f32", "sum", "3,2,777,130", "2", "3,2,130"));
}

TEST(SplitReduction, OfEveryKindAndDtype) {
  for (const char* dtype : {"i8", "u8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64"}) {
    for (const char* kind : {"sum", "prod", "max", "min"}) {
      expect_same(reduce(dtype, kind, "262244", "0", ""));
      expect_same(reduce(dtype, kind, "2077,130", "0", "130"));
    }
  }
  for (const char* kind : {"and", "or"}) {
    expect_same(reduce("bool", kind, "262244", "0", ""));
    expect_same(reduce("i32", kind, "2077,130", "0", "130"));
  }
}

// What is little, or has rows enough, stays one kernel.
TEST(SplitReduction, IsNotWorthItForLittle) {
  expect_same(reduce("f32", "sum", "4096", "0", ""), Kernels::kOne);
  expect_same(reduce("f32", "sum", "512,100", "0", "100"), Kernels::kOne);
  expect_same(reduce("f32", "sum", "16,50000", "1", "16"), Kernels::kOne);
  expect_same(reduce("f32", "sum", "63,50000", "0", "50000"), Kernels::kOne);
  expect_same(reduce("f32", "sum", "64,64,256", "1", "64,256"), Kernels::kOne);
}

// Two reductions of what is computed from inputs of all kinds, and what follows.
TEST(SplitReduction, WithWhatIsAroundIt) {
  const auto text = [](const std::string& n, const std::string& space, const std::string& axis,
                       const std::string& rows) {
    return fmt::format(
        "needle 1\n\ngraph g(%x: f32[{0}], %y: f16[{0}], %b: f32[{2}]) -> (f32[{2}], f32[{2}]) {{\n"
        "  %0 = convert(%y) : f32[{0}]\n"
        "  %1 = mul(%x, %0) : f32[{0}]\n"
        "  %2 = iota(axis={1}) : f32[{0}]\n"
        "  %3 = add(%1, %2) : f32[{0}]\n"
        "  %4 = reverse(%x, axes=[{1}]) : f32[{0}]\n"
        "  %5 = max(%3, %4) : f32[{0}]\n"
        "  %6 = reduce(%5, kind=max, axes=[{1}]) : f32[{2}]\n"
        "  %7 = reduce(%1, kind=sum, axes=[{1}]) : f32[{2}]\n"
        "  %8 = add(%6, %b) : f32[{2}]\n"
        "  %9 = sqrt(%7) : f32[{2}]\n"
        "  %10 = mul(%8, %9) : f32[{2}]\n"
        "  %11 = make_tuple(%10, %7) : (f32[{2}], f32[{2}])\n  return %11\n}}\n",
        n, axis, rows, space);
  };
  expect_same(text("200000", "", "0", ""));
  expect_same(text("3,70001", "", "1", "3"));
  expect_same(text("1711,130", "", "0", "130"));
  expect_same(text("2,711,130", "", "1", "2,130"));
}

// The elements are results themselves: not where the last lanes are not full.
TEST(SplitReduction, WithResultsOfTheWholeSpace) {
  const auto text = [](const std::string& space, const std::string& axes, const std::string& rows) {
    return fmt::format(
        "needle 1\n\ngraph g(%x: f32[{0}]) -> (f32[{0}], f32[{2}]) {{\n"
        "  %0 = mul(%x, %x) : f32[{0}]\n"
        "  %1 = reduce(%0, kind=sum, axes=[{1}]) : f32[{2}]\n"
        "  %2 = make_tuple(%0, %1) : (f32[{0}], f32[{2}])\n  return %2\n}}\n",
        space, axes, rows);
  };
  expect_same(text("10,49152", "1", "10"));
  expect_same(text("10,49184", "1", "10"));
  expect_same(text("10,49153", "1", "10"), Kernels::kOne);
  expect_same(text("2048,130", "0", "130"));
  expect_same(text("2049,130", "0", "130"));
}

// A row at each index, read where it says, and a window with padding around it.
TEST(SplitReduction, OfWhatIsReadElsewhere) {
  expect_same(
      "needle 1\n\ngraph g(%x: f32[50,130], %zero: i32[3001]) -> f32[130] {\n"
      "  %fifty = constant(50) : i32[3001]\n"
      "  %ones = iota(axis=0) : i32[3001]\n"
      "  %at = rem(%ones, %fifty) : i32[3001]\n"
      "  %0 = gather(%x, %at, axis=0) : f32[3001,130]\n"
      "  %1 = reduce(%0, kind=sum, axes=[0]) : f32[130]\n  return %1\n}\n");
  expect_same(
      "needle 1\n\ngraph g(%x: f32[262140]) -> f32[] {\n"
      "  %0 = constant(3) : f32[]\n"
      "  %1 = pad(%x, %0, low=[7], high=[9]) : f32[262156]\n"
      "  %2 = reduce(%1, kind=sum, axes=[0]) : f32[]\n  return %2\n}\n");
}

}  // namespace
}  // namespace ndl::codegen
