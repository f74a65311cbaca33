#include "runtime/buffer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"

namespace ndl::runtime {
namespace {

TEST(Buffer, AnEmptyHandleHoldsNothing) {
  Buffer buffer;
  EXPECT_FALSE(buffer);
  EXPECT_EQ(buffer.data(), nullptr);
  EXPECT_EQ(buffer.bytes(), 0);
  EXPECT_FALSE(buffer.unique());
  EXPECT_FALSE(buffer.can_donate());
}

TEST(Buffer, TheLastHandleFrees) {
  Allocator allocator;
  {
    Buffer a = Buffer::allocate(100, allocator);
    EXPECT_TRUE(a.unique());
    EXPECT_TRUE(a.can_donate());
    Buffer b = a;
    EXPECT_EQ(a, b);
    EXPECT_FALSE(a.unique());
    a = Buffer();
    EXPECT_TRUE(b.unique());
    EXPECT_EQ(b.bytes(), 100);
    const Buffer c = std::move(b);
    EXPECT_TRUE(c.unique());
    EXPECT_EQ(allocator.counters().live_bytes, 128);
  }
  EXPECT_EQ(allocator.counters().live_bytes, 0);
}

TEST(Buffer, AssigningItselfKeepsIt) {
  Allocator allocator;
  Buffer a = Buffer::allocate(8, allocator);
  const Buffer& same = a;
  a = same;
  EXPECT_TRUE(a.unique());
}

TEST(Buffer, NoBytes) {
  Allocator allocator;
  const Buffer a = Buffer::allocate(0, allocator);
  EXPECT_TRUE(a);
  EXPECT_NE(a.data(), nullptr);
}

TEST(Buffer, ExternalBytesAreReleasedOnceAndNeverDonated) {
  int released = 0;
  float value = 1;
  {
    const Buffer a = Buffer::external(
        &value, sizeof(value), [](void* count) { ++*static_cast<int*>(count); }, &released);
    const Buffer b = a;
    EXPECT_EQ(a.data(), &value);
    EXPECT_TRUE(b.is_external());
    EXPECT_EQ(released, 0);
  }
  EXPECT_EQ(released, 1);
  const Buffer alone = Buffer::external(&value, sizeof(value));
  EXPECT_TRUE(alone.unique());
  EXPECT_FALSE(alone.can_donate());
}

TEST(Buffer, MarkingExternalEndsDonation) {
  Buffer a = Buffer::allocate(8);
  a.mark_external();
  EXPECT_TRUE(a.unique());
  EXPECT_FALSE(a.can_donate());
}

TEST(Buffer, FailureToAllocateLeavesNothing) {
  Allocator allocator;
  allocator.fail_allocation(1);
  EXPECT_THROW(Buffer::allocate(8, allocator), ResourceError);
  EXPECT_EQ(allocator.counters().live_bytes, 0);
  EXPECT_TRUE(Buffer::allocate(8, allocator));
}

TEST(Buffer, WhoeverIsLastSeesWhatOthersWrote) {
  for (int round = 0; round < 200; ++round) {
    Buffer buffer = Buffer::allocate(2 * sizeof(int));
    auto* values = static_cast<int*>(buffer.data());
    values[0] = values[1] = 0;
    std::atomic<int> sum{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([t, values, &sum, mine = buffer]() mutable {
        values[t] = 1;
        // Not atomic accesses: unique() must order them after the other thread's write.
        if (mine.unique()) sum = values[0] + values[1];
        mine = Buffer();
      });
    }
    buffer = Buffer();
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(sum == 0 || sum == 2);
  }
}

}  // namespace
}  // namespace ndl::runtime
