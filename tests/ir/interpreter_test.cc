#include "ir/interpreter.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>

#include "ir/parser.h"

namespace ndl::ir {
namespace {

// Predicates of a wide run are the typed run's, also inside a region: 1 + 6e-8 + 6e-8 is 1 in f32.
TEST(Interpreter, FusingDoesNotChangeWideResults) {
  const Graph graph = parse(R"(needle 1
graph g(%x: f32[]) -> (f32[], f32[]) {
  %c = constant(6e-08) : f32[]
  %k = constant(1.00000015) : f32[]
  %a = add(%x, %c) : f32[]
  %b = add(%a, %c) : f32[]
  %p = gt(%b, %k) : bool[]
  %s = select(%p, %x, %c) : f32[]
  %q = fusion(%b, %k, %x, %c) : f32[] body(%u: f32[], %v: f32[], %x: f32[], %c: f32[]) {
    %r = gt(%u, %v) : bool[]
    %s = select(%r, %x, %c) : f32[]
    return %s
  }
  %t = make_tuple(%s, %q) : (f32[], f32[])
  return %t
})");
  const Literal one = Literal::filled({DType::kF32, {}}, 1);
  const auto wide = interpret(graph, std::span(&one, 1), {.wide = true});
  EXPECT_EQ(wide[0], wide[1]);
  const auto typed = interpret(graph, std::span(&one, 1));
  EXPECT_EQ(typed[0], typed[1]);
}

TEST(Interpreter, WideRunsCountTheirOwnMemory) {
  const Graph graph =
      parse("needle 1 graph f(%x: f16[100]) -> f16[100] { %0 = exp(%x) return %0 }");
  EXPECT_EQ(peak_bytes(graph), 400);
  EXPECT_EQ(peak_bytes(graph, true), 2000);
}

TEST(Interpreter, NaNsAreAlikeInTheirBits) {
  const Graph graph =
      parse("needle 1 graph f(%x: f32[3]) -> i32[3] { %0 = bitcast(%x) : i32[3] return %0 }");
  const std::uint32_t bits[] = {0x7f800001, 0xffc00000, 0x80000000};
  float values[3];
  std::memcpy(values, bits, sizeof(bits));
  const Literal x = Literal::dense<float>({3}, values);
  EXPECT_EQ(interpret(graph, std::span(&x, 1)).front(),
            Literal::dense<std::int32_t>({3}, {0x7fc00000, 0x7fc00000, -0x7fffffff - 1}));
}

TEST(Interpreter, ScalarsThatAreNoValuesAreRefused) {
  const auto add = [](const char* dtype, const char* scalar) {
    return parse(
        fmt::format("needle 1 graph f(%x: {0}[1]) -> ({0}[1]) {{\n"
                    "%0 = fused_add_scalars(%x, scalars=[{1}])\nreturn %0 }}",
                    dtype, scalar));
  };
  EXPECT_THROW(add("i64", "9007199254740993"), DTypeError);
  EXPECT_THROW(add("i64", "9223372036854775807"), DTypeError);
  EXPECT_THROW(add("i8", "128"), DTypeError);
  EXPECT_THROW(add("i8", "0.5"), DTypeError);
  EXPECT_THROW(add("f16", "1e10"), DTypeError);
  EXPECT_EQ(add("f16", "inf").size(), 2u);
  EXPECT_EQ(add("i64", "-9007199254740991").size(), 2u);
}

}  // namespace
}  // namespace ndl::ir
