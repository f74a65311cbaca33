// Rules that scale by what is in the data: by a power of two, which rounds nothing, or a whole
// exponent. No gradient flows to the scale, which is rounded to an integer.
#include <cmath>
#include <limits>

#include "ir/expansion.h"
#include "passes/cost_model.h"
#include "passes/stabilize_helpers.h"
#include "passes/value_range.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Attributes;
using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::ReduceKind;
using ir::Shape;
using ir::Value;
using Result = std::optional<Value>;

// The power of two next to a magnitude.
Value power_of_two_near(Builder& b, Value magnitude) {
  const double most = std::floor(std::log2(largest_finite(b.type(magnitude).dtype()))) - 1;
  const Value highest = b.constant_like(magnitude, most);
  const Value lowest = b.constant_like(magnitude, -most);
  return b.exp2(b.max(b.min(b.floor(b.log2(magnitude)), highest), lowest));
}

// Whether it is x / 2^k: the result of a rule.
bool is_scaled(const Graph& graph, Value value) {
  return graph.op(value) == Op::kDiv &&
         graph.op(strip(graph, graph.operand(value, 1), repeats).base) == Op::kExp2;
}

// sqrt(x * x + y * y) of what is scaled by the power of two next to the larger one.
Result hypot(Builder& b, Value value) {
  const Value sum = b.graph().operand(value, 0);
  if (b.graph().op(sum) != Op::kAdd) return std::nullopt;
  const std::optional<Value> first = squared(b.graph(), b.graph().operand(sum, 0));
  const std::optional<Value> second = squared(b.graph(), b.graph().operand(sum, 1));
  if (!first || !second || is_scaled(b.graph(), *first) || is_scaled(b.graph(), *second)) {
    return std::nullopt;
  }
  const Value magnitude = b.abs(*first);
  const Value scale = power_of_two_near(b, b.max(magnitude, b.abs(*second)));
  const Value x = b.div(*first, scale);
  const Value y = b.div(*second, scale);
  const Value xx = b.mul(x, x);
  return b.mul(scale, b.sqrt(b.add(xx, b.mul(y, y))));
}

// sqrt(sum(x * x)), or 1 over it, of rows scaled by the power of two next to their largest element.
Result norm(Builder& b, Value value) {
  const Moved sum = strip(b.graph(), b.graph().operand(value, 0), repeats);
  if (!is_reduce(b.graph(), sum.base, ReduceKind::kSum)) return std::nullopt;
  const std::optional<Value> x = squared(b.graph(), b.graph().operand(sum.base, 0));
  if (!x || is_scaled(b.graph(), *x)) return std::nullopt;
  const Shape shape = b.type(*x).shape();
  const Attributes reduction = b.graph().attributes(sum.base);
  const Dims axes = reduction.integers(Attr::kAxes);
  // A row of nothing has no largest element.
  const std::int64_t rows = b.type(sum.base).shape().num_elements();
  // Longer ones would be read once more from memory, whatever CPU this is.
  if (shape.num_elements() == 0 || shape.num_elements() > CostModel().row_elements() * rows) {
    return std::nullopt;
  }
  const Value scale = power_of_two_near(b, b.reduce(b.abs(*x), ReduceKind::kMax, axes));
  const Value row = b.div(*x, ir::repeat_along(b, scale, axes, shape));
  const Value squares = b.add_node(Op::kReduce, {b.mul(row, row)}, reduction);
  const Value result = replay(b, b.mul(scale, b.sqrt(squares)), sum.moves);
  if (b.graph().op(value) == Op::kSqrt) return result;
  return b.div(b.constant_like(result, 1), result);
}

// x / (s * sqrt(sum(y * y))), where y = x / s: the norm may be larger than any number, this is not.
Result normalize(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const Moved product = strip(graph, graph.operand(value, 1), repeats);
  if (graph.op(product.base) != Op::kMul) return std::nullopt;
  const Value scale = graph.operand(product.base, 0);
  const Value root = graph.operand(product.base, 1);
  if (graph.op(root) != Op::kSqrt) return std::nullopt;
  const Value sum = graph.operand(root, 0);
  if (!is_reduce(graph, sum, ReduceKind::kSum)) return std::nullopt;
  const std::optional<Value> row = squared(graph, graph.operand(sum, 0));
  if (!row || !is_scaled(graph, *row) || graph.operand(*row, 0) != graph.operand(value, 0) ||
      strip(graph, graph.operand(*row, 1), repeats).base != scale) {
    return std::nullopt;
  }
  const Dims& axes = graph.attributes(sum).integers(Attr::kAxes);
  if (!repeats_along(graph, graph.type(*row).shape(), axes, product.moves,
                     graph.operand(value, 1))) {
    return std::nullopt;
  }
  return b.div(*row, replay(b, root, product.moves));
}

