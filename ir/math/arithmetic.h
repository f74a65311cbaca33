// Arithmetic that is exact or rounded once: the bodies that the elementwise table names and that
// are no leaf functions of their own, for floats, integers and, for the bitwise ones, bool.
//
// Integers wrap around, and no operand has undefined behaviour. 16-bit floats do not occur: they
// are computed as float by whoever calls.
#pragma once

#include <limits>
#include <type_traits>

#include "ir/math/scalar.h"

namespace ndl::ir::math {

// Where integers are computed modulo a power of two. The operators of a lane wrap; those of a C++
// integer overflow, or promote to an int that does, so that one goes by way of an unsigned type at
// least as wide as int.
template <class T>
using modular_of = std::conditional_t<std::is_arithmetic_v<T>, uint_of<T>, T>;

template <class T>
modular_of<T> modular(T a) {
  return convert<modular_of<T>>(a);
}

template <class T>
inline constexpr bool is_signed_v = std::is_signed_v<element_of<T>>;

// Bits of an integer T.
template <class T>
inline constexpr int width_of = 8 * sizeof(element_of<T>);

template <class T>
T add(T a, T b) {
  if constexpr (is_float_v<T>) {
    return a + b;
  } else {
    return convert<T>(modular(a) + modular(b));
  }
}

template <class T>
T sub(T a, T b) {
  if constexpr (is_float_v<T>) {
    return a - b;
  } else {
    return convert<T>(modular(a) - modular(b));
  }
}

template <class T>
T mul(T a, T b) {
  if constexpr (is_float_v<T>) {
    return a * b;
  } else {
    return convert<T>(modular(a) * modular(b));
  }
}

// The sign bit flipped, also of NaN.
template <class T>
T neg(T a) {
  if constexpr (is_float_v<T>) {
    return -a;
  } else {
    return sub(constant<T>(0), a);
  }
}

// b, or 1 where a / b is not an integer of the type: b == 0, and the lowest value over -1. Division
// by 1 then gives what the latter wraps around to.
template <class T>
T safe_divisor(T a, T b) {
  mask_of<T> undefined = b == constant<T>(0);
  if constexpr (is_signed_v<T>) {
    const mask_of<T> lowest = a == constant<T>(std::numeric_limits<element_of<T>>::min());
    const mask_of<T> minus_one = b == constant<T>(-1);
    undefined = undefined | (lowest & minus_one);
  }
  return select(undefined, constant<T>(1), b);
}

// Integers truncate toward zero; x / 0 = 0 and lowest / -1 = lowest.
template <class T>
T div(T a, T b) {
  if constexpr (is_float_v<T>) {
    return a / b;
  } else {
    return select(b == constant<T>(0), constant<T>(0), convert<T>(a / safe_divisor(a, b)));
  }
}

// a - trunc(a / b) b; rem(x, 0) = x and rem(lowest, -1) = 0.
template <class T>
  requires is_integer_v<T>
T rem(T a, T b) {
  const T divisor = safe_divisor(a, b);
  const T multiple = mul(convert<T>(a / divisor), divisor);
  return select(b == constant<T>(0), a, sub(a, multiple));
}

// a^b modulo 2^width, and 1 / a^-b as div gives it for b < 0. The trip count depends on T alone.
template <class T>
  requires is_integer_v<T>
T pow(T a, T b) {
  using M = modular_of<T>;
  mask_of<T> negative = b != b;
  if constexpr (is_signed_v<T>) negative = b < constant<T>(0);
  // |b| fits M as an unsigned number; where M is a signed lane, its sign bit is a bit of |b| that
  // the shifts below leave in place until it has been read.
  M exponent = select(negative, constant<M>(0) - modular(b), modular(b));
  M square = modular(a);
  M power = constant<M>(1);
  for (int i = 0; i < width_of<T>; ++i) {
    const auto odd = (exponent & constant<M>(1)) != constant<M>(0);
    power = select(odd, power * square, power);
    square = square * square;
    exponent = exponent >> constant<M>(1);
  }
  const T result = convert<T>(power);
  return select(negative, div(constant<T>(1), result), result);
}

// NaN if either is NaN; -0 is below +0. The bits of equal operands differ in the sign of a zero at
// most, so that "and" gives the upper of the two and "or" the lower.
template <class T>
T max(T a, T b) {
  if constexpr (is_float_v<T>) {
    const T upper_zero = bit_cast<T>(bit_cast<uint_of<T>>(a) & bit_cast<uint_of<T>>(b));
    const T larger = select(a == b, upper_zero, select(a > b, a, b));
    return select(a != a, a, larger);
  } else {
    return select(a > b, a, b);
  }
}

template <class T>
T min(T a, T b) {
  if constexpr (is_float_v<T>) {
    const T lower_zero = bit_cast<T>(bit_cast<uint_of<T>>(a) | bit_cast<uint_of<T>>(b));
    const T smaller = select(a == b, lower_zero, select(a < b, a, b));
    return select(a != a, a, smaller);
  } else {
    return select(a < b, a, b);
  }
}

// |a|; the lowest integer is itself.
template <class T>
T magnitude(T a) {
  if constexpr (is_float_v<T>) {
    return abs(a);
  } else if constexpr (is_signed_v<T>) {
    return select(a < constant<T>(0), neg(a), a);
  } else {
    return a;
  }
}

// -1, 0 or 1; signed zeros and NaN are themselves.
template <class T>
T sign(T a) {
  const T positive = select(a > constant<T>(0), constant<T>(1), a);
  if constexpr (is_float_v<T> || is_signed_v<T>) {
    return select(a < constant<T>(0), constant<T>(-1), positive);
  } else {
    return positive;
  }
}

template <class T>
mask_of<T> is_inf(T a) {
  return abs(a) == constant<T>(std::numeric_limits<element_of<T>>::infinity());
}

template <class T>
T bit_and(T a, T b) {
  return convert<T>(a & b);
}

template <class T>
T bit_or(T a, T b) {
  return convert<T>(a | b);
}

template <class T>
T bit_xor(T a, T b) {
  return convert<T>(a ^ b);
}

template <class T>
T bit_not(T a) {
  if constexpr (is_bool_v<T>) {
    return bit_xor(a, constant<T>(true));
  } else {
    return convert<T>(~a);
  }
}

// Whether the machine can shift by b.
template <class T>
mask_of<T> is_shift(T b) {
  const mask_of<T> below = b < constant<T>(width_of<T>);
  if constexpr (is_signed_v<T>) {
    const mask_of<T> not_negative = b >= constant<T>(0);
    return below & not_negative;
  } else {
    return below;
  }
}

// 0 for a shift that is negative or not below the width.
template <class T>
T shift_left(T a, T b) {
  const mask_of<T> defined = is_shift(b);
  const T by = select(defined, b, constant<T>(0));
  return select(defined, convert<T>(modular(a) << modular(by)), constant<T>(0));
}

// Fills with the sign; nothing but the fill for a shift that is negative or not below the width.
template <class T>
T shift_right(T a, T b) {
  const mask_of<T> defined = is_shift(b);
  if constexpr (is_signed_v<T>) {
    return convert<T>(a >> select(defined, b, constant<T>(width_of<T> - 1)));
  } else {
    return select(defined, convert<T>(a >> select(defined, b, constant<T>(0))), constant<T>(0));
  }
}

}  // namespace ndl::ir::math
