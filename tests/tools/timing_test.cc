#include "tools/timing.h"

#include <gtest/gtest.h>

namespace ndl::tools {
namespace {

TEST(Timing, CallsOnceMoreThanItTimesAndAtLeastFiveTimes) {
  std::int64_t calls = 0;
  const Timing timing = time_calls([&] { ++calls; }, 0);
  EXPECT_EQ(timing.calls, 5);
  EXPECT_EQ(calls, 6);
}

TEST(Timing, GoesOnForAsLongAsAsked) {
  const Timing timing = time_calls([] {}, 0.01);
  EXPECT_GT(timing.calls, 5);
  EXPECT_LE(timing.min, timing.median);
  EXPECT_LE(timing.median, timing.p95);
  EXPECT_GE(timing.cpu, 0);
}

}  // namespace
}  // namespace ndl::tools
