// The two 16-bit float formats: IEEE binary16 (f16) and the upper half of binary32 (bf16).
//
// Values are held as bits. Arithmetic is done elsewhere, in float; this file only converts: exactly
// when widening, to nearest with ties to even when narrowing. Narrowing from double rounds once,
// not by way of float. NaN stays NaN (made quiet, upper payload bits kept), overflow gives
// infinity.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace ndl {

namespace internal {

// x as the bits of a 16-bit format with `kMantissa` explicit mantissa bits.
template <int kMantissa, class F>
constexpr std::uint16_t narrow_to_16_bits(F x) {
  using U = std::conditional_t<sizeof(F) == 8, std::uint64_t, std::uint32_t>;
  constexpr int kSourceMantissa = std::numeric_limits<F>::digits - 1;
  constexpr int kSourceBias = std::numeric_limits<F>::max_exponent - 1;
  constexpr int kBias = (1 << (14 - kMantissa)) - 1;
  constexpr int kDropped = kSourceMantissa - kMantissa;
  constexpr std::uint16_t kInfinity = ((1 << (15 - kMantissa)) - 1) << kMantissa;

  const U bits = std::bit_cast<U>(x);
  const U magnitude = bits & (~U(0) >> 1);
  const auto sign = static_cast<std::uint16_t>(bits >> (8 * sizeof(U) - 16) & 0x8000u);
  constexpr U kSourceInfinity = std::bit_cast<U>(std::numeric_limits<F>::infinity());
  if (magnitude > kSourceInfinity) {
    const auto payload = static_cast<std::uint16_t>(magnitude >> kDropped);
    const std::uint16_t mask = (1 << kMantissa) - 1;
    return sign | kInfinity | (1 << (kMantissa - 1)) | (payload & mask);
  }
  if (magnitude == kSourceInfinity) return sign | kInfinity;

  int exponent = static_cast<int>(magnitude >> kSourceMantissa);
  U mantissa = magnitude & ((U(1) << kSourceMantissa) - 1);
  if (exponent == 0) {
    exponent = 1;  // subnormal: no implicit bit
  } else {
    mantissa |= U(1) << kSourceMantissa;
  }
  exponent += kBias - kSourceBias;
  int shift = kDropped;
  if (exponent < 1) {  // the result is subnormal or zero
    shift += 1 - exponent;
    exponent = 1;
  }
  if (shift > kSourceMantissa + 1) return sign;  // below half of the smallest subnormal
  const U half = U(1) << (shift - 1);
  const U rest = mantissa & ((U(1) << shift) - 1);
  U result = mantissa >> shift;
  if (rest > half || (rest == half && (result & 1) != 0)) ++result;
  // The implicit bit, or a carry out of the rounding, adds to the exponent as it should.
  result += static_cast<U>(exponent - 1) << kMantissa;
  return sign | static_cast<std::uint16_t>(result < kInfinity ? result : U(kInfinity));
}

}  // namespace internal

struct Float16 {
  std::uint16_t bits = 0;

  static constexpr Float16 from(float x) { return {internal::narrow_to_16_bits<10>(x)}; }
  static constexpr Float16 from(double x) { return {internal::narrow_to_16_bits<10>(x)}; }

  constexpr float to_float() const {
    const std::uint32_t sign = std::uint32_t(bits & 0x8000u) << 16;
    const std::uint32_t magnitude = bits & 0x7fffu;
    if (magnitude >= 0x7c00u) {  // infinity or NaN: exponent all ones
      return std::bit_cast<float>(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
    }
    if (magnitude >= 0x400u) {
      return std::bit_cast<float>(sign | ((magnitude << 13) + ((127 - 15) << 23)));
    }
    const float value = static_cast<float>(magnitude) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(value));
  }
};

struct BFloat16 {
  std::uint16_t bits = 0;

  static constexpr BFloat16 from(float x) { return {internal::narrow_to_16_bits<7>(x)}; }
  static constexpr BFloat16 from(double x) { return {internal::narrow_to_16_bits<7>(x)}; }

  constexpr float to_float() const { return std::bit_cast<float>(std::uint32_t(bits) << 16); }
};

}  // namespace ndl