// The softmax that `value` is, converted or not.
std::optional<Value> softmax_of(const Graph& graph, Value value) {
  if (is_float_convert(graph, value)) value = graph.operand(value, 0);
  return graph.op(value) == Op::kSoftmax ? std::optional(value) : std::nullopt;
}

// What is exponentiated, of exp(x) and of softmax(z).
std::optional<Value> exponent_of(Builder& b, Value value) {
  if (const std::optional<Value> p = softmax_of(b.graph(), value)) {
    const Dims axes = b.graph().attributes(*p).integers(Attr::kAxes);
    return ir::as_dtype(b, b.log_softmax(b.graph().operand(*p, 0), axes), b.type(value).dtype());
  }
  const std::optional<Exponential> power = exponential(b.graph(), value);
  return power ? std::optional(exponent(b, *power)) : std::nullopt;
}

bool is_power(const Graph& graph, Value value) {
  return softmax_of(graph, value) || exponential(graph, value);
}

// Whether `value` is shifted already: x - max(x), or what the rules below subtract from.
bool is_shifted(const Graph& graph, Value value, const Dims& axes) {
  if (graph.op(value) == Op::kSelect) value = graph.operand(value, 1);
  if (graph.op(value) == Op::kMin) value = graph.operand(value, 0);
  if (unshifted(graph, value, axes)) return true;
  return graph.op(value) == Op::kSub &&
         graph.op(strip(graph, graph.operand(value, 1), repeats).base) == Op::kRound;
}

// log(total) + shift; of nothing it is -inf with the gradient 0, as logsumexp is.
Value shifted_logarithm(Builder& b, Value total, Value shift) {
  const Value is_nothing = b.eq(total, b.constant_like(total, 0));
  const Value sum_of_logs = b.add(b.log(total), shift);
  const double infinity = std::numeric_limits<double>::infinity();
  return b.select(is_nothing, b.constant_like(total, -infinity), sum_of_logs);
}

// Of log(c * sum(exp(x))), as of a mean. It may be near 0 where logsumexp(x) and log(c) are not:
// those would leave few digits.
Result logsumexp_scaled(Builder& b, Value value) {
  const std::optional<ScaledSum> mean = scaled_sum(b.graph(), b.graph().operand(value, 0));
  if (!mean) return std::nullopt;
  const Attributes reduction = b.graph().attributes(mean->sum);
  const Dims axes = reduction.integers(Attr::kAxes);
  if (is_shifted(b.graph(), mean->power.x, axes)) return std::nullopt;
  const Value x = exponent(b, mean->power);
  const Value shift = shift_of(b, x, axes);
  const Value exponents = b.sub(x, ir::repeat_along(b, shift, axes, b.type(x).shape()));
  const Value total = b.add_node(Op::kReduce, {b.exp(exponents)}, reduction);
  const Value number = b.constant_like(total, mean->scale.number);
  const Value natural = shifted_logarithm(b, b.add_node(mean->scale.op, {total, number}), shift);
  return in_base_of(b, value, replay(b, natural, mean->moves));
}

// w * exp(x - shift), where the shift is an integer near the largest x that has a weight.
struct WeightedTerms {
  Value terms;
  Value shift;
};
WeightedTerms weighted_terms(Builder& b, Value x, Value weights, const Dims& axes) {
  const double largest = largest_finite(b.type(x).dtype());
  const Value none = b.constant_like(x, -largest);
  const Value has_weight = b.ne(weights, b.constant_like(weights, 0));
  const Value shift = shift_of(b, b.select(has_weight, x, none), axes);
  // What has no weight may be far above the shift.
  const Value above = b.sub(x, ir::repeat_along(b, shift, axes, b.type(x).shape()));
  const Value bounded = b.min(above, b.constant_like(x, std::floor(std::log(largest) / 2)));
  const Value exponents = b.select(has_weight, above, bounded);
  return {b.mul(weights, b.exp(exponents)), shift};
}

// What is exponentiated of a power where a mask holds, else 0: select(m, exp(x), 0), or exp(x)
// times m as a number. It is -inf where the mask does not hold.
std::optional<Value> masked_exponent(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const auto under = [&](Value mask, const Exponential& power) {
    const Value x = exponent(b, power);
    const Value none = b.constant_like(x, -std::numeric_limits<double>::infinity());
    return b.select(mask, x, none);
  };
  if (graph.op(value) == Op::kSelect && is_number(graph, graph.operand(value, 2), 0)) {
    const std::optional<Exponential> power = exponential(graph, graph.operand(value, 1));
    if (power) return under(graph.operand(value, 0), *power);
  }
  if (graph.op(value) != Op::kMul) return std::nullopt;
  for (const std::size_t i : {0, 1}) {
    const std::optional<Exponential> power = exponential(graph, graph.operand(value, i));
    const Value number = graph.operand(value, 1 - i);
    if (!power || graph.op(number) != Op::kConvert) continue;
    const Value mask = graph.operand(number, 0);
    if (graph.type(mask).dtype() == DType::kBool) return under(mask, *power);
  }
  return std::nullopt;
}

