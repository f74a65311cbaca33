// Conversion of one element between any two dtypes: the meaning of the op `convert`.
//
//   to bool        x != 0 (NaN is true)
//   float -> int   truncates; saturates at the ends of the range; NaN gives 0
//   int -> int     wraps around
//   -> float       nearest, ties to even, rounded once; overflow gives infinity
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "base/float16.h"

namespace ndl::ir::math {

template <class T>
inline constexpr bool is_half_v = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

// A double that rounds to any narrower float as x itself would: bits beyond a double's 53 become
// one sticky bit, so that the second rounding sees whether anything was there.
constexpr double to_double_sticky(std::int64_t x) {
  constexpr std::uint64_t kDropped = 0x7ff;
  const bool negative = x < 0;
  std::uint64_t magnitude = negative ? 0 - static_cast<std::uint64_t>(x) : std::uint64_t(x);
  if (magnitude >> 53 != 0) {
    const bool sticky = (magnitude & kDropped) != 0;
    magnitude = (magnitude & ~kDropped) | (sticky ? kDropped + 1 : 0);
  }
  return negative ? -static_cast<double>(magnitude) : static_cast<double>(magnitude);
}

template <class To, class From>
constexpr To convert_element(From x) {
  if constexpr (std::is_same_v<To, From>) {
    return x;
  } else if constexpr (is_half_v<From>) {
    return convert_element<To>(x.to_float());
  } else if constexpr (std::is_same_v<To, bool>) {
    return x != From(0);
  } else if constexpr (is_half_v<To>) {
    if constexpr (std::is_same_v<From, std::int64_t>) {
      return To::from(to_double_sticky(x));
    } else if constexpr (std::is_same_v<From, float>) {
      return To::from(x);
    } else {
      return To::from(static_cast<double>(x));
    }
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // Both bounds are powers of two, or zero, so they are exact in From.
    constexpr From kLow = static_cast<From>(std::numeric_limits<To>::min());
    constexpr From kEnd = static_cast<From>(std::numeric_limits<To>::max() / 2 + 1) * From(2);
    if (!(x == x)) return To(0);
    if (x <= kLow) return std::numeric_limits<To>::min();
    if (x >= kEnd) return std::numeric_limits<To>::max();
    return static_cast<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

}  // namespace ndl::ir::math
