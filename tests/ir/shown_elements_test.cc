#include "ir/shown_elements.h"

#include <gtest/gtest.h>

namespace ndl::ir {
namespace {

using Indices = std::vector<std::int64_t>;

TEST(ShownElements, SmallTensorsAreShownWhole) {
  EXPECT_FALSE(is_elided({1000}));
  EXPECT_EQ(shown_elements({1000}).size(), 1000u);
  EXPECT_EQ(shown_elements({2, 2}), (Indices{0, 1, 2, 3}));
  EXPECT_EQ(shown_elements({}), Indices{0});
  EXPECT_TRUE(shown_elements({2, 0}).empty());
}

TEST(ShownElements, LargeOnesByTheirEdges) {
  EXPECT_TRUE(is_elided({1001}));
  EXPECT_EQ(shown_indices({1001}).front(), (Indices{0, 1, 2, kElided, 998, 999, 1000}));
  EXPECT_EQ(shown_indices({1001, 2})[1], (Indices{0, 1}));
  EXPECT_EQ(shown_elements({2, 1000}),
            (Indices{0, 1, 2, 997, 998, 999, 1000, 1001, 1002, 1997, 1998, 1999}));
  // No axis is long enough to leave something out.
  EXPECT_FALSE(is_elided({6, 6, 6, 6}));
  EXPECT_EQ(shown_elements({6, 6, 6, 6}).size(), 1296u);
}

}  // namespace
}  // namespace ndl::ir
