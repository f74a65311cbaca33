#include "tools/index_limits.h"

#include <gtest/gtest.h>

#include "ir/parser.h"

namespace ndl::tools {
namespace {

std::vector<ir::Dims> limits_of(const std::string& body) {
  return index_limits(ir::parse("needle 1\n\ngraph f" + body));
}

TEST(IndexLimits, NothingReadsIndices) {
  EXPECT_EQ(limits_of("(%x: i32[3]) -> i32[3] {\n  %0 = neg(%x) : i32[3]\n  return %0\n}\n"),
            (std::vector<ir::Dims>{{}}));
}

TEST(IndexLimits, GatherAllowsTheExtentOfItsAxis) {
  EXPECT_EQ(limits_of("(%x: f32[3,7], %i: i32[4]) -> f32[3,4] {\n"
                      "  %0 = gather(%x, %i, axis=1) : f32[3,4]\n  return %0\n}\n"),
            (std::vector<ir::Dims>{{}, {6}}));
}

TEST(IndexLimits, TheSmallestOfSeveralUsesCounts) {
  EXPECT_EQ(limits_of("(%x: f32[7], %y: f32[5], %i: i64[4], %u: f32[4]) -> (f32[4], f32[5]) {\n"
                      "  %0 = gather(%x, %i, axis=0) : f32[4]\n"
                      "  %1 = scatter_add(%y, %i, %u, axis=0) : f32[5]\n"
                      "  %2 = make_tuple(%0, %1) : (f32[4], f32[5])\n  return %2\n}\n"),
            (std::vector<ir::Dims>{{}, {}, {4}, {}}));
}

TEST(IndexLimits, AWindowHasALimitForEachAxis) {
  EXPECT_EQ(limits_of("(%x: f32[9,5], %s: i32[2]) -> f32[2,5] {\n"
                      "  %0 = dynamic_slice(%x, %s) : f32[2,5]\n  return %0\n}\n"),
            (std::vector<ir::Dims>{{}, {7, 0}}));
  EXPECT_EQ(limits_of("(%x: f32[9,5], %u: f32[2,4], %s: i32[2]) -> f32[9,5] {\n"
                      "  %0 = dynamic_update_slice(%x, %u, %s) : f32[9,5]\n  return %0\n}\n"),
            (std::vector<ir::Dims>{{}, {}, {7, 1}}));
}

TEST(IndexLimits, ThroughOpsThatMoveElements) {
  EXPECT_EQ(limits_of("(%x: f32[9,5], %s: u8[4]) -> f32[2,2] {\n"
                      "  %0 = slice(%s, start=[1], limit=[3]) : u8[2]\n"
                      "  %1 = convert(%0) : i64[2]\n"
                      "  %2 = dynamic_slice(%x, %1) : f32[2,2]\n  return %2\n}\n"),
            (std::vector<ir::Dims>{{}, {3}}));
}

TEST(IndexLimits, AxesWithoutElementsLeaveNoIndexThatIsRight) {
  EXPECT_EQ(limits_of("(%x: f32[0], %i: i32[4]) -> f32[4] {\n"
                      "  %0 = gather(%x, %i, axis=0) : f32[4]\n  return %0\n}\n"),
            (std::vector<ir::Dims>{{}, {0}}));
}

}  // namespace
}  // namespace ndl::tools
