// A bounded map that forgets what was used longest ago.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace ndl {

// From text to values that copy cheaply. Not thread-safe.
template <class V>
class LruCache {
 public:
  // The weights of all values together are at most `capacity`, unless there is only one value.
  explicit LruCache(std::size_t capacity) : capacity_(capacity) {}

  std::size_t size() const { return entries_.size(); }

  // The value, now the most recently used one; null if there is none.
  const V* find(std::string_view key) {
    const auto it = index_.find(key);
    if (it == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, it->second);
    return &it->second->value;
  }

  // Replaces a value that is there. What was used longest ago gives way.
  void insert(std::string key, V value, std::size_t weight = 1) {
    if (const auto it = index_.find(key); it != index_.end()) {
      weight_ -= it->second->weight;
      const auto entry = it->second;
      index_.erase(it);
      entries_.erase(entry);
    }
    entries_.push_front({std::move(key), std::move(value), weight});
    weight_ += weight;
    index_.emplace(entries_.front().key, entries_.begin());
    while (weight_ > capacity_ && entries_.size() > 1) {
      weight_ -= entries_.back().weight;
      index_.erase(entries_.back().key);
      entries_.pop_back();
    }
  }

  void clear() {
    index_.clear();
    entries_.clear();
    weight_ = 0;
  }

 private:
  struct Entry {
    std::string key;
    V value;
    std::size_t weight;
  };
  using Entries = std::list<Entry>;

  std::size_t capacity_;
  std::size_t weight_ = 0;
  Entries entries_;  // most recently used first
  std::unordered_map<std::string_view, typename Entries::iterator> index_;
};

}  // namespace ndl
