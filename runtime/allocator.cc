#include "runtime/allocator.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "base/error.h"
#include "runtime/block.h"

namespace ndl::runtime {
namespace {

// Where zero bytes live.
alignas(kAlignment) constinit std::byte nothing[kAlignment];

// The block as its user sees it: what is beyond the bytes asked for must not be touched.
void* open_block(void* block, std::int64_t bytes, std::int64_t all) {
  allow_access(block, bytes);
  forbid_access(static_cast<std::byte*>(block) + bytes, all - bytes);
  return block;
}

}  // namespace

std::int64_t AllocatorOptions::default_cache_limit() {
  constexpr std::int64_t kMost = std::int64_t{2} << 30;
  const std::int64_t pages = sysconf(_SC_PHYS_PAGES);
  const std::int64_t page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? std::min(kMost, pages / 4 * page) : kMost;
}

std::int64_t Allocator::block_bytes(std::int64_t bytes) {
  if (bytes > std::int64_t{1} << kMaxLog2) return 0;
  // Steps of an eighth of the power of two below.
  const auto below = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(bytes)));
  const std::int64_t step = std::max(kAlignment, below >> kStepBits);
  return (bytes + step - 1) / step * step;
}

int Allocator::class_of(std::int64_t block) {
  // The power of two below, and the kStepBits bits after its leading one. Below 512 bytes the step
  // is kAlignment, and classes are still distinct.
  const auto bits = static_cast<std::uint64_t>(block);
  const int log2 = static_cast<int>(std::bit_width(bits)) - 1;
  const auto step = static_cast<int>(bits >> (log2 - kStepBits) & ((1u << kStepBits) - 1));
  return std::min(log2 << kStepBits | step, kClasses - 1);
}

Allocator::Allocator(const AllocatorOptions& options) : options_(options) {}

Allocator::~Allocator() { trim(); }

void* Allocator::allocate(std::int64_t bytes) {
  NDL_CHECK(bytes >= 0, "{} bytes", bytes);
  if (bytes == 0) return nothing;
  const std::int64_t block = block_bytes(bytes);
  Kept* surplus = nullptr;
  {
    std::unique_lock lock(mutex_);
    const std::int64_t live = counters_.live_bytes;
    if (fail_in_ > 0) {
      if (fail_in_ > 1) {
        --fail_in_;
      } else {
        if (later_ == Later::kSucceed) fail_in_ = 0;
        lock.unlock();
        refuse(block, live);
      }
    }
    if (block == 0 || live > options_.limit - block) {
      lock.unlock();
      refuse(block == 0 ? bytes : block, live);
    }
    counters_.live_bytes += block;
    if (Kept* kept = classes_[class_of(block)]) {
      unlink(kept);
      ++counters_.allocations;
      ++counters_.cache_hits;
      counters_.peak_bytes = std::max(counters_.peak_bytes, counters_.live_bytes);
      lock.unlock();
      return open_block(kept, bytes, block);
    }
    surplus = shrink_cache(options_.limit - counters_.live_bytes);
  }

  // The system is asked without the lock: it may take long.
  release_chain(surplus);
  void* data = acquire_block(block);
  if (data == nullptr && trim() > 0) data = acquire_block(block);
  std::unique_lock lock(mutex_);
  if (data == nullptr) {
    counters_.live_bytes -= block;
    const std::int64_t live = counters_.live_bytes;
    lock.unlock();
    refuse(block, live);
  }
  ++counters_.allocations;
  counters_.peak_bytes = std::max(counters_.peak_bytes, counters_.live_bytes);
  lock.unlock();
  return open_block(data, bytes, block);
}

void Allocator::deallocate(void* data, std::int64_t bytes) noexcept {
  if (bytes == 0) return;
  const std::int64_t block = block_bytes(bytes);
  forbid_access(data, block);
  allow_access(data, sizeof(Kept));
  Kept* surplus = nullptr;
  {
    const std::lock_guard lock(mutex_);
    counters_.live_bytes -= block;
    keep(data, block);
    // Allocations in flight count as live, so what is kept may also have to respect the limit.
    surplus = shrink_cache(std::min(options_.cache_limit, options_.limit - counters_.live_bytes));
  }
  release_chain(surplus);
}

std::int64_t Allocator::trim() noexcept {
  std::int64_t bytes = 0;
  Kept* all = nullptr;
  {
    const std::lock_guard lock(mutex_);
    bytes = counters_.cached_bytes;
    all = shrink_cache(0);
  }
  release_chain(all);
  return bytes;
}

AllocatorCounters Allocator::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void Allocator::reset_counters() {
  const std::lock_guard lock(mutex_);
  counters_.allocations = 0;
  counters_.cache_hits = 0;
  counters_.peak_bytes = counters_.live_bytes;
}

void Allocator::fail_allocation(std::int64_t k, Later later) {
  const std::lock_guard lock(mutex_);
  fail_in_ = k;
  later_ = later;
}

void Allocator::keep(void* data, std::int64_t block) {
  Kept*& head = classes_[class_of(block)];
  Kept* kept = new (data) Kept{block, head, nullptr, nullptr, newest_};
  if (head != nullptr) head->class_previous = kept;
  head = kept;
  (newest_ != nullptr ? newest_->newer : oldest_) = kept;
  newest_ = kept;
  counters_.cached_bytes += block;
}

void Allocator::unlink(Kept* kept) {
  Kept*& before = kept->class_previous != nullptr ? kept->class_previous->class_next
                                                  : classes_[class_of(kept->block)];
  before = kept->class_next;
  if (kept->class_next != nullptr) kept->class_next->class_previous = kept->class_previous;
  (kept->newer != nullptr ? kept->newer->older : newest_) = kept->older;
  (kept->older != nullptr ? kept->older->newer : oldest_) = kept->newer;
  counters_.cached_bytes -= kept->block;
}

Allocator::Kept* Allocator::shrink_cache(std::int64_t bytes) {
  Kept* chain = nullptr;
  while (counters_.cached_bytes > bytes) {
    Kept* kept = oldest_;
    unlink(kept);
    kept->older = chain;
    chain = kept;
  }
  return chain;
}

void Allocator::release_chain(Kept* chain) noexcept {
  while (chain != nullptr) {
    Kept* next = chain->older;
    release_block(chain, chain->block);
    chain = next;
  }
}

void Allocator::refuse(std::int64_t block, std::int64_t live) const {
  if (options_.limit != std::numeric_limits<std::int64_t>::max()) {
    throw_error<ResourceError>("needs {} bytes, limit {}: {} are in use", block, options_.limit,
                               live);
  }
  throw_error<ResourceError>("needs {} bytes, limit of the system: {} are in use", block, live);
}

// fork() copies a mutex as it is, so it must not be another thread that holds it.
struct AllocatorFork {
  static void prepare() { default_allocator().mutex_.lock(); }
  static void done() { default_allocator().mutex_.unlock(); }
};

Allocator& default_allocator() {
  static Allocator& allocator = []() -> Allocator& {
    auto* created = new Allocator;
    pthread_atfork(AllocatorFork::prepare, AllocatorFork::done, AllocatorFork::done);
    return *created;
  }();
  return allocator;
}

}  // namespace ndl::runtime
