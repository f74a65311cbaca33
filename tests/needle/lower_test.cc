#include "needle/lower.h"

#include <gtest/gtest.h>

#include "ir/printer.h"
#include "ir/verifier.h"
#include "needle/needle.h"

namespace ndl {
namespace {

Lowered lowered(std::initializer_list<Value> roots) {
  std::vector<RecordRef> records;
  for (const Value& root : roots) records.push_back(root.record());
  Garbage garbage;
  const std::lock_guard lock(record_mutex());
  Lowered result = lower(records, garbage);
  ir::verify(result.graph);
  return result;
}

TEST(Lower, LeavesAreParametersAndNumbersAreArguments) {
  const Tensor x({1, 2, 3});
  const Lowered result = lowered({x * 0.1 + x});
  EXPECT_EQ(ir::print(result.graph),
            "needle 1\n\n"
            "graph main(%0: f32[3], %1: f32[]) -> f32[3] {\n"
            "  %2 = broadcast(%1) : f32[3]\n"
            "  %3 = mul(%0, %2) : f32[3]\n"
            "  %4 = add(%3, %0) : f32[3]\n"
            "  return %4\n"
            "}\n");
  ASSERT_EQ(result.inputs.size(), 2u);
  EXPECT_EQ(result.inputs[0], x.record());
  EXPECT_TRUE(result.inputs[1]->is_scalar);
}

TEST(Lower, StructuralNumbersAreConstants) {
  const Tensor x({1, 2, 3});
  EXPECT_EQ(ir::print(lowered({(x + (-1)) * 0.5}).graph),
            "needle 1\n\n"
            "graph main(%0: f32[3]) -> f32[3] {\n"
            "  %1 = constant(-1) : f32[3]\n"
            "  %2 = add(%0, %1) : f32[3]\n"
            "  %3 = constant(0.5) : f32[3]\n"
            "  %4 = mul(%2, %3) : f32[3]\n"
            "  return %4\n"
            "}\n");
}

// Another learning rate, another value: the same graph, so the same program.
TEST(Lower, StructureDoesNotDependOnValues) {
  const Tensor w({1, 2});
  const Tensor v({5, 6});
  EXPECT_EQ(lowered({w - 0.1 * w}).graph, lowered({v - 0.3 * v}).graph);
}

TEST(Lower, ConvertsBeforeItBroadcasts) {
  const Tensor i({1, 2}, {.dtype = DType::kI32});
  const Tensor x({{1, 2}, {3, 4}});
  EXPECT_EQ(ir::print(lowered({x + i}).graph),
            "needle 1\n\n"
            "graph main(%0: f32[2,2], %1: i32[2]) -> f32[2,2] {\n"
            "  %2 = convert(%1) : f32[2]\n"
            "  %3 = broadcast(%2) : f32[2,2]\n"
            "  %4 = add(%0, %3) : f32[2,2]\n"
            "  return %4\n"
            "}\n");
}

TEST(Lower, SeveralRootsAreATuple) {
  const Tensor x({1});
  EXPECT_EQ(ir::print(lowered({-x, fused_add_scalars(x, 1, 2)}).graph),
            "needle 1\n\n"
            "graph main(%0: f32[1]) -> (f32[1], f32[1], f32[1]) {\n"
            "  %1 = neg(%0) : f32[1]\n"
            "  %2 = fused_add_scalars(%0, scalars=[1, 2]) : (f32[1], f32[1])\n"
            "  %3 = get_tuple_element(%2, index=0) : f32[1]\n"
            "  %4 = get_tuple_element(%2, index=1) : f32[1]\n"
            "  %5 = make_tuple(%1, %3, %4) : (f32[1], f32[1], f32[1])\n"
            "  return %5\n"
            "}\n");
}

TEST(Lower, StopsAtWhatIsRealized) {
  const Tensor x({1});
  const Tensor y = exp(x);
  y.realize();
  EXPECT_EQ(lowered({y + y}).inputs, std::vector<RecordRef>{y.record()});
}

TEST(Lower, DetachedTensorsReadTheirSource) {
  const Tensor x({1});
  const Tensor y = exp(x);
  EXPECT_EQ(ir::print(lowered({y.detach() + y}).graph),
            "needle 1\n\n"
            "graph main(%0: f32[1]) -> f32[1] {\n"
            "  %1 = exp(%0) : f32[1]\n"
            "  %2 = add(%1, %1) : f32[1]\n"
            "  return %2\n"
            "}\n");
}

TEST(Lower, LinesOfTheProgramAreLocations) {
  const Tensor x({1});
  const int line = std::source_location::current().line() + 1;
  const Tensor y = x * 3;
  const Lowered result = lowered({y});
  const SourceLocation location = result.graph.location(result.graph.result());
  EXPECT_EQ(location.line, line);
  EXPECT_NE(location.file.find("lower_test.cc"), std::string::npos);
}

}  // namespace
}  // namespace ndl
