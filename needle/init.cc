#include "needle/init.h"

#include <cmath>

#include "needle/elementwise.h"
#include "needle/shaping.h"

namespace ndl::init {
namespace {

ir::Shape weights(std::int64_t fan_in, std::int64_t fan_out,
                  const std::optional<ir::Shape>& shape) {
  return shape.value_or(ir::Shape({fan_in, fan_out}));
}

}  // namespace

Tensor rand(const ir::Shape& shape, double low, double high, const std::source_location& at) {
  return (random_uniform(shape, default_generator(), at) * (high - low) + low).detach();
}

Tensor randn(const ir::Shape& shape, double mean, double std, const std::source_location& at) {
  return (random_normal(shape, default_generator(), at) * std + mean).detach();
}

Tensor randb(const ir::Shape& shape, double p, const std::source_location& at) {
  return (random_uniform(shape, default_generator(), at) < p).detach();
}

Tensor one_hot(const Operand& indices, std::int64_t n, DType dtype) {
  // In i64, which holds every index and every position.
  const Tensor positions = arange(n, DType::kI64, indices.location());
  const Tensor wide = astype(indices, DType::kI64);
  const Tensor column = expand_dims(Operand(wide, indices.location()), -1);
  return astype(Operand(eq(Operand(column, indices.location()), positions), indices.location()),
                dtype);
}

Tensor xavier_uniform(std::int64_t fan_in, std::int64_t fan_out, double gain,
                      const std::optional<ir::Shape>& shape, const std::source_location& at) {
  const double bound = gain * std::sqrt(6.0 / static_cast<double>(fan_in + fan_out));
  return rand(weights(fan_in, fan_out, shape), -bound, bound, at);
}

Tensor xavier_normal(std::int64_t fan_in, std::int64_t fan_out, double gain,
                     const std::optional<ir::Shape>& shape, const std::source_location& at) {
  const double std = gain * std::sqrt(2.0 / static_cast<double>(fan_in + fan_out));
  return randn(weights(fan_in, fan_out, shape), 0, std, at);
}

Tensor kaiming_uniform(std::int64_t fan_in, std::int64_t fan_out, double gain,
                       const std::optional<ir::Shape>& shape, const std::source_location& at) {
  const double bound = gain * std::sqrt(3.0 / static_cast<double>(fan_in));
  return rand(weights(fan_in, fan_out, shape), -bound, bound, at);
}

Tensor kaiming_normal(std::int64_t fan_in, std::int64_t fan_out, double gain,
                      const std::optional<ir::Shape>& shape, const std::source_location& at) {
  return randn(weights(fan_in, fan_out, shape), 0, gain / std::sqrt(static_cast<double>(fan_in)),
               at);
}

}  // namespace ndl::init
