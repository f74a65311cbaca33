// Random numbers as functions of a state: equal states give equal bits, on any number of threads.
//
//   manual_seed(0);
//   const Tensor x = init::randn({3, 4});       // draws from the default generator
//
// A generator is a key and a counter. Drawing claims as many counts as the draw needs at the moment
// it is recorded, so what else runs, and when, changes no number. Within a jitted function the
// state is one of the tensors that the function changes, so every call draws new numbers.
#pragma once

#include <cstdint>
#include <source_location>

#include "needle/operand.h"
#include "needle/tensor.h"

namespace ndl {

// Random bits, i32 or i64: Philox4x32-10 with the key state[0] and the counter state[1] onward.
// state is i64[2].
Tensor rng_bits(const Operand& state, const ir::Shape& shape, DType dtype = DType::kI32);

class Generator {
 public:
  explicit Generator(std::int64_t seed = 0);

  // Starts over.
  void seed(std::int64_t seed);
  // i64[2]: the key, which is the seed, and the next count.
  const Tensor& state() const { return state_; }

  // i32 of that shape, each of them any with equal probability.
  Tensor bits(const ir::Shape& shape,
              const std::source_location& at = std::source_location::current());

 private:
  friend Generator& default_generator();

  Tensor state_;
};

// The generator of this thread that functions draw from unless they are given another. Its first
// seed is 0 on every thread.
Generator& default_generator();
// Starts the default generator over.
void manual_seed(std::int64_t seed);

// f32 in [0, 1), the multiples of 2^-24.
Tensor random_uniform(const ir::Shape& shape, Generator& generator = default_generator(),
                      const std::source_location& at = std::source_location::current());
// f32 of mean 0 and variance 1, by the transform of Box and Muller.
Tensor random_normal(const ir::Shape& shape, Generator& generator = default_generator(),
                     const std::source_location& at = std::source_location::current());

}  // namespace ndl
