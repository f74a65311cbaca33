// Size and depth: nothing recurses over a graph, and what nests is bounded.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/error.h"
#include "ir/builder.h"
#include "ir/interpreter.h"
#include "ir/parser.h"
#include "ir/printer.h"
#include "ir/verifier.h"
#include "passes/canonicalize.h"
#include "passes/expand.h"

namespace ndl::ir {
namespace {

TEST(LargeGraph, AChainOfAMillionNodesLivesAndDies) {
  constexpr int kNodes = 1'000'000;
  Graph graph("chain");
  {
    Builder b(graph);
    Value y = b.parameter({DType::kF32, {2}}, "x");
    for (int i = 0; i < kNodes; ++i) y = i % 2 == 0 ? b.neg(y) : b.exp(y);
    b.set_result(y);
  }
  const std::string text = print(graph);
  const Graph parsed = parse(text);
  EXPECT_EQ(parsed, graph);
  verify(parsed);
  const Graph simple = passes::run_canonicalize(parsed, {});
  EXPECT_EQ(simple.size(), graph.size());
  EXPECT_EQ(passes::run_expand(simple, {}), simple);
  const Literal x = Literal::filled({DType::kF32, {2}}, 0.5);
  EXPECT_EQ(interpret(simple, std::span(&x, 1)).front(),
            interpret(graph, std::span(&x, 1)).front());
}

TEST(LargeGraph, AMillionNegationsCancel) {
  Graph graph("chain");
  Builder b(graph);
  const Value x = b.parameter({DType::kF32, {2}}, "x");
  Value y = x;
  for (int i = 0; i < 1'000'000; ++i) y = b.neg(y);
  b.set_result(y);
  const Graph simple = passes::run_canonicalize(graph, {});
  EXPECT_EQ(simple.size(), 1u);
  EXPECT_EQ(simple.result(), x);
}

TEST(LargeGraph, ATupleOfAHundredThousand) {
  constexpr std::int64_t kElements = 100'000;
  Graph graph("wide");
  Builder b(graph);
  const Value x = b.parameter({DType::kI32, {}}, "x");
  const Value tuple = b.make_tuple(std::vector<Value>(kElements, x));
  Value sum = x;
  for (std::int64_t i = 0; i < kElements; ++i) sum = b.add(sum, b.get_tuple_element(tuple, i));
  b.set_result(sum);
  EXPECT_EQ(parse(print(graph)), graph);
  const Literal one = Literal::filled({DType::kI32, {}}, 1);
  EXPECT_EQ(interpret(graph, std::span(&one, 1)).front().at<std::int32_t>(0), kElements + 1);
}

TEST(LargeGraph, NamesThatRepeatPrintInLinearTime) {
  Graph graph("names");
  Builder b(graph);
  Value y = b.parameter({DType::kF32, {}}, "h");
  for (int i = 0; i < 200'000; ++i) {
    y = b.exp(y);
    graph.set_name(y, "h");
  }
  b.set_result(y);
  const std::string text = print(graph);
  EXPECT_EQ(print(parse(text)), text);
}

TEST(LargeGraph, WindowsAndAxesWithNothingInThemTakeNoTime) {
  const Literal one = Literal::filled({DType::kF32, {1}}, 2);
  const Graph window = parse(
      "needle 1 graph f(%x: f32[1]) -> f32[1] {\n%0 = reduce_window(%x, kind=sum, "
      "size=[1000000000000000], high=[999999999999999])\nreturn %0 }");
  EXPECT_EQ(interpret(window, std::span(&one, 1)).front(), one);
  for (const char* op : {"sort(%x, axis=1)", "argmax(%x, axis=1)", "gather(%x, %i, axis=1)"}) {
    const Graph graph = parse(fmt::format(
        "needle 1 graph f(%i: i32[3]) -> i32[3] {{\n%c = constant(1) : f32[1]\n"
        "%e = slice(%c, start=[0], limit=[0])\n%x = reshape(%e) : f32[1000000000000000,5,0]\n"
        "%0 = {}\n%t = make_tuple(%i, %0)\n%1 = get_tuple_element(%t, index=0)\nreturn %1 }}",
        op));
    const Literal indices = Literal::zeros({DType::kI32, {3}});
    EXPECT_EQ(interpret(graph, std::span(&indices, 1)).front(), indices) << op;
  }
}

TEST(LargeGraph, ATupleTooWideToSplitIsRefused) {
  EXPECT_THROW(parse("needle 1 graph f(%x: f32[1025]) -> f32[1025] {\n%0 = split(%x, axis=0)\n"
                     "return %x }"),
               ShapeError);
}

std::string nested_fusions(int depth) {
  std::string text = "needle 1\ngraph f(%x: f32[]) -> f32[] {\n";
  std::string end;
  std::string operand = "%x";
  for (int i = 0; i < depth; ++i) {
    text += "%0 = fusion(" + operand + ") : f32[] body(%a: f32[]) {\n";
    end += "return %0\n}\n";
    operand = "%a";
  }
  return text + "return " + (depth == 0 ? "%x" : "%a") + "\n}\n" + end;
}

TEST(LargeGraph, RegionsNest256Deep) {
  for (const int depth : {0, 1, 255, 256}) {
    const Graph graph = parse(nested_fusions(depth));
    verify(graph);
    EXPECT_EQ(parse(print(graph)), graph);
    const Literal x = Literal::filled({DType::kF32, {}}, 2);
    EXPECT_EQ(interpret(graph, std::span(&x, 1)).front(), x);
    EXPECT_EQ(passes::run_canonicalize(graph, {}).size(), graph.size());
  }
  for (const int depth : {257, 1'000, 100'000}) {
    EXPECT_THROW(parse(nested_fusions(depth)), ParseError) << depth;
  }
}

TEST(LargeGraph, DeepNonsenseIsRefusedAtOnce) {
  const std::string head = "needle 1\ngraph f() -> f32[] {\n%0 = constant(";
  for (const char* bracket : {"[", "(", "[[", "{"}) {
    std::string text = head;
    for (int i = 0; i < 1'000'000; ++i) text += bracket;
    EXPECT_THROW(parse(text), ParseError);
  }
  std::string types = "needle 1\ngraph f(%x: ";
  for (int i = 0; i < 1'000'000; ++i) types += '(';
  EXPECT_THROW(parse(types), ParseError);
}

TEST(LargeGraph, AnErrorInAVeryLongLineShowsAPieceOfIt) {
  const std::string text =
      "needle 1\ngraph f(%x: f32[3]) -> f32[3] { return " + std::string(10'000'000, ' ') + "? }";
  try {
    parse(text);
    FAIL();
  } catch (const ParseError& error) {
    EXPECT_LT(std::string(error.what()).size(), 1000u);
    EXPECT_EQ(error.diagnostic().location.column, 39 + 1 + 10'000'000);
  }
}

TEST(LargeGraph, TooMuchMemoryIsRefusedBeforeItIsTaken) {
  const Graph graph = parse(
      "needle 1\ngraph f() -> f32[1000000000000] {\n"
      "%0 = constant(1) : f32[1000000000000]\n%1 = exp(%0)\nreturn %1\n}");
  try {
    interpret(graph, {});
    FAIL();
  } catch (const ResourceError& error) {
    EXPECT_TRUE(error.message().starts_with("graph 'f' needs 8000000000000 bytes, limit "))
        << error.message();
  }
  InterpretOptions options;
  options.memory_limit = 7;
  EXPECT_THROW(
      interpret(parse("needle 1 graph f() -> f32[2] { %0 = constant(1) : f32[2] return %0 }"), {},
                options),
      ResourceError);
}

}  // namespace
}  // namespace ndl::ir
