// Elements of any dtype: as numbers, and the values where arithmetic is not smooth.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

#include "base/dtype.h"
#include "ir/literal.h"

namespace ndl::ir::test {

template <class T>
inline constexpr bool is_float_type = is_float(dtype_of<T>);

template <class T>
using BitsOf = std::conditional_t<
    sizeof(T) == 1, std::uint8_t,
    std::conditional_t<sizeof(T) == 2, std::uint16_t,
                       std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;

// A float element as a double, exactly.
template <class T>
double to_double(T x) {
  if constexpr (std::is_class_v<T>) {
    return x.to_float();
  } else {
    return static_cast<double>(x);
  }
}

// A double as an element: rounded to a float type, cut off and limited to an integer type.
template <class T>
T from_double(double x) {
  if constexpr (std::is_same_v<T, bool>) {
    return std::fmod(std::floor(std::abs(x)), 2) != 0;
  } else if constexpr (std::is_class_v<T>) {
    return T::from(x);
  } else if constexpr (std::is_integral_v<T>) {
    if (x <= static_cast<double>(std::numeric_limits<T>::min())) {
      return std::numeric_limits<T>::min();
    }
    if (x >= static_cast<double>(std::numeric_limits<T>::max())) {
      return std::numeric_limits<T>::max();
    }
    return static_cast<T>(x);
  } else {
    return static_cast<T>(x);
  }
}

// Equal bits, or NaN both.
template <class T>
bool same_value(T a, T b) {
  if (std::memcmp(&a, &b, sizeof(T)) == 0) return true;
  if constexpr (is_float_type<T>) {
    return std::isnan(to_double(a)) && std::isnan(to_double(b));
  } else {
    return false;
  }
}

// The number of bits of the significand, and the bits of 1 and infinity.
template <class T>
struct Layout {
  static constexpr int kMantissa = std::is_same_v<T, double>    ? 52
                                   : std::is_same_v<T, float>   ? 23
                                   : std::is_same_v<T, Float16> ? 10
                                                                : 7;
  static constexpr BitsOf<T> kInfinity = (((BitsOf<T>(1) << (8 * sizeof(T) - 1)) - 1) >> kMantissa)
                                         << kMantissa;
};

template <class T>
T random_element(std::mt19937_64& random) {
  if constexpr (std::is_same_v<T, bool>) {
    return random() % 2 != 0;
  } else {
    return std::bit_cast<T>(static_cast<BitsOf<T>>(random()));
  }
}

// Zeros, infinities, NaNs, the ends of the format, and small numbers, with the neighbours of each;
// all there is of bool.
template <class T>
std::vector<T> special_values() {
  std::vector<T> values;
  if constexpr (std::is_same_v<T, bool>) {
    values = {false, true};
  } else if constexpr (std::is_integral_v<T>) {
    using Limits = std::numeric_limits<T>;
    constexpr T kBits = 8 * sizeof(T);
    for (const T x :
         {Limits::min(), Limits::max(), T(Limits::max() / 2), T(0), T(2), T(5), kBits}) {
      for (const int step : {-1, 0, 1}) values.push_back(static_cast<T>(BitsOf<T>(x) + step));
    }
    values.insert(values.end(), {T(-2), T(-3), T(-7), T(10), T(100), T(-100)});
  } else {
    using Bits = BitsOf<T>;
    constexpr Bits kSign = Bits(1) << (8 * sizeof(T) - 1);
    constexpr Bits kInfinity = Layout<T>::kInfinity;
    constexpr Bits kNormal = Bits(1) << Layout<T>::kMantissa;
    const auto push = [&](Bits magnitude) {
      values.push_back(std::bit_cast<T>(magnitude));
      values.push_back(std::bit_cast<T>(static_cast<Bits>(magnitude | kSign)));
    };
    push(0);
    push(1);
    push(2);
    push(kNormal - 1);
    push(kInfinity - 1);
    push(kInfinity);
    push(kInfinity + 1);            // signalling
    push(kInfinity | kNormal / 2);  // quiet
    push(kInfinity | kNormal / 2 | 5);
    for (const double x : {0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 10.0, 88.5, 127.0, 1024.0}) {
      const Bits bits = std::bit_cast<Bits>(from_double<T>(x));
      push(bits - 1);
      push(bits);
      push(bits + 1);
    }
    push(kNormal);
  }
  return values;
}

template <class T>
Literal literal_of(const Shape& shape, const std::vector<T>& values) {
  Literal literal = Literal::uninitialized({dtype_of<T>, shape});
  std::copy(values.begin(), values.end(), literal.mutable_data<T>());
  return literal;
}

template <class T>
Literal literal_of(const std::vector<T>& values) {
  return literal_of(Shape({static_cast<std::int64_t>(values.size())}), values);
}

}  // namespace ndl::ir::test
