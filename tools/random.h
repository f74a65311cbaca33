// Random tensors that are the same on every machine: element i is a function of a key and i.
#pragma once

#include <cstdint>

#include "ir/literal.h"

namespace ndl::tools {

// The key of one of the streams of a seed.
std::uint64_t random_key(std::uint64_t seed, std::uint64_t stream);

// Floats uniform in [low, high), in steps of the dtype's precision. Floats only.
ir::Literal uniform_floats(const ir::TensorType& type, double low, double high, std::uint64_t key);
// Integers uniform in low..high, both included; bool as 0 and 1. Not for floats.
ir::Literal uniform_integers(const ir::TensorType& type, std::int64_t low, std::int64_t high,
                             std::uint64_t key);
// Floats from the normal distribution. Floats only.
ir::Literal normal_floats(const ir::TensorType& type, double mean, double deviation,
                          std::uint64_t key);

}  // namespace ndl::tools
