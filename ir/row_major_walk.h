// One walk over the indices of a strided array, for all loops whose rank is not known.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ndl::ir {

// One axis of N arrays that are walked together: elements between neighbours in each.
template <std::size_t N>
struct WalkAxis {
  std::int64_t extent = 1;
  std::array<std::int64_t, N> strides = {};
};

// Visits every index in row-major order and keeps the offset of the element in each of N arrays.
// Extents are positive; no axes at all make one index.
template <std::size_t N>
class RowMajorWalk {
 public:
  explicit RowMajorWalk(std::vector<WalkAxis<N>> axes, std::array<std::int64_t, N> start = {})
      : axes_(std::move(axes)), index_(axes_.size()), offsets_(start) {}

  std::int64_t offset(std::size_t array = 0) const { return offsets_[array]; }
  const std::vector<std::int64_t>& index() const { return index_; }

  // Goes to the next index; after the last one, back to the first and returns false.
  bool next() {
    for (std::size_t axis = axes_.size(); axis-- > 0;) {
      if (index_[axis] + 1 < axes_[axis].extent) {
        ++index_[axis];
        advance(axis, 1);
        return true;
      }
      advance(axis, -index_[axis]);
      index_[axis] = 0;
    }
    return false;
  }

 private:
  void advance(std::size_t axis, std::int64_t count) {
    for (std::size_t i = 0; i < N; ++i) offsets_[i] += count * axes_[axis].strides[i];
  }

  std::vector<WalkAxis<N>> axes_;
  std::vector<std::int64_t> index_;
  std::array<std::int64_t, N> offsets_;
};

}  // namespace ndl::ir
