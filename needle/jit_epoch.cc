#include "needle/jit_epoch.h"

#include <atomic>

namespace ndl::internal {
namespace {

std::atomic<std::uint64_t> epoch{0};

}  // namespace

std::uint64_t jit_epoch() { return epoch.load(std::memory_order_acquire); }

void bump_jit_epoch() { epoch.fetch_add(1, std::memory_order_acq_rel); }

}  // namespace ndl::internal
