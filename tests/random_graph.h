// Random valid graphs over the whole op table.
#pragma once

#include <cstdint>

#include "ir/graph.h"

namespace ndl::test {

// A sequence of random numbers that is the same everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits();
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

 private:
  std::uint64_t state_;
};

// `nodes` ops, more or less, over a few parameters; every op of the table turns up in time, with
// names, zero extents, rank 0, all dtypes, tuples and fusions among them. Running it may fail only
// with an IndexError.
ir::Graph random_graph(std::uint64_t seed, int nodes);

}  // namespace ndl::test
