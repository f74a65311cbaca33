// In which order the op `sort` puts elements.
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/float16.h"

namespace ndl {

// An element as a number that can be compared.
template <class T>
auto comparable(T x) {
  if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
    return x.to_float();
  } else {
    return x;
  }
}

template <class T>
bool is_nan(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    return x != x;
  } else {
    return false;
  }
}

// Whether element `a` at `a_position` of a line comes before `b`. NaN is last in either direction;
// -0 and +0 are equal. Equal elements go by position, which makes any sort stable.
template <class Key>
bool sorts_before(Key a, std::int64_t a_position, Key b, std::int64_t b_position,
                  bool is_descending) {
  if (is_nan(a) || is_nan(b)) {
    if (is_nan(a) != is_nan(b)) return is_nan(b);
  } else if (a != b) {
    return is_descending ? a > b : a < b;
  }
  return a_position < b_position;
}

}  // namespace ndl
