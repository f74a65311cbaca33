// Compares graphs by what they compute.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/hash.h"
#include "ir/interpreter.h"
#include "ir/math/convert.h"
#include "ir/printer.h"

namespace ndl::test {

// Values where arithmetic is not smooth: zeros, infinities, NaN, subnormals, the ends of ranges.
template <class T>
T special_value(std::uint64_t which) {
  using ir::math::convert_element;
  if constexpr (std::is_same_v<T, bool>) {
    return which % 2 == 1;
  } else if constexpr (std::is_integral_v<T>) {
    constexpr T kValues[] = {0,
                             1,
                             2,
                             static_cast<T>(-1),
                             std::numeric_limits<T>::min(),
                             std::numeric_limits<T>::max(),
                             7,
                             static_cast<T>(-8)};
    return kValues[which % std::size(kValues)];
  } else if constexpr (sizeof(T) == 2) {
    constexpr std::uint16_t kBits[] = {0x0000, 0x8000, 0x3c00, 0xbf80, 0x7c00, 0xfc00, 0x7f80,
                                       0xff80, 0x7e00, 0x7fc0, 0x0001, 0x8001, 0x7bff, 0x7f7f};
    return T{kBits[which % std::size(kBits)]};
  } else {
    constexpr T kInf = std::numeric_limits<T>::infinity();
    constexpr T kMin = std::numeric_limits<T>::min();
    constexpr T kMax = std::numeric_limits<T>::max();
    constexpr T kTiny = std::numeric_limits<T>::denorm_min();
    const T near_one = std::nextafter(T(1), T(2));
    const T values[] = {
        0,    -T(0), 1,     -1,     kInf, -kInf,  std::numeric_limits<T>::quiet_NaN(),
        kMin, kMax,  kTiny, -kTiny, 2,    T(0.5), near_one};
    return values[which % std::size(values)];
  }
}

// Random elements, one in four of them special; integers stay small enough to serve as indices
// now and then.
inline ir::Literal random_literal(const ir::TensorType& type, std::uint64_t seed) {
  ir::Literal literal = ir::Literal::uninitialized(type);
  visit_dtype(type.dtype, [&]<class T>(std::type_identity<T>) {
    T* out = literal.mutable_data<T>();
    for (std::int64_t i = 0; i < literal.size(); ++i) {
      const std::uint64_t bits = mix_bits(seed ^ mix_bits(static_cast<std::uint64_t>(i) + 1));
      if (bits % 4 == 0) {
        out[i] = special_value<T>(bits >> 8);
      } else {
        const double uniform = static_cast<double>(bits >> 11) * 0x1p-53;
        out[i] = ir::math::convert_element<T>((uniform - 0.5) * 8);
      }
    }
  });
  return literal;
}

// Random integers in [low, high], as elements of any dtype.
inline ir::Literal random_integers(const ir::TensorType& type, std::int64_t low, std::int64_t high,
                                   std::uint64_t seed) {
  ir::Literal literal = ir::Literal::uninitialized(type);
  visit_dtype(type.dtype, [&]<class T>(std::type_identity<T>) {
    const auto count = static_cast<std::uint64_t>(high - low + 1);
    for (std::int64_t i = 0; i < literal.size(); ++i) {
      const std::uint64_t bits = mix_bits(seed ^ mix_bits(static_cast<std::uint64_t>(i) + 1));
      literal.mutable_data<T>()[i] =
          ir::math::convert_element<T>(low + static_cast<std::int64_t>(bits % count));
    }
  });
  return literal;
}

inline std::vector<ir::Literal> random_inputs(const ir::Graph& graph, std::uint64_t seed) {
  std::vector<ir::Literal> inputs;
  for (std::size_t i = 0; i < graph.num_parameters(); ++i) {
    inputs.push_back(random_literal(graph.type(graph.parameter(i)).tensor(), mix_bits(seed + i)));
  }
  return inputs;
}

// Equal bits, or NaN in both.
inline bool same_element(const ir::Literal& a, const ir::Literal& b, std::int64_t index) {
  return visit_dtype(a.dtype(), [&]<class T>(std::type_identity<T>) {
    const T x = a.at<T>(index);
    const T y = b.at<T>(index);
    if (std::memcmp(&x, &y, sizeof(T)) == 0) return true;
    return is_float(a.dtype()) && std::isnan(a.as_double(index)) && std::isnan(b.as_double(index));
  });
}

// What running the graph gives: literals, or the message of its error.
struct Outcome {
  std::vector<ir::Literal> literals;
  std::string error;
};

inline Outcome run(const ir::Graph& graph, std::span<const ir::Literal> inputs) {
  try {
    return {ir::interpret(graph, inputs), ""};
  } catch (const Error& error) {
    return {{}, error.message()};
  }
}

// `b`, which was made from `a`, gives the same bits (all NaNs equal) for inputs from `seed`. Where
// `a` fails, `b` may have lost the node that does, because nothing needs it.
inline void expect_same_results(const ir::Graph& a, const ir::Graph& b, std::uint64_t seed) {
  const std::vector<ir::Literal> inputs = random_inputs(a, seed);
  const Outcome x = run(a, inputs);
  if (!x.error.empty()) return;
  const Outcome y = run(b, inputs);
  ASSERT_EQ(y.error, "") << ir::print(a) << ir::print(b);
  ASSERT_EQ(x.literals.size(), y.literals.size());
  for (std::size_t k = 0; k < x.literals.size(); ++k) {
    ASSERT_EQ(x.literals[k].type(), y.literals[k].type());
    for (std::int64_t i = 0; i < x.literals[k].size(); ++i) {
      ASSERT_TRUE(same_element(x.literals[k], y.literals[k], i))
          << "element " << i << " of result " << k << ": " << x.literals[k].as_double(i) << " and "
          << y.literals[k].as_double(i) << "\n"
          << ir::print(a) << ir::print(b);
    }
  }
}

}  // namespace ndl::test
