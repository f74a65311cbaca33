// Memory for tensor buffers and arenas: blocks by size class, kept for the next request.
//
// A block starts at a multiple of 64 bytes; one of 2 MiB or more starts at a multiple of 2 MiB and
// asks for huge pages, because touching fresh 4 KiB pages costs more than most work on them.
//
// A request is rounded up to its size class: multiples of 64 bytes up to 1 KiB, then eight classes
// a doubling, so at most an eighth is added. All counts of bytes below are of rounded blocks.
//
// Any thread may call anything. The default allocator can be used on both sides of a fork().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>

namespace ndl::runtime {

// Every block, arena and arena slot is aligned to this; a cache line and a 512-bit vector.
inline constexpr std::int64_t kAlignment = 64;
// Blocks of at least this size are aligned to it and use huge pages.
inline constexpr std::int64_t kHugePage = std::int64_t{2} << 20;

struct AllocatorOptions {
  // Freed blocks are kept while they are not more than this together. Beyond it, those freed
  // longest ago go back to the system.
  std::int64_t cache_limit = default_cache_limit();
  // The most that may be live at once; kept blocks give way first.
  std::int64_t limit = std::numeric_limits<std::int64_t>::max();

  // A quarter of the machine's memory, 2 GiB at most.
  static std::int64_t default_cache_limit();
};

struct AllocatorCounters {
  std::int64_t allocations = 0;   // requests that were met, but for those of zero bytes
  std::int64_t cache_hits = 0;    // of these, the ones met by a kept block
  std::int64_t live_bytes = 0;    // allocated and not yet freed
  std::int64_t peak_bytes = 0;    // the most that live_bytes has been
  std::int64_t cached_bytes = 0;  // freed and kept
};

class Allocator {
 public:
  explicit Allocator(const AllocatorOptions& options = {});
  // Every block must have been deallocated.
  ~Allocator();
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  // At least `bytes` >= 0 bytes with unspecified contents. Zero bytes give a fixed address that is
  // not null, aligned, shared by all such requests, and must not be read or written.
  //
  // Throws ResourceError, "needs N bytes, limit M", when the limit or the system refuses; then
  // nothing has changed but that kept blocks may have been given back.
  void* allocate(std::int64_t bytes);

  // Takes back what allocate(bytes) returned, with the same `bytes`.
  void deallocate(void* data, std::int64_t bytes) noexcept;

  // Gives kept blocks back to the system. Returns how many bytes that was.
  std::int64_t trim() noexcept;

  AllocatorCounters counters() const;
  // Counts of requests become 0, and the peak what is live now.
  void reset_counters();

  // What a request of `bytes` > 0 takes; 0 if it is more than any address space holds.
  static std::int64_t block_bytes(std::int64_t bytes);

  enum class Later { kSucceed, kFail };
  // For tests: the k-th request from now (k >= 1, zero bytes not counted) fails as if the system
  // had refused it, and with Later::kFail all after it. 0 ends it.
  void fail_allocation(std::int64_t k, Later later = Later::kSucceed);

 private:
  friend struct AllocatorFork;

  // The head of a kept block: in the list of its class, last freed first, and in one of all.
  struct Kept {
    std::int64_t block;
    Kept* class_next;
    Kept* class_previous;
    Kept* newer;
    Kept* older;
  };
  static_assert(sizeof(Kept) <= kAlignment);

  static constexpr int kStepBits = 3;  // log2 of the classes a doubling
  static constexpr int kMaxLog2 = 46;  // 64 TiB, half of what x86-64 gives a process
  static constexpr int kClasses = (kMaxLog2 + 1) << kStepBits;

  static int class_of(std::int64_t block);

  void keep(void* data, std::int64_t block);
  void unlink(Kept* kept);
  // Unlinks blocks, those freed longest ago first, until not more than `bytes` are kept. Returns
  // them chained by `older`, to be released when the lock is not held.
  Kept* shrink_cache(std::int64_t bytes);
  static void release_chain(Kept* chain) noexcept;
  [[noreturn]] void refuse(std::int64_t block, std::int64_t live) const;

  const AllocatorOptions options_;
  mutable std::mutex mutex_;  // guards everything below
  std::array<Kept*, kClasses> classes_{};
  Kept* newest_ = nullptr;
  Kept* oldest_ = nullptr;
  AllocatorCounters counters_;
  std::int64_t fail_in_ = 0;  // requests until one fails; 0 is never
  Later later_ = Later::kSucceed;
};

// The allocator of the process. It is never destroyed.
Allocator& default_allocator();

}  // namespace ndl::runtime
