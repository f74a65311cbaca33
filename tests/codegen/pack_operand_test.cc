// Products whose right operand is laid out anew give the interpreter's bits, whatever the operand
// is made of and whatever follows.
#include "codegen/pack_operand.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "codegen/lower_graph.h"
#include "codegen/program.h"
#include "ir/parser.h"
#include "tests/codegen/compare_program.h"
#include "tests/same_results.h"

namespace ndl::codegen {
namespace {

// Compares, and expects so many kernels.
void expect_same(const std::string& text, std::size_t kernels) {
  const ir::Graph graph = ir::parse(text);
  const std::vector<ir::Literal> inputs = test::random_inputs(graph, 1);
  const test::Outcome want = test::run(graph, inputs);
  for (const char* cpu : {"native", "x86-64-v3"}) {
    CompileOptions options;
    options.cpu = cpu;
    const auto program = compile(graph, options);
    EXPECT_EQ(program->executable()->kernels().size(), kernels) << text;
    ASSERT_EQ(difference_on_any_threads(want, *program, inputs), "") << cpu << "\n" << text;
  }
}

std::string matmul(const char* dtype, std::int64_t m, std::int64_t k, std::int64_t n) {
  return fmt::format(
      "needle 1\n\ngraph g(%a: {0}[{1},{2}], %b: {0}[{2},{3}]) -> {0}[{1},{3}] {{\n"
      "  %0 = matmul(%a, %b) : {0}[{1},{3}]\n  return %0\n}}\n",
      dtype, m, k, n);
}

// The panels, the product, the columns that are left.
TEST(PackOperand, Sizes) {
  for (const std::int64_t m : {128, 130, 141}) {
    expect_same(matmul("f32", m, 300, 1024), 2);
    expect_same(matmul("f32", m, 4099, 129), 3);
  }
  expect_same(matmul("f32", 128, 513, 2048), 2);
  expect_same(matmul("f32", 128, 4100, 191), 3);
}

TEST(PackOperand, IsNotWorthItForLittle) {
  expect_same(matmul("f32", 127, 300, 1024), 1);
  expect_same(matmul("f32", 128, 200, 1024), 1);
  expect_same(matmul("f32", 128, 4000, 127), 1);
  expect_same(matmul("f32", 128, 300, 1000), 1);
}

TEST(PackOperand, EveryDtype) {
  for (const char* dtype : {"f64", "f16", "bf16", "i64", "i32", "i16", "i8", "u8"}) {
    expect_same(matmul(dtype, 128, 257, 1024), 2);
  }
}

// A part of the right operand for each of a batch, one for all, or one for some.
TEST(PackOperand, Batches) {
  const auto text = [](const char* a, const char* b, const char* result) {
    return fmt::format(
        "needle 1\n\ngraph g(%a: f32[{0}128,260], %b: f32[{1}260,1024]) -> f32[{2}128,1024] {{\n"
        "  %0 = matmul(%a, %b) : f32[{2}128,1024]\n  return %0\n}}\n",
        a, b, result);
  };
  expect_same(text("3,", "", "3,"), 2);
  expect_same(text("", "3,", "3,"), 2);
  expect_same(text("2,1,", "3,", "2,3,"), 2);
  expect_same(text("2,3,", "2,3,", "2,3,"), 2);
  expect_same(text("3,2,", "3,1,", "3,2,"), 2);
}

TEST(PackOperand, WhatFollows) {
  expect_same(
      "needle 1\n\ngraph g(%a: f32[130,300], %b: f32[300,1024], %row: f32[1024], "
      "%column: f32[130,1], %x: f32[1024,130]) -> (f32[130,1024], f32[130,1024]) {\n"
      "  %0 = matmul(%a, %b) : f32[130,1024]\n"
      "  %1 = broadcast(%row) : f32[130,1024]\n"
      "  %2 = broadcast(%column) : f32[130,1024]\n"
      "  %3 = transpose(%x, permutation=[1,0]) : f32[130,1024]\n"
      "  %4 = add(%0, %1) : f32[130,1024]\n"
      "  %5 = mul(%4, %2) : f32[130,1024]\n"
      "  %6 = max(%5, %3) : f32[130,1024]\n"
      "  %7 = make_tuple(%6, %4) : (f32[130,1024], f32[130,1024])\n  return %7\n}\n",
      2);
}

// Turned, converted, scaled and masked on the way, once for each element.
TEST(PackOperand, WhatComesBefore) {
  expect_same(
      "needle 1\n\ngraph g(%a: f32[130,300], %b: f32[1024,300]) -> f32[130,1024] {\n"
      "  %0 = transpose(%b, permutation=[1,0]) : f32[300,1024]\n"
      "  %1 = matmul(%a, %0) : f32[130,1024]\n  return %1\n}\n",
      2);
  expect_same(
      "needle 1\n\ngraph g(%a: f32[300,130], %b: f16[300,1024], %scale: f32[1024], "
      "%mask: bool[300,1]) -> f32[130,1024] {\n"
      "  %0 = convert(%b) : f32[300,1024]\n"
      "  %1 = broadcast(%scale) : f32[300,1024]\n"
      "  %2 = mul(%0, %1) : f32[300,1024]\n"
      "  %3 = broadcast(%mask) : bool[300,1024]\n"
      "  %4 = constant(0) : f32[300,1024]\n"
      "  %5 = select(%3, %2, %4) : f32[300,1024]\n"
      "  %6 = transpose(%a, permutation=[1,0]) : f32[130,300]\n"
      "  %7 = matmul(%6, %5) : f32[130,1024]\n  return %7\n}\n",
      2);
}

// The kernels of a convolution are a matrix as well.
TEST(PackOperand, Convolution) {
  expect_same(
      "needle 1\n\ngraph g(%x: f32[1,12,14,33], %k: f32[3,3,33,1024]) -> f32[1,12,14,1024] {\n"
      "  %0 = conv(%x, %k, stride=[1,1], low=[1,1], high=[1,1], base_dilation=[1,1], "
      "dilation=[1,1], groups=1) : f32[1,12,14,1024]\n  return %0\n}\n",
      2);
  expect_same(
      "needle 1\n\ngraph g(%x: f32[2,9,9,130], %k: f32[3,3,65,1024]) -> f32[2,9,9,1024] {\n"
      "  %0 = conv(%x, %k, stride=[1,1], low=[1,1], high=[1,1], base_dilation=[1,1], "
      "dilation=[1,1], groups=2) : f32[2,9,9,1024]\n  return %0\n}\n",
      2);
}

}  // namespace
}  // namespace ndl::codegen
