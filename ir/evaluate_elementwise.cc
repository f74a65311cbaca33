// Elementwise ops on literals: a loop over arrays, in float for the 16-bit floats.
#include <algorithm>
#include <array>

#include "ir/elementwise.h"
#include "ir/evaluate.h"
#include "ir/math/convert.h"

namespace ndl::ir {
namespace {

// 16-bit operands are widened, computed and rounded in blocks that stay in the cache.
constexpr std::int64_t kBlock = 1024;

template <class Half>
void apply_in_float(const Evaluation& e, ElementwiseFunction function, Literal& result) {
  const std::size_t count = e.operands.size();
  std::array<std::array<float, kBlock>, 3> wide{};
  std::array<float, kBlock> wide_result{};
  for (std::int64_t begin = 0; begin < result.size(); begin += kBlock) {
    const std::int64_t n = std::min(kBlock, result.size() - begin);
    std::array<const void*, 3> operands{};
    for (std::size_t i = 0; i < count; ++i) {
      if (e.dtype(i) == DType::kBool) {
        operands[i] = e.operands[i].template data<bool>() + begin;
        continue;
      }
      const Half* source = e.operands[i].template data<Half>() + begin;
      std::transform(source, source + n, wide[i].begin(), [](Half x) { return x.to_float(); });
      operands[i] = wide[i].data();
    }
    if (result.dtype() == DType::kBool) {
      function(n, operands.data(), result.mutable_data<bool>() + begin);
      continue;
    }
    function(n, operands.data(), wide_result.data());
    std::transform(wide_result.begin(), wide_result.begin() + n,
                   result.mutable_data<Half>() + begin, [](float x) { return Half::from(x); });
  }
}

// select passes bits through unchanged, also those of a signalling NaN that float would quieten.
void select_bits(const Evaluation& e, Literal& result) {
  const bool* mask = e.operands[0].data<bool>();
  const auto* a = reinterpret_cast<const std::uint16_t*>(e.operands[1].bytes());
  const auto* b = reinterpret_cast<const std::uint16_t*>(e.operands[2].bytes());
  auto* out = reinterpret_cast<std::uint16_t*>(result.bytes());
  for (std::int64_t i = 0; i < result.size(); ++i) out[i] = mask[i] ? a[i] : b[i];
}

}  // namespace

std::vector<Literal> evaluate_elementwise(const Evaluation& e) {
  Literal result = Literal::uninitialized(e.result.tensor());
  const DType dtype = e.operands.back().dtype();
  if (is_half(dtype)) {
    const ElementwiseFunction function = elementwise_function(e.def.op, DType::kF32);
    if (e.def.op == Op::kSelect) {
      select_bits(e, result);
    } else if (dtype == DType::kF16) {
      apply_in_float<Float16>(e, function, result);
    } else {
      apply_in_float<BFloat16>(e, function, result);
    }
    return {std::move(result)};
  }
  std::array<const void*, 3> operands{};
  for (std::size_t i = 0; i < e.operands.size(); ++i) operands[i] = e.operands[i].bytes();
  elementwise_function(e.def.op, dtype)(result.size(), operands.data(), result.bytes());
  return {std::move(result)};
}

}  // namespace ndl::ir
