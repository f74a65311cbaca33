#include "tests/codegen/lane_values.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "base/hash.h"
#include "tests/same_results.h"

namespace ndl::codegen {
namespace {

constexpr int kSampleBits = 20;
constexpr std::size_t kMultiple = 64;

template <class T>
using BitsOf = std::conditional_t<
    sizeof(T) == 8, std::uint64_t,
    std::conditional_t<sizeof(T) == 4, std::uint32_t,
                       std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint8_t>>>;

// Each of 2^20 equal parts of all patterns gives one.
template <class T>
void add_samples(std::vector<T>& out) {
  constexpr int kShift = 8 * sizeof(T) - kSampleBits;
  for (std::uint64_t i = 0; i < 1u << kSampleBits; ++i) {
    const std::uint64_t below = mix_bits(i) & ((std::uint64_t(1) << kShift) - 1);
    out.push_back(std::bit_cast<T>(static_cast<BitsOf<T>>(i << kShift | below)));
  }
}

template <class T>
void add_neighbourhood(std::vector<T>& out, T x) {
  const T infinity = std::numeric_limits<T>::infinity();
  for (const T value : {x, std::nextafter(x, infinity), std::nextafter(x, -infinity)}) {
    out.push_back(value);
    out.push_back(-value);
  }
}

// Every number of a 16-bit format that is not negative, and what lies halfway to the next.
template <class Half, class T>
void add_around_halves(std::vector<T>& out) {
  for (std::uint16_t bits = 0; bits < 0x7fff; ++bits) {
    const T x = Half{bits}.to_float();
    const T next = Half{static_cast<std::uint16_t>(bits + 1)}.to_float();
    if (!std::isfinite(x)) continue;
    add_neighbourhood(out, x);
    // Beyond the largest number the formats round as if there were a next one.
    const T previous = Half{static_cast<std::uint16_t>(bits - 1)}.to_float();
    add_neighbourhood(out, std::isfinite(next) ? x + (next - x) / 2 : x + (x - previous) / 2);
  }
}

void add_around_floats(std::vector<double>& out) {
  std::vector<float> floats;
  add_samples(floats);
  for (std::size_t i = 0; i < floats.size(); i += 16) {
    const double x = std::abs(floats[i]);
    const double next = std::nextafter(std::abs(floats[i]), std::numeric_limits<float>::infinity());
    if (!std::isfinite(next)) continue;
    add_neighbourhood(out, x);
    add_neighbourhood(out, x + (next - x) / 2);
  }
  add_neighbourhood(out, 0x1.ffffffp127);  // halfway to what would be the next float
}

template <class T>
void add_floats(std::vector<T>& out) {
  using Limits = std::numeric_limits<T>;
  out.push_back(Limits::quiet_NaN());
  out.push_back(-Limits::quiet_NaN());
  out.push_back(Limits::signaling_NaN());
  out.push_back(Limits::infinity());
  out.push_back(-Limits::infinity());
  for (int e = Limits::min_exponent - Limits::digits; e < Limits::max_exponent; ++e) {
    add_neighbourhood(out, std::ldexp(T(1), e));
    add_neighbourhood(out, std::ldexp(T(1.5), e));
  }
  for (int i = -70000; i <= 70000; ++i) out.push_back(T(i) / 2);
  add_around_halves<Float16>(out);
  add_around_halves<BFloat16>(out);
  if constexpr (std::is_same_v<T, double>) add_around_floats(out);
}

template <class T>
void add_integers(std::vector<T>& out) {
  using U = BitsOf<T>;
  constexpr int kBits = 8 * sizeof(T);
  for (int i = 0; i < kBits; ++i) {
    for (int j = 0; j <= i; ++j) {
      for (int k = 0; k <= j; ++k) {
        const U sum = (U(1) << i) + (j < i ? U(1) << j : 0) + (k < j ? U(1) << k : 0);
        for (const U value : {sum, sum - 1, sum + 1}) {
          out.push_back(static_cast<T>(value));
          out.push_back(static_cast<T>(U(0) - value));
        }
      }
    }
  }
}

}  // namespace

ir::Literal lane_values(DType dtype) {
  return visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
    std::vector<T> values;
    if constexpr (sizeof(T) <= 2) {
      for (std::uint32_t bits = 0; bits < 1u << 8 * sizeof(T); ++bits) {
        if constexpr (std::is_same_v<T, bool>) {
          values.push_back(bits % 3 == 0);
        } else {
          values.push_back(std::bit_cast<T>(static_cast<BitsOf<T>>(bits)));
        }
      }
    } else {
      add_samples(values);
      if constexpr (std::is_floating_point_v<T>) {
        add_floats(values);
      } else {
        add_integers(values);
      }
    }
    ir::Literal literal = ir::Literal::uninitialized(
        {dtype, {static_cast<std::int64_t>(values.size() / kMultiple * kMultiple + kMultiple)}});
    for (std::int64_t i = 0; i < literal.size(); ++i) {
      literal.mutable_data<T>()[i] = values[static_cast<std::size_t>(i) % values.size()];
    }
    return literal;
  });
}

ir::Literal random_values(const ir::TensorType& type, std::uint64_t seed) {
  ir::Literal literal = test::random_literal(type, seed);
  if (type.dtype == DType::kBool) return literal;
  const std::size_t width = size_of(type.dtype);
  for (std::int64_t i = 0; i < literal.size(); i += 2) {
    const std::uint64_t bits = mix_bits(seed ^ static_cast<std::uint64_t>(i) << 20);
    std::memcpy(literal.bytes() + static_cast<std::size_t>(i) * width, &bits, width);
  }
  return literal;
}

}  // namespace ndl::codegen
