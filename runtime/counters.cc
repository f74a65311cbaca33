#include "runtime/counters.h"

#include "runtime/allocator.h"

namespace ndl::runtime {

Counters counters() {
  const AllocatorCounters memory = default_allocator().counters();
  return {
      .launches = internal::run_counters.launches.load(std::memory_order_relaxed),
      .executable_runs = internal::run_counters.runs.load(std::memory_order_relaxed),
      .allocations = memory.allocations,
      .cache_hits = memory.cache_hits,
      .live_bytes = memory.live_bytes,
      .peak_bytes = memory.peak_bytes,
  };
}

void reset_counters() {
  internal::run_counters.launches.store(0, std::memory_order_relaxed);
  internal::run_counters.runs.store(0, std::memory_order_relaxed);
  default_allocator().reset_counters();
}

}  // namespace ndl::runtime
