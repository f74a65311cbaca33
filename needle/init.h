// What parameters begin with.
//
//   nn::Parameter weight{init::kaiming_uniform(784, 512)};
//
// Numbers are drawn from the default generator (needle/random.h), f32, and require no gradient.
#pragma once

#include <cstdint>
#include <optional>
#include <source_location>

#include "needle/random.h"
#include "needle/tensor.h"

namespace ndl::init {

// Uniform in [low, high).
Tensor rand(const ir::Shape& shape, double low = 0, double high = 1,
            const std::source_location& at = std::source_location::current());
// Normal of that mean and standard deviation.
Tensor randn(const ir::Shape& shape, double mean = 0, double std = 1,
             const std::source_location& at = std::source_location::current());
// bool: true with probability p.
Tensor randb(const ir::Shape& shape, double p = 0.5,
             const std::source_location& at = std::source_location::current());
// indices[...] -> [..., n]: 1 at each index, else 0; all 0 for an index that is none of 0..n-1.
Tensor one_hot(const Operand& indices, std::int64_t n, DType dtype = DType::kF32);

// For weights [fan_in, fan_out], or another shape of such weights.
//
// X. Glorot, Y. Bengio, 2010: uniform within gain * sqrt(6 / (fan_in + fan_out)), and normal of
// standard deviation gain * sqrt(2 / (fan_in + fan_out)).
Tensor xavier_uniform(std::int64_t fan_in, std::int64_t fan_out, double gain = 1,
                      const std::optional<ir::Shape>& shape = std::nullopt,
                      const std::source_location& at = std::source_location::current());
Tensor xavier_normal(std::int64_t fan_in, std::int64_t fan_out, double gain = 1,
                     const std::optional<ir::Shape>& shape = std::nullopt,
                     const std::source_location& at = std::source_location::current());
// K. He et al., 2015: uniform within gain * sqrt(3 / fan_in), and normal of standard deviation
// gain / sqrt(fan_in). The gain is that of ReLU.
inline constexpr double kReluGain = 1.41421356237309504880;
Tensor kaiming_uniform(std::int64_t fan_in, std::int64_t fan_out, double gain = kReluGain,
                       const std::optional<ir::Shape>& shape = std::nullopt,
                       const std::source_location& at = std::source_location::current());
Tensor kaiming_normal(std::int64_t fan_in, std::int64_t fan_out, double gain = kReluGain,
                      const std::optional<ir::Shape>& shape = std::nullopt,
                      const std::source_location& at = std::source_location::current());

}  // namespace ndl::init
