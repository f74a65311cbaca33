// A sequence of random numbers that is the same everywhere.
#pragma once

#include <cstdint>

#include "base/dtype.h"
#include "base/hash.h"

namespace ndl::test {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits() { return mix_bits(state_++); }
  // 0 <= result < bound, bound > 0.
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(bits() % static_cast<std::uint64_t>(bound));
  }
  std::int64_t between(std::int64_t low, std::int64_t high) { return low + below(high - low + 1); }
  bool one_in(std::int64_t n) { return below(n) == 0; }
  template <class Container>
  const auto& choose(const Container& from) {
    return from[static_cast<std::size_t>(below(static_cast<std::int64_t>(from.size())))];
  }
  // One of a set that is not empty.
  DType dtype(DTypeSet allowed = kAllDTypes) {
    while (true) {
      const auto dtype = static_cast<DType>(below(kDTypeCount));
      if (allowed.contains(dtype)) return dtype;
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace ndl::test
