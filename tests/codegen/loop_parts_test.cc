// Loops that are cut where guards change: the cuts, and the interpreter's bits.
#include "codegen/loop_parts.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/codegen/compare_program.h"

namespace ndl::codegen {
namespace {

// A nest of one phase that reads under the guards.
LoopNest nest_with(std::vector<Guard> guards) {
  LoopNest nest;
  nest.outer = {10, 100};
  nest.outer_lanes = true;
  Instruction read;
  read.kind = InstructionKind::kRead;
  read.guards = std::move(guards);
  nest.instructions.push_back(read);
  nest.phases.push_back({{}, {0}, {}, {}, {}});
  return nest;
}

std::vector<std::int64_t> ends(const LoopNest& nest, std::size_t loop) {
  std::vector<std::int64_t> result;
  for (const LoopPart& part : parts_of_loop(nest, nest.phases, loop, nest.outer[loop])) {
    result.push_back(part.end);
  }
  return result;
}

using Ends = std::vector<std::int64_t>;

TEST(LoopParts, EndWhereAGuardBeginsOrCeasesToHold) {
  // 3 <= i1 < 40, then 10 <= 3 * i1 < 50, then 0 <= 30 - i1 < 20, then all of the loop.
  EXPECT_EQ(ends(nest_with({{{0, {0, 1}, {}}, 3, 40}}), 1), (Ends{3, 40, 100}));
  EXPECT_EQ(ends(nest_with({{{0, {0, 3}, {}}, 10, 50}}), 1), (Ends{4, 17, 100}));
  EXPECT_EQ(ends(nest_with({{{30, {0, -1}, {}}, 0, 20}}), 1), (Ends{11, 31, 100}));
  EXPECT_EQ(ends(nest_with({{{0, {0, 1}, {}}, 0, 100}}), 1), (Ends{100}));
}

TEST(LoopParts, AreOfTheLoopAlone) {
  const Guard both = {{0, {1, 1}, {}}, 3, 40};
  const Guard other = {{0, {1}, {}}, 3, 7};
  EXPECT_EQ(ends(nest_with({both, other}), 1), (Ends{100}));
  EXPECT_EQ(ends(nest_with({both, other}), 0), (Ends{3, 7, 10}));
  EXPECT_EQ(holds_in(both, {1, 0, 100}), std::nullopt);
  EXPECT_EQ(holds_in(other, {0, 3, 7}), true);
  EXPECT_EQ(holds_in(other, {0, 7, 10}), false);
  EXPECT_EQ(holds_in(other, {0, 6, 8}), std::nullopt);
}

TEST(LoopParts, AreNotMany) {
  std::vector<Guard> guards;
  for (std::int64_t i = 0; i < 20; ++i) guards.push_back({{0, {0, 1}, {}}, 0, 4 * i + 1});
  EXPECT_EQ(ends(nest_with(guards), 1), (Ends{100}));
}

void expect_same(const std::string& text) { ASSERT_EQ(difference_on_any_cpu(text), ""); }

// Extents around those of vectors and blocks; before and after the cut axis there are others.
TEST(LoopParts, OfConcatenations) {
  for (const char* dtype : {"f32", "f16", "i8", "f64"}) {
    for (const int first : {1, 7, 32, 65, 1000}) {
      for (const int second : {2, 33, 300}) {
        const int all = first + second;
        expect_same(fmt::format(R"(needle 1
graph f(%x: {0}[{1}], %y: {0}[{2}]) -> {0}[{3}] {{
  %a = neg(%x) : {0}[{1}]
  %b = abs(%y) : {0}[{2}]
  %c = concatenate(%a, %b, axis=0) : {0}[{3}]
  return %c
}})",
                                dtype, first, second, all));
        expect_same(fmt::format(R"(needle 1
graph f(%x: {0}[3,{1}], %y: {0}[3,{2}]) -> {0}[3,{3}] {{
  %a = neg(%x) : {0}[3,{1}]
  %b = abs(%y) : {0}[3,{2}]
  %c = concatenate(%a, %b, axis=1) : {0}[3,{3}]
  return %c
}})",
                                dtype, first, second, all));
      }
    }
    expect_same(fmt::format(R"(needle 1
graph f(%x: {0}[5,4,70], %y: {0}[5,2,70], %z: {0}[5,3,70]) -> {0}[5,9,70] {{
  %a = neg(%x) : {0}[5,4,70]
  %c = concatenate(%a, %y, %z, axis=1) : {0}[5,9,70]
  %d = sub(%c, %c) : {0}[5,9,70]
  %e = add(%c, %d) : {0}[5,9,70]
  return %e
}})",
                            dtype));
  }
}

// Enough elements for several threads, whose shares end anywhere.
TEST(LoopParts, OnSeveralThreads) {
  expect_same(R"(needle 1
graph f(%x: f32[100003], %y: f32[70001], %z: f32[30005]) -> f32[200009] {
  %a = floor(%x) : f32[100003]
  %b = mul(%y, %y) : f32[70001]
  %c = concatenate(%a, %b, %z, axis=0) : f32[200009]
  return %c
})");
}

TEST(LoopParts, OfPaddingAndOfGradientsOfSlices) {
  for (const int extent : {3, 40, 256}) {
    expect_same(fmt::format(R"(needle 1
graph f(%x: f32[6,{0}], %v: f32[]) -> f32[9,{1}] {{
  %p = pad(%x, %v, low=[1,2], high=[2,5]) : f32[9,{1}]
  %q = neg(%p) : f32[9,{1}]
  return %q
}})",
                            extent, extent + 7));
    expect_same(fmt::format(R"(needle 1
graph f(%x: f32[6,{0}], %y: f32[6,{0}]) -> f32[6,{1}] {{
  %z = constant(0) : f32[]
  %a = mul(%x, %y) : f32[6,{0}]
  %p = pad(%a, %z, low=[0,0], high=[0,{0}]) : f32[6,{1}]
  %q = pad(%y, %z, low=[0,{0}], high=[0,0]) : f32[6,{1}]
  %s = add(%p, %q) : f32[6,{1}]
  return %s
}})",
                            extent, 2 * extent));
  }
}

// Rows that are reduced, over what is concatenated along them.
TEST(LoopParts, InRows) {
  for (const int extent : {5, 64, 300}) {
    expect_same(fmt::format(R"(needle 1
graph f(%x: f32[4,{0}], %y: f32[4,33]) -> f32[4,{1}] {{
  %c = concatenate(%x, %y, axis=1) : f32[4,{1}]
  %m = reduce(%c, kind=sum, axes=[1]) : f32[4]
  %k = reshape(%m) : f32[4,1]
  %b = broadcast(%k) : f32[4,{1}]
  %s = sub(%c, %b) : f32[4,{1}]
  return %s
}})",
                            extent, extent + 33));
  }
}

}  // namespace
}  // namespace ndl::codegen
