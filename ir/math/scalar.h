// The vocabulary in which scalar mathematics is written once for every "scalar-like" type T.
//
// T is `float`, `double` or an integer in the interpreter and the constant folder, and a lane of IR
// values when a kernel is emitted. Formulas over T therefore never branch on data: a comparison
// gives `mask_of<T>`, a choice is `select(mask, a, b)`, and both sides are always evaluated.
// Whatever is not in this file (or an operator + - * / < <= > >= == != & | ^ ~ << >>, unary -) is
// not available to a formula.
//
// Results are a function of the operands alone: no rounding-mode, errno or flag dependence.
// Compiled with -ffp-contract=off: products and sums are fused only where madd() says so.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace ndl::ir::math {

// What a formula may ask about T. Lanes specialize this.
//   element        float, double, int32_t, ... : what T holds
//   mask           the type of a comparison
//   rebind<U>      the same kind of value holding U (float -> U; lane of float -> lane of U)
template <class T>
struct ScalarTraits {
  static_assert(std::is_arithmetic_v<T>, "a scalar-like type specializes ScalarTraits");
  using element = T;
  using mask = bool;
  template <class U>
  using rebind = U;
};

template <class T>
using element_of = typename ScalarTraits<T>::element;
template <class T>
using mask_of = typename ScalarTraits<T>::mask;
template <class T, class U>
using rebind_t = typename ScalarTraits<T>::template rebind<U>;

template <class T>
inline constexpr bool is_float_v = std::is_floating_point_v<element_of<T>>;
template <class T>
inline constexpr bool is_bool_v = std::is_same_v<element_of<T>, bool>;
template <class T>
inline constexpr bool is_integer_v = std::is_integral_v<element_of<T>> && !is_bool_v<T>;

// The integer of T's width: float -> int32_t, double -> int64_t (signed and unsigned).
template <class T>
using int_of =
    rebind_t<T, std::conditional_t<sizeof(element_of<T>) == 8, std::int64_t, std::int32_t>>;
template <class T>
using uint_of =
    rebind_t<T, std::conditional_t<sizeof(element_of<T>) == 8, std::uint64_t, std::uint32_t>>;

// Layout of an IEEE binary format.
template <class E>
struct Format;
template <>
struct Format<float> {
  static constexpr int kMantissaBits = 23;  // explicit
  static constexpr int kBias = 127;
};
template <>
struct Format<double> {
  static constexpr int kMantissaBits = 52;
  static constexpr int kBias = 1023;
};

// The number `value` of type T, rounded to its element.
template <class T, class V>
constexpr T constant(V value) {
  return T(static_cast<element_of<T>>(value));
}

// m ? a : b, bit for bit (a NaN or a signed zero passes through unchanged).
template <class T>
  requires std::is_arithmetic_v<T>
constexpr T select(bool m, T a, T b) {
  return m ? a : b;
}

// a*b + c. Fused (one rounding) wherever the target has the instruction; on plain x86-64 lanes it
// is a product and a sum. Use it where either is accurate enough, as in a Horner step.
template <class T>
  requires std::is_floating_point_v<T>
inline T madd(T a, T b, T c) {
  return std::fma(a, b, c);
}

// coefficients[0] + x*(coefficients[1] + x*(...)), one madd a degree.
template <class T, std::size_t N>
inline T horner(T x, const std::array<element_of<T>, N>& coefficients) {
  T sum = T(coefficients[N - 1]);
  for (std::size_t i = N - 1; i-- > 0;) sum = madd(sum, x, T(coefficients[i]));
  return sum;
}

// hi + lo == a*b exactly, hi = round(a*b), barring overflow and underflow of the low part.
template <class T>
struct Pair {
  T hi;
  T lo;
};
template <class T>
  requires std::is_floating_point_v<T>
inline Pair<T> two_prod(T a, T b) {
  const T hi = a * b;
  return {hi, std::fma(a, b, -hi)};
}

// c - a*b with one rounding on every target: where nothing is fused, c less both parts of two_prod,
// which is the same if c - round(a*b) is exact, as it is for the remainder of a division or a root.
template <class T>
  requires std::is_floating_point_v<T>
inline T residual(T c, T a, T b) {
  return std::fma(-a, b, c);
}

// hi + lo == a + b exactly (Knuth); no condition on the magnitudes.
template <class T>
inline Pair<T> two_sum(T a, T b) {
  const T hi = a + b;
  const T bb = hi - a;
  return {hi, (a - (hi - bb)) + (b - bb)};
}

// hi + lo == a + b exactly, for |a| >= |b| or a == 0 (Dekker).
template <class T>
inline Pair<T> fast_two_sum(T a, T b) {
  const T hi = a + b;
  return {hi, b - (hi - a)};
}

// Correctly rounded square root; NaN below zero; sqrt(-0) = -0.
template <class T>
  requires std::is_floating_point_v<T>
inline T sqrt(T a) {
  return std::sqrt(a);
}

// Roundings to an integral value, exact; round_even resolves ties to even.
template <class T>
  requires std::is_floating_point_v<T>
inline T floor(T a) {
  return std::floor(a);
}
template <class T>
  requires std::is_floating_point_v<T>
inline T ceil(T a) {
  return std::ceil(a);
}
template <class T>
  requires std::is_floating_point_v<T>
inline T trunc(T a) {
  return std::trunc(a);
}
template <class T>
  requires std::is_floating_point_v<T>
inline T round_even(T a) {
  return std::nearbyint(a);
}

// The bits of a as another type of the same width.
template <class U, class T>
  requires std::is_arithmetic_v<T>
constexpr U bit_cast(T a) {
  return std::bit_cast<U>(a);
}

// Value conversion as the machine does it: int -> float rounds to nearest; float -> int requires a
// value that is in range after truncation (make it so with select first); int -> int wraps.
template <class U, class T>
  requires std::is_arithmetic_v<T>
constexpr U convert(T a) {
  return static_cast<U>(a);
}

// table[index], 0 <= index < N.
template <class T, class I, std::size_t N>
  requires std::is_arithmetic_v<T>
constexpr T lookup(const std::array<T, N>& table, I index) {
  return table[static_cast<std::size_t>(index)];
}

// |a|, by clearing the sign bit.
template <class T>
inline T abs(T a) {
  using U = uint_of<T>;
  using E = element_of<U>;
  return bit_cast<T>(bit_cast<U>(a) & U(static_cast<E>(~E(0) >> 1)));
}

// The magnitude of a with the sign bit of b.
template <class T>
inline T copysign(T a, T b) {
  using U = uint_of<T>;
  using E = element_of<U>;
  constexpr E kSign = E(1) << (8 * sizeof(E) - 1);
  return bit_cast<T>((bit_cast<U>(a) & U(static_cast<E>(~kSign))) | (bit_cast<U>(b) & U(kSign)));
}

}  // namespace ndl::ir::math
