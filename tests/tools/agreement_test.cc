#include "tools/agreement.h"

#include <gtest/gtest.h>

#include <string>

#include "ir/parser.h"

namespace ndl::tools {
namespace {

// x op y, over three elements.
ir::Graph binary(const std::string& op) {
  return ir::parse("needle 1\n\ngraph f(%x: f32[3], %y: f32[3]) -> f32[3] {\n  %0 = " + op +
                   "(%x, %y) : f32[3]\n  return %0\n}\n");
}

ir::Graph take(int index) {
  return ir::parse("needle 1\n\ngraph f(%x: f32[3]) -> f32[] {\n  %0 = constant(" +
                   std::to_string(index) +
                   ") : i32[]\n  %1 = gather(%x, %0, axis=0) : f32[]\n  return %1\n}\n");
}

TEST(Agreement, OfEqualGraphs) {
  const ir::Graph add = binary("add");
  const Lowering lowering{add, {{"one", add}, {"two", add}}, codegen::compile(add)};
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    EXPECT_FALSE(find_disagreement(lowering, seed, 1)) << seed;
  }
}

TEST(Agreement, TheFirstPassThatDiffersIsNamed) {
  const Lowering lowering{
      binary("add"),
      {{"fine", binary("add")}, {"wrong", binary("sub")}, {"worse", binary("mul")}},
      codegen::compile(binary("mul"))};
  const auto disagreement = find_disagreement(lowering, 0, 1);
  ASSERT_TRUE(disagreement);
  EXPECT_EQ(disagreement->where, "pass 'wrong'");
  EXPECT_NE(disagreement->what.find("output 0: 3 of 3 elements differ\n  output 0 at [0]: got "),
            std::string::npos);
  EXPECT_NE(disagreement->what.find(" ULP\n"), std::string::npos);
}

TEST(Agreement, CodeIsTheLastSuspect) {
  const Lowering lowering{
      binary("add"), {{"fine", binary("add")}}, codegen::compile(binary("sub"))};
  const auto disagreement = find_disagreement(lowering, 0, 1);
  ASSERT_TRUE(disagreement);
  EXPECT_EQ(disagreement->where, "code generation");
}

TEST(Agreement, EqualErrorsAgreeAndDifferentOnesDoNot) {
  EXPECT_FALSE(find_disagreement({take(7), {}, codegen::compile(take(7))}, 0, 1));
  const auto code = find_disagreement({take(7), {}, codegen::compile(take(8))}, 0, 1);
  ASSERT_TRUE(code);
  EXPECT_EQ(code->where, "code generation");
  EXPECT_NE(code->what.find("got the error '"), std::string::npos) << code->what;
  EXPECT_NE(code->what.find(", want the error '"), std::string::npos) << code->what;
}

TEST(Agreement, APassMayLoseAnErrorButAddsNone) {
  EXPECT_FALSE(find_disagreement({take(7), {{"dce", take(1)}}, codegen::compile(take(1))}, 0, 1));
  const auto added =
      find_disagreement({take(1), {{"wrong", take(7)}}, codegen::compile(take(7))}, 0, 1);
  ASSERT_TRUE(added);
  EXPECT_EQ(added->where, "pass 'wrong'");
  EXPECT_NE(added->what.find("want results"), std::string::npos) << added->what;
}

}  // namespace
}  // namespace ndl::tools