// Of e / sum(e) for e = w * exp(x).
Result softmax_weighted(Builder& b, Value value) {
  const Value e = b.graph().operand(value, 0);
  const std::optional<Dims> axes =
      axes_of_repeated_sum(b.graph(), b.graph().operand(value, 1), e, false);
  if (!axes) return std::nullopt;
  if (const std::optional<Value> x = masked_exponent(b, e)) return b.softmax(*x, *axes);
  if (b.graph().op(e) != Op::kMul) return std::nullopt;
  for (const std::size_t i : {0, 1}) {
    const std::optional<Exponential> power = exponential(b.graph(), b.graph().operand(e, i));
    const Value weights = b.graph().operand(e, 1 - i);
    if (!power || exponential(b.graph(), weights) || is_shifted(b.graph(), power->x, *axes))
      continue;
    const Value terms = weighted_terms(b, exponent(b, *power), weights, *axes).terms;
    const Value sum = b.reduce(terms, ReduceKind::kSum, *axes);
    return b.div(terms, ir::repeat_along(b, sum, *axes, b.type(terms).shape()));
  }
  return std::nullopt;
}

// Of log(sum(w * exp(x))): shifted by the largest x whose weight is not 0, to an integer.
Result logsumexp_weighted(Builder& b, Value value) {
  if (scaled_sum(b.graph(), b.graph().operand(value, 0))) return std::nullopt;
  const Moved sum = strip(b.graph(), b.graph().operand(value, 0), repeats);
  if (!is_reduce(b.graph(), sum.base, ReduceKind::kSum)) return std::nullopt;
  const Attributes reduction = b.graph().attributes(sum.base);
  const Dims axes = reduction.integers(Attr::kAxes);
  const Value product = b.graph().operand(sum.base, 0);
  if (const std::optional<Value> x = masked_exponent(b, product)) {
    return in_base_of(b, value, replay(b, b.logsumexp(*x, axes), sum.moves));
  }
  if (b.graph().op(product) != Op::kMul) return std::nullopt;
  Value powers = b.graph().operand(product, 0);
  Value weights = b.graph().operand(product, 1);
  if (!is_power(b.graph(), powers)) std::swap(powers, weights);
  if (!is_power(b.graph(), powers)) return std::nullopt;
  if (exponential(b.graph(), powers) &&
      is_shifted(b.graph(), exponential(b.graph(), powers)->x, axes)) {
    return std::nullopt;
  }
  const Value x = *exponent_of(b, powers);
  if (is_power(b.graph(), weights)) {
    const Value y = *exponent_of(b, weights);
    const Value both = b.logsumexp(b.add(x, y), axes);
    return in_base_of(b, value, replay(b, both, sum.moves));
  }
  if (const std::optional<double> c = positive_number(b.graph(), weights)) {
    const Value each = b.logsumexp(x, axes);
    const Value scaled = b.add(each, b.constant_like(each, std::log(*c)));
    return in_base_of(b, value, replay(b, scaled, sum.moves));
  }
  if (b.graph().is_splat(weights)) return std::nullopt;

  const WeightedTerms weighted = weighted_terms(b, x, weights, axes);
  const Value total = b.add_node(Op::kReduce, {weighted.terms}, reduction);
  const Value natural = shifted_logarithm(b, total, weighted.shift);
  return in_base_of(b, value, replay(b, natural, sum.moves));
}

}  // namespace

