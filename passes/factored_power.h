// Values that hold powers, kept apart as factor * exp(exponent): sums, products and quotients of
// such neither overflow nor vanish, whatever the exponents.
//
//   exp(x)                    1 * exp(x)
//   w * exp(x) / c            (w / c) * exp(x)
//   sum(w * exp(x))           sum(w * exp(x - k)) * exp(k), k = round(max(x)) where w is not 0
//   exp(x) + y                (exp(x - k) + y * exp(-k)) * exp(k), k = round(max(x, 0))
//   expm1(x)                  (expm1(x - k) - expm1(-k)) * exp(k), k = round(max(x, 0))
//   cosh(x), sinh(x)          cosh(clamp(x, -20, 20)) * exp(max(|x| - 20, 0))
//   prod(w * exp(x))          prod(w) * exp(sum(x))
//   matmul(exp(x), y)         matmul(exp(x - k), y) * exp(k)
//
// A shift k is a whole number near the largest exponent: x - k rounds little, k - k not at all, and
// no gradient flows to it. Internal to passes.
#pragma once

#include <optional>

#include "ir/builder.h"
#include "ir/graph.h"

namespace ndl::passes {

// factor * exp(exponent), in the accumulator's dtype; either may be missing: 1 * exp(0).
struct FactoredPower {
  std::optional<ir::Value> factor;
  std::optional<ir::Value> exponent;
  bool is_sum = false;  // the factor is 0 where there is nothing to sum
};

// `value` taken apart; all of it is the factor if it holds no power (held_powers.h).
FactoredPower factored(ir::Builder& b, ir::Value value);

// factor * exp(exponent - shift). What is multiplied by 0 may be far above the shift.
ir::Value terms(ir::Builder& b, const FactoredPower& x, std::optional<ir::Value> shift);

// The exponents that count, and the lowest number where the factor is 0.
ir::Value largest(ir::Builder& b, const FactoredPower& x);

// log(x), of which one part is there; and log(1 + x), as exact near 0 as log1p.
ir::Value logarithm(ir::Builder& b, const FactoredPower& x);
ir::Value log_one_plus(ir::Builder& b, const FactoredPower& x);

}  // namespace ndl::passes
