// Node ids by hash, for finding equal nodes. Open addressing: a look-up in a graph of any size is
// about one cache miss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace ndl::ir {

class NodeIndex {
 public:
  // The id that was inserted with this hash and of which equal(id) holds.
  template <class Equal>
  std::optional<std::uint32_t> find(std::size_t hash, Equal&& equal) const {
    if (slots_.empty()) return std::nullopt;
    for (std::size_t i = hash & mask(); slots_[i].id != kEmpty; i = (i + 1) & mask()) {
      if (slots_[i].hash == hash && equal(slots_[i].id)) return slots_[i].id;
    }
    return std::nullopt;
  }

  void insert(std::size_t hash, std::uint32_t id) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    place({hash, id});
    ++size_;
  }

 private:
  static constexpr std::uint32_t kEmpty = 0xffffffff;
  struct Slot {
    std::size_t hash = 0;
    std::uint32_t id = kEmpty;
  };

  std::size_t mask() const { return slots_.size() - 1; }

  void place(const Slot& slot) {
    std::size_t i = slot.hash & mask();
    while (slots_[i].id != kEmpty) i = (i + 1) & mask();
    slots_[i] = slot;
  }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? 64 : 2 * slots_.size());
    std::swap(old, slots_);
    for (const Slot& slot : old) {
      if (slot.id != kEmpty) place(slot);
    }
  }

  std::vector<Slot> slots_;  // a power of two of them, at most half full
  std::size_t size_ = 0;
};

}  // namespace ndl::ir
