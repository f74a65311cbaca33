#include "runtime/block.h"

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>

#include "runtime/allocator.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NDL_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define NDL_ADDRESS_SANITIZER
#endif

#ifdef NDL_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace ndl::runtime {
namespace {

// Maps a huge page more than needed, then gives back what is before and after the aligned part.
void* map_huge(std::size_t bytes) {
  constexpr auto kHuge = static_cast<std::size_t>(kHugePage);
  void* mapped = mmap(nullptr, bytes + kHuge, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(mapped);
  const std::size_t before = (kHuge - address % kHuge) % kHuge;
  char* block = static_cast<char*>(mapped) + before;
  if (before != 0) munmap(mapped, before);
  munmap(block + bytes, kHuge - before);
  madvise(block, bytes, MADV_HUGEPAGE);  // a wish: small pages are correct too
  return block;
}

}  // namespace

void* acquire_block(std::int64_t bytes) noexcept {
  if (bytes >= kHugePage) return map_huge(static_cast<std::size_t>(bytes));
  return std::aligned_alloc(kAlignment, static_cast<std::size_t>(bytes));
}

void release_block(void* block, std::int64_t bytes) noexcept {
  allow_access(block, bytes);
  if (bytes >= kHugePage) {
    munmap(block, static_cast<std::size_t>(bytes));
  } else {
    std::free(block);
  }
}

#ifdef NDL_ADDRESS_SANITIZER
void forbid_access(void* data, std::int64_t bytes) noexcept {
  __asan_poison_memory_region(data, static_cast<std::size_t>(bytes));
}
void allow_access(void* data, std::int64_t bytes) noexcept {
  __asan_unpoison_memory_region(data, static_cast<std::size_t>(bytes));
}
#else
void forbid_access(void*, std::int64_t) noexcept {}
void allow_access(void*, std::int64_t) noexcept {}
#endif

}  // namespace ndl::runtime
