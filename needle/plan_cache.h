// What has been worked out for records, by Walk::key().
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/lru_cache.h"

namespace ndl {

// Thread-safe. Plans are as heavy as they say, in nodes of graphs.
template <class Plan>
class PlanCache {
 public:
  // Null if there is none.
  std::shared_ptr<const Plan> find(std::string_view key) {
    const std::lock_guard lock(mutex_);
    const auto* known = plans_.find(key);
    return known != nullptr ? *known : nullptr;
  }
  void insert(std::string key, std::shared_ptr<const Plan> plan, std::size_t weight) {
    const std::lock_guard lock(mutex_);
    plans_.insert(std::move(key), std::move(plan), weight + kLeastWeight);
  }

 private:
  static constexpr std::size_t kLeastWeight = 64;
  static constexpr std::size_t kMostWeight = 1 << 18;

  std::mutex mutex_;
  LruCache<std::shared_ptr<const Plan>> plans_{kMostWeight};
};

}  // namespace ndl
