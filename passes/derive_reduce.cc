// Derivatives of ops that combine elements along axes.
#include <limits>

#include "ir/expansion.h"
#include "passes/derive.h"
#include "passes/derive_helpers.h"
#include "passes/term.h"

namespace ndl::passes {

using ir::Attr;
using ir::Builder;
using ir::Dims;
using ir::ReduceKind;
using ir::Shape;
using ir::Value;

void derive_reduce(Derivation& d) {
  if (!d.needs(0)) return;
  const ir::Attributes attributes = d.attributes();
  const Dims& axes = attributes.integers(Attr::kAxes);
  const Shape shape = d.shape(0);
  const auto repeat = [&](Value reduced) { return ir::repeat_along(d.b, reduced, axes, shape); };
  const auto term = [&](Value value) { return Term{&d.b, value}; };
  const Term x = term(d.operand(0));
  switch (attributes.kind()) {
    case ReduceKind::kSum:
      d.add_moved(0, repeat);
      return;
    case ReduceKind::kMax:
    case ReduceKind::kMin: {
      const Term is_taken = x == term(repeat(d.node()));
      const Value ties =
          d.b.reduce(select(is_taken, x.constant(1), 0).value, ReduceKind::kSum, axes);
      const Term share = term(repeat(d.b.div(d.g(), ties)));
      Cotangent taken{select(is_taken, share, 0).value, is_taken.value};
      if (d.cotangent().mask) taken.mask = d.b.and_(is_taken.value, repeat(*d.cotangent().mask));
      d.add(0, taken);
      return;
    }
    case ReduceKind::kProd: {
      const Value zeros = d.b.reduce(zero_count(x).value, ReduceKind::kSum, axes);
      const Value product = d.b.reduce(without_zeros(x).value, ReduceKind::kProd, axes);
      d.add(0,
            gradient_of_factor(x, term(repeat(d.g())), term(repeat(product)), term(repeat(zeros)))
                .value);
      return;
    }
    case ReduceKind::kAnd:
    case ReduceKind::kOr:
      return;
  }
}

void derive_cumsum(Derivation& d) {
  if (!d.needs(0)) return;
  const std::int64_t axis = d.attributes().integer(Attr::kAxis);
  d.add(0, d.b.reverse(d.b.cumsum(d.b.reverse(d.g(), {axis}), axis), {axis}));
}

// y (g - sum(g y))
void derive_softmax(Derivation& d) {
  if (!d.needs(0)) return;
  const Dims axes = d.attributes().integers(Attr::kAxes);
  const Term g{&d.b, d.g()};
  const Term y{&d.b, d.node()};
  const Term mean{&d.b, ir::reduce_and_repeat(d.b, (g * y).value, ReduceKind::kSum, axes)};
  d.add(0, (y * (g - mean)).value);
}

// g - softmax(x) sum(g)
void derive_log_softmax(Derivation& d) {
  if (!d.needs(0)) return;
  const Dims axes = d.attributes().integers(Attr::kAxes);
  const Term g{&d.b, d.g()};
  const Term p{&d.b, d.b.softmax(d.operand(0), axes)};
  const Term sum{&d.b, ir::reduce_and_repeat(d.b, g.value, ReduceKind::kSum, axes)};
  d.add(0, (g - p * sum).value);
}

// g softmax(x); 0 where x is -inf everywhere and softmax(x) is not a number.
void derive_logsumexp(Derivation& d) {
  if (!d.needs(0)) return;
  const Dims axes = d.attributes().integers(Attr::kAxes);
  const Shape shape = d.shape(0);
  const Term y{&d.b, d.node()};
  const Term is_empty = y == -std::numeric_limits<double>::infinity();
  const Term none{&d.b, ir::repeat_along(d.b, is_empty.value, axes, shape)};
  const Term p{&d.b, d.b.softmax(d.operand(0), axes)};
  const Term g{&d.b, ir::repeat_along(d.b, d.g(), axes, shape)};
  d.add(0, select(none, 0, g * p).value);
}

// y (1 - y), where 1 - y is another sigmoid, lest it cancel.
void derive_sigmoid(Derivation& d) {
  if (!d.needs(0)) return;
  const Term x{&d.b, d.operand(0)};
  const Term y{&d.b, d.node()};
  add_fading(d, 0, d.g(), (y * sigmoid(-x)).value);
}

void derive_softplus(Derivation& d) {
  if (!d.needs(0)) return;
  const Term x{&d.b, d.operand(0)};
  add_fading(d, 0, d.g(), sigmoid(x).value);
}

void derive_logaddexp(Derivation& d) {
  const Term g{&d.b, d.g()};
  const Term a{&d.b, d.operand(0)};
  const Term c{&d.b, d.operand(1)};
  // Equal infinities do not differ; equal numbers differ by 0, with a slope.
  const Term is_infinite = abs(a) == std::numeric_limits<double>::infinity();
  const Term is_same_infinity = (a == c) & is_infinite;
  const Term apart = a - c;
  const Term difference = select(is_same_infinity, 0, apart);
  if (d.needs(0)) d.add_masked(0, (g * sigmoid(difference)).value);
  if (d.needs(1)) d.add_masked(1, (g * sigmoid(-difference)).value);
}

}  // namespace ndl::passes
