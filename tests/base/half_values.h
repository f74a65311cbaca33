// The values of f16 and bf16 and what lies halfway between them, from the definition of the
// formats.
#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/float16.h"

namespace ndl::test {

// A format of one sign bit, 15 - kMantissa exponent bits and kMantissa mantissa bits.
template <class Half>
struct HalfFormat;
template <>
struct HalfFormat<Float16> {
  static constexpr std::string_view kName = "f16";
  static constexpr int kMantissa = 10;
  static constexpr int kBias = 15;
  static constexpr std::uint16_t kInfinity = 0x7c00;
};
template <>
struct HalfFormat<BFloat16> {
  static constexpr std::string_view kName = "bf16";
  static constexpr int kMantissa = 7;
  static constexpr int kBias = 127;
  static constexpr std::uint16_t kInfinity = 0x7f80;
};

// The bit of a NaN that makes it quiet: the first of the mantissa.
template <class Half>
inline constexpr std::uint16_t kQuietBit = 1 << (HalfFormat<Half>::kMantissa - 1);

// The magnitude with these bits; what would be infinity is the next power of two.
template <class Half>
double magnitude_with(std::uint16_t bits) {
  using Format = HalfFormat<Half>;
  const int exponent = bits >> Format::kMantissa;
  const int mantissa = bits & ((1 << Format::kMantissa) - 1);
  if (exponent == 0) return std::ldexp(mantissa, 1 - Format::kBias - Format::kMantissa);
  return std::ldexp(mantissa + (1 << Format::kMantissa),
                    exponent - Format::kBias - Format::kMantissa);
}

// halfway[k] lies between the magnitudes with bits k and k + 1, the last of them infinity. From a
// tie on it is rounded to the even of the two.
template <class Half>
std::vector<double> halfway_values() {
  std::vector<double> halfway;
  for (std::uint16_t bits = 0; bits < HalfFormat<Half>::kInfinity; ++bits) {
    const auto next = static_cast<std::uint16_t>(bits + 1);
    halfway.push_back((magnitude_with<Half>(bits) + magnitude_with<Half>(next)) / 2);
  }
  return halfway;
}

}  // namespace ndl::test
