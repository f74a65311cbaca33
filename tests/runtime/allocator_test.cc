#include "runtime/allocator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"

namespace ndl::runtime {
namespace {

std::int64_t offset_from(void* data, std::int64_t alignment) {
  return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(data) %
                                   static_cast<std::uintptr_t>(alignment));
}

std::string message_of(Allocator& allocator, std::int64_t bytes) {
  try {
    allocator.deallocate(allocator.allocate(bytes), bytes);
  } catch (const ResourceError& error) {
    return error.message();
  }
  return "";
}

TEST(Allocator, BlocksAreAlignedAndWritable) {
  Allocator allocator;
  for (const std::int64_t bytes :
       {std::int64_t{1}, std::int64_t{63}, std::int64_t{64}, std::int64_t{65}, std::int64_t{1000},
        std::int64_t{100'000}, kHugePage - 1, kHugePage, kHugePage + 1, 5 * kHugePage}) {
    void* data = allocator.allocate(bytes);
    EXPECT_EQ(offset_from(data, kAlignment), 0) << bytes;
    if (bytes >= kHugePage) {
      EXPECT_EQ(offset_from(data, kHugePage), 0) << bytes;
    }
    std::memset(data, 1, static_cast<std::size_t>(bytes));
    allocator.deallocate(data, bytes);
  }
  EXPECT_EQ(allocator.counters().live_bytes, 0);
}

TEST(Allocator, AClassAddsAnEighthAtMost) {
  std::int64_t previous = 0;
  for (std::int64_t bytes = 1; bytes < std::int64_t{1} << 40; bytes += 1 + bytes / 9) {
    const std::int64_t block = Allocator::block_bytes(bytes);
    EXPECT_GE(block, bytes);
    EXPECT_EQ(block % kAlignment, 0);
    EXPECT_LE(block - bytes, std::max(kAlignment - 1, bytes / 8)) << bytes;
    EXPECT_GE(block, previous);
    EXPECT_EQ(Allocator::block_bytes(block), block);
    previous = block;
  }
}

TEST(Allocator, ZeroBytesAreNotNullAndNotCounted) {
  Allocator allocator;
  void* data = allocator.allocate(0);
  ASSERT_NE(data, nullptr);
  EXPECT_EQ(offset_from(data, kAlignment), 0);
  EXPECT_EQ(allocator.allocate(0), data);
  allocator.deallocate(data, 0);
  EXPECT_EQ(allocator.counters().allocations, 0);
}

TEST(Allocator, AFreedBlockIsUsedAgainForItsClass) {
  Allocator allocator;
  for (const std::int64_t bytes : {std::int64_t{100}, 3 * kHugePage}) {
    const AllocatorCounters before = allocator.counters();
    void* first = allocator.allocate(bytes);
    allocator.deallocate(first, bytes);
    void* second = allocator.allocate(bytes - 1);
    EXPECT_EQ(first, second);
    allocator.deallocate(second, bytes - 1);
    const AllocatorCounters after = allocator.counters();
    EXPECT_EQ(after.allocations - before.allocations, 2);
    EXPECT_EQ(after.cache_hits - before.cache_hits, 1);
    EXPECT_EQ(after.cached_bytes - before.cached_bytes, Allocator::block_bytes(bytes));
  }
}

TEST(Allocator, CountersFollowTheBlocks) {
  Allocator allocator;
  void* a = allocator.allocate(64);
  void* b = allocator.allocate(128);
  allocator.deallocate(a, 64);
  AllocatorCounters counters = allocator.counters();
  EXPECT_EQ(counters.live_bytes, 128);
  EXPECT_EQ(counters.peak_bytes, 192);
  EXPECT_EQ(counters.cached_bytes, 64);
  allocator.reset_counters();
  counters = allocator.counters();
  EXPECT_EQ(counters.allocations, 0);
  EXPECT_EQ(counters.live_bytes, 128);
  EXPECT_EQ(counters.peak_bytes, 128);
  allocator.deallocate(b, 128);
  EXPECT_EQ(allocator.trim(), 192);
  EXPECT_EQ(allocator.trim(), 0);
  EXPECT_EQ(allocator.counters().cached_bytes, 0);
}

TEST(Allocator, TheCacheIsBoundedAndForgetsTheOldest) {
  Allocator allocator({.cache_limit = 256});
  void* a = allocator.allocate(64);
  void* b = allocator.allocate(128);
  void* c = allocator.allocate(192);
  allocator.deallocate(a, 64);
  allocator.deallocate(b, 128);
  EXPECT_EQ(allocator.counters().cached_bytes, 192);
  allocator.deallocate(c, 192);  // a and b give way
  EXPECT_EQ(allocator.counters().cached_bytes, 192);
  EXPECT_EQ(allocator.allocate(192), c);
  EXPECT_EQ(allocator.counters().cache_hits, 1);
  allocator.deallocate(c, 192);
  void* large = allocator.allocate(1024);
  allocator.deallocate(large, 1024);  // larger than the bound: nothing is kept
  EXPECT_EQ(allocator.counters().cached_bytes, 0);
}

TEST(Allocator, TheLimitIsAnErrorThatLosesNothing) {
  Allocator allocator({.limit = 1024});
  void* a = allocator.allocate(512);
  EXPECT_EQ(message_of(allocator, 576), "needs 576 bytes, limit 1024: 512 are in use");
  void* b = allocator.allocate(512);
  EXPECT_EQ(message_of(allocator, 1), "needs 64 bytes, limit 1024: 1024 are in use");
  allocator.deallocate(a, 512);
  allocator.deallocate(b, 512);
  // Kept blocks of other classes give way to a live one.
  void* c = allocator.allocate(1024);
  EXPECT_EQ(allocator.counters().cached_bytes, 0);
  allocator.deallocate(c, 1024);
  EXPECT_EQ(allocator.counters().peak_bytes, 1024);
}

TEST(Allocator, WhatNoSystemHasIsAnError) {
  Allocator allocator;
  const std::int64_t tebibyte = std::int64_t{1} << 40;
  EXPECT_EQ(message_of(allocator, 100'000 * tebibyte),
            "needs 109951162777600000 bytes, limit of the system: 0 are in use");
  EXPECT_NE(message_of(allocator, std::numeric_limits<std::int64_t>::max()), "");
  EXPECT_THROW(allocator.allocate(-1), InternalError);
  EXPECT_EQ(allocator.counters().live_bytes, 0);
}

TEST(Allocator, EveryRequestCanFail) {
  // Ten requests; for each k and mode, the k-th fails and the rest is as it says.
  constexpr int kRequests = 10;
  for (const auto later : {Allocator::Later::kSucceed, Allocator::Later::kFail}) {
    for (int k = 1; k <= kRequests + 1; ++k) {
      Allocator allocator;
      allocator.fail_allocation(k, later);
      std::vector<void*> blocks;
      int failures = 0;
      for (int i = 1; i <= kRequests; ++i) {
        const bool fails = later == Allocator::Later::kFail ? i >= k : i == k;
        try {
          blocks.push_back(allocator.allocate(100 * i));
          EXPECT_FALSE(fails) << i;
        } catch (const ResourceError&) {
          EXPECT_TRUE(fails) << i;
          blocks.push_back(nullptr);
          ++failures;
        }
      }
      EXPECT_EQ(allocator.counters().allocations, kRequests - failures);
      for (int i = 1; i <= kRequests; ++i) {
        if (blocks[i - 1] != nullptr) allocator.deallocate(blocks[i - 1], 100 * i);
      }
      EXPECT_EQ(allocator.counters().live_bytes, 0);
      allocator.fail_allocation(0);
      allocator.deallocate(allocator.allocate(1), 1);
    }
  }
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
TEST(Allocator, AddressSanitizerSeesUseOfKeptAndOfUnaskedBytes) {
  Allocator allocator;
  for (const std::int64_t bytes : {std::int64_t{100}, kHugePage + 100}) {
    auto* data = static_cast<volatile char*>(allocator.allocate(bytes));
    EXPECT_DEATH(data[bytes] = 1, "use-after-poison");
    allocator.deallocate(const_cast<char*>(data), bytes);
    EXPECT_DEATH(data[bytes - 1] = 1, "use-after-poison");
  }
}
#endif
#endif

TEST(Allocator, ThreadsShareItAndNeverABlock) {
  Allocator allocator({.cache_limit = 1 << 20});
  constexpr int kThreads = 4;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&allocator, t] {
      std::uint64_t random = static_cast<std::uint64_t>(t) + 1;
      std::vector<std::pair<unsigned char*, std::int64_t>> live;
      for (int i = 0; i < 5'000; ++i) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        const auto bytes = static_cast<std::int64_t>(1 + (random >> 33) % 20'000);
        auto* data = static_cast<unsigned char*>(allocator.allocate(bytes));
        data[0] = data[bytes - 1] = static_cast<unsigned char>(t);
        live.emplace_back(data, bytes);
        if (live.size() < 8) continue;
        std::swap(live[random % live.size()], live.back());
        const auto [old, old_bytes] = live.back();
        EXPECT_EQ(old[0], t);
        EXPECT_EQ(old[old_bytes - 1], t);
        allocator.deallocate(old, old_bytes);
        live.pop_back();
        if (i % 1000 == 0) allocator.trim();
      }
      for (const auto& [data, bytes] : live) allocator.deallocate(data, bytes);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const AllocatorCounters counters = allocator.counters();
  EXPECT_EQ(counters.live_bytes, 0);
  EXPECT_EQ(counters.allocations, kThreads * 5'000);
  EXPECT_LE(counters.cached_bytes, 1 << 20);
  EXPECT_EQ(allocator.trim(), counters.cached_bytes);
}

}  // namespace
}  // namespace ndl::runtime
