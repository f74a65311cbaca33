// What the process has done: cheap enough to be always on, exact enough to test with.
#pragma once

#include <atomic>
#include <cstdint>

namespace ndl::runtime {

struct Counters {
  std::int64_t launches = 0;         // of a kernel, or of several that run at the same time
  std::int64_t executable_runs = 0;  // begun with inputs that fit, also those that fail
  // Of the default allocator; see AllocatorCounters.
  std::int64_t allocations = 0;
  std::int64_t cache_hits = 0;
  std::int64_t live_bytes = 0;
  std::int64_t peak_bytes = 0;
};

// Each number is exact when nothing else is running; they are not read at one instant.
Counters counters();

// Every number becomes 0, but live_bytes, which stays, and peak_bytes, which becomes that.
void reset_counters();

namespace internal {

// One line, so that a run that counts both moves one line between CPUs.
struct alignas(64) RunCounters {
  std::atomic<std::int64_t> launches{0};
  std::atomic<std::int64_t> runs{0};
};
inline constinit RunCounters run_counters;

inline void count_launches(std::int64_t launches) {
  run_counters.launches.fetch_add(launches, std::memory_order_relaxed);
}

inline void count_run() { run_counters.runs.fetch_add(1, std::memory_order_relaxed); }

}  // namespace internal

}  // namespace ndl::runtime
