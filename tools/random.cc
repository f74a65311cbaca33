#include "tools/random.h"

#include <cmath>
#include <type_traits>

#include "base/hash.h"
#include "ir/math/convert.h"
#include "ir/math/log.h"

namespace ndl::tools {
namespace {

// Each element is element(i), converted to the dtype.
template <class F>
ir::Literal generate(const ir::TensorType& type, F element) {
  ir::Literal result = ir::Literal::uninitialized(type);
  visit_dtype(type.dtype, [&]<class T>(std::type_identity<T>) {
    T* data = result.mutable_data<T>();
    for (std::int64_t i = 0; i < result.size(); ++i) {
      data[i] = ir::math::convert_element<T>(element(static_cast<std::uint64_t>(i)));
    }
  });
  return result;
}

// In [0, 1), a multiple of 2^-bits.
double to_unit(std::uint64_t random, int bits) {
  return std::ldexp(static_cast<double>(random >> (64 - bits)), -bits);
}

// Marsaglia's polar method: a point drawn from the unit disc gives one normal number (the second is
// dropped). Only correctly rounded operations and our own log, so equal bits everywhere.
double normal(std::uint64_t key) {
  for (std::uint64_t draw = 0;; draw += 2) {
    const double x = 2 * to_unit(mix_bits(key + draw), 53) - 1;
    const double y = 2 * to_unit(mix_bits(key + draw + 1), 53) - 1;
    const double square = x * x + y * y;
    if (square > 0 && square < 1) return x * std::sqrt(-2 * ir::math::log(square) / square);
  }
}

}  // namespace

std::uint64_t random_key(std::uint64_t seed, std::uint64_t stream) {
  return mix_bits(mix_bits(seed) ^ mix_bits(~stream));
}

ir::Literal uniform_floats(const ir::TensorType& type, double low, double high, std::uint64_t key) {
  NDL_CHECK(is_float(type.dtype));
  const int bits = precision_of(type.dtype);
  return generate(
      type, [=](std::uint64_t i) { return low + to_unit(mix_bits(key + i), bits) * (high - low); });
}

ir::Literal uniform_integers(const ir::TensorType& type, std::int64_t low, std::int64_t high,
                             std::uint64_t key) {
  NDL_CHECK(!is_float(type.dtype) && low <= high);
  // Values less one, so that all of i64 is a range too.
  const std::uint64_t last = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  return generate(type, [=](std::uint64_t i) {
    // The upper half of random * (last + 1) is uniform in 0..last (Lemire, Fast Random Integer
    // Generation in an Interval), up to a bias of 2^-64 * last.
    const auto product = static_cast<unsigned __int128>(mix_bits(key + i)) *
                         (static_cast<unsigned __int128>(last) + 1);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) +
                                     static_cast<std::uint64_t>(product >> 64));
  });
}

ir::Literal normal_floats(const ir::TensorType& type, double mean, double deviation,
                          std::uint64_t key) {
  NDL_CHECK(is_float(type.dtype));
  return generate(type, [=](std::uint64_t i) {
    return mean + deviation * normal(mix_bits(key ^ mix_bits(i)));
  });
}

}  // namespace ndl::tools
