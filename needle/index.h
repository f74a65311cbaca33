// What stands in brackets after a tensor: numpy's basic indexing.
//
//   x[1]   x[-1]   x[{0, 2}]   x[{kAll, Range{1, 3}}]   x[{kEllipsis, Range{.step = -1}}]
//
// Entries are for the axes in order; axes without one are taken whole. Indexing records the ops it
// needs: `reshape`, `reverse`, and for a part of x `dynamic_slice`, whose place is data, so that a
// loop over rows or batches compiles once. In a trace, where numbers are constants, and for ranges
// with steps it is `slice`. For indices in tensors see needle/indexing.h.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <source_location>
#include <variant>
#include <vector>

namespace ndl {

// start:stop:step of Python: from the end when negative, cut to the axis, backwards for a negative
// step. step is not 0.
struct Range {
  std::optional<std::int64_t> start = std::nullopt;
  std::optional<std::int64_t> stop = std::nullopt;
  std::int64_t step = 1;
};
inline constexpr Range kAll;

// A new axis of extent 1.
struct NewAxis {};
inline constexpr NewAxis kNewAxis;

// As many whole axes as the other entries leave; at most one of these.
struct Ellipsis {};
inline constexpr Ellipsis kEllipsis;

// One entry. An integer, from the end when negative, drops its axis.
struct Index {
  template <std::integral T>
    requires(!std::same_as<T, bool>)  // which would look like a mask
  Index(T index) : entry(static_cast<std::int64_t>(index)) {}
  Index(const Range& range) : entry(range) {}
  Index(NewAxis axis) : entry(axis) {}
  Index(Ellipsis ellipsis) : entry(ellipsis) {}

  std::variant<std::int64_t, Range, NewAxis, Ellipsis> entry;
};

// All entries, and where the program names them.
struct Indices {
  template <std::convertible_to<Index> T>
  Indices(const T& index, const std::source_location& at = std::source_location::current())
      : entries{Index(index)}, at(at) {}
  Indices(std::initializer_list<Index> entries,
          const std::source_location& at = std::source_location::current())
      : entries(entries), at(at) {}

  std::vector<Index> entries;
  std::source_location at;
};

}  // namespace ndl