std::vector<Rule> scaling_rules() {
  return {
      function_rule("hypot", {Op::kSqrt}, hypot, "sqrt(x * x + y * y) squares no large number",
                    "%y = tanh(%x) : f32[3]\n%0 = mul(%x, %x) : f32[3]\n"
                    "%1 = mul(%y, %y) : f32[3]\n%2 = add(%0, %1) : f32[3]\n"
                    "%3 = sqrt(%2) : f32[3]",
                    "%y = tanh(%x) : f32[3]\n"
                    "%0 = mul(%x, %x) : f32[3]\n"
                    "%1 = mul(%x, %y) : f32[3]\n"
                    "%2 = add(%0, %1) : f32[3]\n"
                    "%3 = sqrt(%2) : f32[3]"),
      function_rule("norm", {Op::kSqrt, Op::kRsqrt}, norm,
                    "sqrt(sum(x * x)) of rows that fit the cache squares no large number",
                    "%0 = mul(%x, %x) : f32[3]\n%1 = reduce(%0, kind=sum, axes=[0]) : f32[]\n"
                    "%2 = sqrt(%1) : f32[]",
                    "%y = tanh(%x) : f32[3]\n"
                    "%0 = mul(%x, %y) : f32[3]\n"
                    "%1 = reduce(%0, kind=sum, axes=[0]) : f32[]\n"
                    "%2 = sqrt(%1) : f32[]"),
      function_rule("normalize", {Op::kDiv}, normalize, "x / norm(x) divides what has been scaled",
                    "%a = abs(%x) : f32[3]\n%m = reduce(%a, kind=max, axes=[0]) : f32[]\n"
                    "%f = floor(%m) : f32[]\n%s = exp2(%f) : f32[]\n"
                    "%t = broadcast(%s) : f32[3]\n%y = div(%x, %t) : f32[3]\n"
                    "%0 = mul(%y, %y) : f32[3]\n%1 = reduce(%0, kind=sum, axes=[0]) : f32[]\n"
                    "%2 = sqrt(%1) : f32[]\n%3 = mul(%s, %2) : f32[]\n"
                    "%4 = broadcast(%3) : f32[3]\n%5 = div(%x, %4) : f32[3]",
                    "%a = abs(%x) : f32[3]\n"
                    "%m = reduce(%a, kind=max, axes=[0]) : f32[]\n"
                    "%f = floor(%m) : f32[]\n"
                    "%s = exp2(%f) : f32[]\n"
                    "%t = broadcast(%s) : f32[3]\n"
                    "%y = div(%x, %t) : f32[3]\n"
                    "%0 = mul(%y, %y) : f32[3]\n"
                    "%1 = reduce(%0, kind=sum, axes=[0]) : f32[]\n"
                    "%2 = sqrt(%1) : f32[]\n"
                    "%3 = broadcast(%2) : f32[3]\n"
                    "%4 = div(%x, %3) : f32[3]"),
      function_rule("logsumexp-scaled", {Op::kLog, Op::kLog2}, logsumexp_scaled,
                    "log(c * sum(exp(x))), of a mean for example, shifts x by its largest; where "
                    "it is near 0, logsumexp(x) + log(c) would have few digits",
                    "%0 = exp(%x) : f32[3]\n"
                    "%1 = reduce(%0, kind=sum, axes=[0]) : f32[]\n"
                    "%n = constant(3) : f32[]\n"
                    "%2 = div(%1, %n) : f32[]\n"
                    "%3 = log(%2) : f32[]",
                    "%0 = exp(%x) : f32[3]\n"
                    "%1 = reduce(%0, kind=sum, axes=[0]) : f32[]\n"
                    "%n = constant(-3) : f32[]\n"
                    "%2 = div(%1, %n) : f32[]\n"
                    "%3 = log(%2) : f32[]"),
      function_rule("softmax-weighted", {Op::kDiv}, softmax_weighted,
                    "w * exp(x) / sum(w * exp(x)) shifts x by the largest that has a weight; under "
                    "a mask it is a softmax",
                    "%w = constant([0.5, 0, 2]) : f32[3]\n%0 = exp(%x) : f32[3]\n"
                    "%1 = mul(%0, %w) : f32[3]\n%2 = reduce(%1, kind=sum, axes=[0]) : f32[]\n"
                    "%3 = broadcast(%2) : f32[3]\n%4 = div(%1, %3) : f32[3]",
                    "%w = constant([0.5, 0, 2]) : f32[3]\n%0 = exp(%x) : f32[3]\n"
                    "%1 = add(%0, %w) : f32[3]\n%2 = reduce(%1, kind=sum, axes=[0]) : f32[]\n"
                    "%3 = broadcast(%2) : f32[3]\n%4 = div(%1, %3) : f32[3]"),
      function_rule("logsumexp-weighted", {Op::kLog, Op::kLog2}, logsumexp_weighted,
                    "log(sum(w * exp(x))) shifts x by the largest that has a weight; log(sum(w * "
                    "softmax(x))) alike",
                    "%w = constant([0.5, 0, 2]) : f32[3]\n%0 = exp(%x) : f32[3]\n"
                    "%1 = mul(%0, %w) : f32[3]\n%2 = reduce(%1, kind=sum, axes=[0]) : f32[]\n"
                    "%3 = log(%2) : f32[]",
                    "%w = tanh(%x) : f32[3]\n"
                    "%0 = exp(%x) : f32[3]\n"
                    "%1 = add(%0, %w) : f32[3]\n"
                    "%2 = reduce(%1, kind=sum, axes=[0]) : f32[]\n"
                    "%3 = log(%2) : f32[]"),
  };
}

}  // namespace ndl::passes
