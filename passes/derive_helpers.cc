#include "passes/derive_helpers.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "passes/held_powers.h"

namespace ndl::passes {

using ir::Builder;
using ir::Dims;
using ir::Shape;
using ir::Value;

Value unbroadcast(Builder& b, Value x, const Shape& shape) {
  const Shape from = b.type(x).shape();
  const std::size_t added = from.rank() - shape.rank();
  Dims axes;
  for (std::size_t i = 0; i < from.rank(); ++i) {
    const bool is_repeated = i < added || (shape[i - added] == 1 && from[i] != 1);
    if (is_repeated) axes.push_back(static_cast<std::int64_t>(i));
  }
  if (axes.empty()) return x;
  const bool is_bool = b.type(x).dtype() == DType::kBool;
  return b.reshape(b.reduce(x, is_bool ? ir::ReduceKind::kOr : ir::ReduceKind::kSum, axes), shape);
}

Value resize(Builder& b, Value x, const Dims& low, const Dims& high, const Dims& interior) {
  const auto is_zero = [](std::int64_t n) { return n == 0; };
  const auto only = [](const Dims& dims, bool positive) {
    Dims result;
    for (const std::int64_t n : dims) {
      result.push_back(positive ? std::max<std::int64_t>(n, 0) : std::max<std::int64_t>(-n, 0));
    }
    return result;
  };
  Dims whole;
  bool is_all_cut = false;
  for (std::size_t i = 0; i < low.size(); ++i) {
    const std::int64_t extent = b.type(x).shape()[i];
    const std::int64_t spread = extent == 0 ? 0 : (extent - 1) * (interior[i] + 1) + 1;
    whole.push_back(spread + low[i] + high[i]);
    is_all_cut |= extent > 0 && std::min(low[i], high[i]) <= -spread;
  }
  // Nothing of x is left.
  if (is_all_cut) return b.constant({b.type(x).dtype(), Shape(std::move(whole))}, 0);
  const Dims padding[] = {only(low, true), only(high, true), interior};
  if (!std::ranges::all_of(padding,
                           [&](const Dims& d) { return std::ranges::all_of(d, is_zero); })) {
    const Value zero = b.constant({b.type(x).dtype(), Shape()}, 0);
    x = b.pad(x, zero, padding[0], padding[1], padding[2]);
  }
  const Dims start = only(low, false);
  const Dims cut = only(high, false);
  if (std::ranges::all_of(start, is_zero) && std::ranges::all_of(cut, is_zero)) return x;
  Dims limit = b.type(x).shape().dims();
  for (std::size_t i = 0; i < limit.size(); ++i) limit[i] = std::max(start[i], limit[i] - cut[i]);
  return b.slice(x, start, limit);
}

Value take_along(Builder& b, Value x, Value indices, std::int64_t axis) {
  const auto rank = static_cast<std::int64_t>(b.type(x).shape().rank());
  // The axis last, so that all others are batches; swapping it with the last one is its own
  // inverse.
  Dims swap(static_cast<std::size_t>(rank));
  std::iota(swap.begin(), swap.end(), 0);
  std::swap(swap[static_cast<std::size_t>(axis)], swap.back());
  const Value taken =
      b.gather(b.transpose(x, swap), b.transpose(indices, swap), rank - 1, rank - 1);
  return b.transpose(taken, swap);
}

Term gradient_of_factor(const Term& x, const Term& g, const Term& product, const Term& zeros) {
  const Term is_zero = x == 0;
  const Term share = g * product;
  const Term of_zero = select(zeros == 1, share, 0);
  const Term others = share / select(is_zero, 1, x);
  const Term of_others = select(zeros == 0, others, 0);
  return select(is_zero, of_zero, of_others);
}

Term zero_count(const Term& x) { return select(x == 0, x.constant(1), 0); }

Term without_zeros(const Term& x) { return select(x == 0, 1, x); }

void add_fading(Derivation& d, std::size_t i, Value g, Value slope) {
  const Value product = d.b.mul(g, slope);
  if (holds(d.b.graph(), d.operand(i)) != Holds::kUnbounded) {
    d.add_masked(i, product);
    return;
  }
  const std::optional<Value> outer = d.cotangent().mask;
  const Value is_sloped = d.b.ne(slope, d.zeros_like(slope));
  const Value mask = outer ? d.b.and_(is_sloped, *outer) : is_sloped;
  d.add(i, {d.b.select(mask, product, d.zeros_like(product)), mask});
}

}  // namespace ndl::passes
