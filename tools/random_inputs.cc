#include "tools/random_inputs.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "base/hash.h"
#include "ir/math/convert.h"
#include "tools/index_limits.h"
#include "tools/machine.h"
#include "tools/random.h"

namespace ndl::tools {
namespace {

constexpr std::int64_t kLargestInteger = 9;

// Every so many elements are special.
constexpr std::uint64_t kSpecialPeriod = 16;

template <class T>
T special(std::uint64_t which) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double largest = std::ldexp(2 - std::ldexp(1.0, 1 - precision_of(dtype_of<T>)),
                                    dtype_of<T> == DType::kF16   ? 15
                                    : dtype_of<T> == DType::kF64 ? 1023
                                                                 : 127);
  const double values[] = {0,       -0.0,     1,         -1,
                           largest, -largest, kInfinity, std::numeric_limits<double>::quiet_NaN()};
  return ir::math::convert_element<T>(values[which % std::size(values)]);
}

ir::Literal floats(const ir::TensorType& type, std::uint64_t key, bool with_special) {
  ir::Literal literal = normal_floats(type, 0, 1, key);
  if (!with_special) return literal;
  visit_dtype(type.dtype, [&]<class T>(std::type_identity<T>) {
    T* data = literal.mutable_data<T>();
    for (std::int64_t i = 0; i < literal.size(); ++i) {
      const std::uint64_t bits = mix_bits(~key + static_cast<std::uint64_t>(i));
      if (bits % kSpecialPeriod == 0) data[i] = special<T>(bits / kSpecialPeriod);
    }
  });
  return literal;
}

ir::Literal integers(const ir::TensorType& type, const ir::Dims& limits, std::int64_t beyond,
                     std::uint64_t key) {
  if (type.dtype == DType::kBool) return uniform_integers(type, 0, 1, key);
  const auto largest = visit_dtype(type.dtype, []<class T>(std::type_identity<T>) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<std::int64_t>(std::numeric_limits<T>::max());
    } else {
      return std::int64_t{0};
    }
  });
  if (limits.empty()) return uniform_integers(type, 0, std::min(kLargestInteger, largest), key);
  const auto highest = [&](std::int64_t limit) { return std::min(limit + beyond, largest); };
  if (limits.size() == 1) return uniform_integers(type, 0, highest(limits[0]), key);

  ir::Literal literal = ir::Literal::uninitialized(type);
  visit_dtype(type.dtype, [&]<class T>(std::type_identity<T>) {
    for (std::size_t i = 0; i < limits.size(); ++i) {
      const auto range = static_cast<std::uint64_t>(highest(limits[i])) + 1;
      literal.mutable_data<T>()[i] = static_cast<T>(mix_bits(key + i) % range);
    }
  });
  return literal;
}

}  // namespace

std::vector<ir::Literal> random_inputs(const ir::Graph& graph, std::uint64_t seed, InputKind kind) {
  const std::vector<ir::Dims> limits = index_limits(graph);
  const bool probing = kind == InputKind::kProbing;
  const bool with_special = probing && seed % 2 == 1;
  const std::int64_t beyond = probing && seed % 8 == 7 ? 1 : 0;
  std::vector<ir::Literal> inputs;
  for (std::size_t i = 0; i < graph.num_parameters(); ++i) {
    const ir::TensorType& type = graph.type(graph.parameter(i)).tensor();
    require_memory(type.bytes(), type.to_string());
    const std::uint64_t key = random_key(seed, i);
    inputs.push_back(is_float(type.dtype) ? floats(type, key, with_special)
                                          : integers(type, limits[i], beyond, key));
  }
  return inputs;
}

}  // namespace ndl::tools
