#include "needle/random.h"

#include <numbers>
#include <vector>

#include "needle/elementwise.h"
#include "needle/shaping.h"

namespace ndl {
namespace {

Tensor state_of(std::int64_t seed) {
  return Tensor(std::vector<std::int64_t>{seed, 0}, {.requires_grad = false});
}

}  // namespace

Tensor rng_bits(const Operand& state, const ir::Shape& shape, DType dtype) {
  const ir::Type type(dtype, shape);
  return Tensor(make_record(ir::Op::kRngBits, {state.record()}, {}, &type, state.location()));
}

Generator::Generator(std::int64_t seed) : state_(state_of(seed)) {}

void Generator::seed(std::int64_t seed) { state_.set_data(state_of(seed)); }

Tensor Generator::bits(const ir::Shape& shape, const std::source_location& at) {
  const Tensor result = rng_bits(Operand(state_, at), shape);
  constexpr std::int64_t kNumbersACount = 4;
  const std::int64_t counts = (shape.num_elements() + kNumbersACount - 1) / kNumbersACount;
  const Tensor claimed(std::vector<std::int64_t>{0, counts}, {.requires_grad = false});
  state_.set_data(add(Operand(state_.data(), at), Operand(claimed, at)));
  return result;
}

Generator& default_generator() {
  thread_local Generator generator = [] {
    // The first to ask may be a function that is being traced, which this is no part of.
    Generator outside;
    outside.state_.record()->trace = 0;
    return outside;
  }();
  return generator;
}

void manual_seed(std::int64_t seed) { default_generator().seed(seed); }

namespace {

// The upper 24 of 32 random bits as a number of [0, 2^24).
Tensor upper_bits(const Tensor& bits, const std::source_location& at) {
  const Tensor shifted = shift_right(Operand(bits, at), Operand(8, at));
  return astype(Operand(and_(Operand(shifted, at), Operand(0xffffff, at)), at), DType::kF32);
}

}  // namespace

Tensor random_uniform(const ir::Shape& shape, Generator& generator,
                      const std::source_location& at) {
  return mul(Operand(upper_bits(generator.bits(shape, at), at), at), Operand(0x1p-24, at));
}

Tensor random_normal(const ir::Shape& shape, Generator& generator, const std::source_location& at) {
  // In (0, 1], so that it has a logarithm.
  const Tensor first = upper_bits(generator.bits(shape, at), at);
  const Tensor u = (Operand(first, at).tensor() + 1) * 0x1p-24;
  const Tensor angle = random_uniform(shape, generator, at) * (2 * std::numbers::pi);
  return sqrt(-2 * log(u)) * cos(angle);
}

}  // namespace ndl
