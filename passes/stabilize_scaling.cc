// Rules that scale by what is in the data: by a power of two, which rounds nothing, or a whole
// exponent. No gradient flows to the scale, which is rounded to an integer.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/expansion.h"
#include "passes/cost_model.h"
#include "passes/factored_power.h"
#include "passes/held_powers.h"
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

// Adds the x of all terms x * x of a sum; false if there is another term, or there are too many.
bool collect_squares(const Graph& graph, Value sum, std::vector<Value>& of) {
  constexpr std::size_t kMostTerms = 8;
  if (graph.op(sum) == Op::kAdd) {
    return collect_squares(graph, graph.operand(sum, 0), of) &&
           collect_squares(graph, graph.operand(sum, 1), of);
  }
  const std::optional<Value> x = squared(graph, sum);
  if (!x || is_scaled(graph, *x) || of.size() == kMostTerms) return false;
  of.push_back(*x);
  return true;
}

// What `value`, sqrt or rsqrt, makes of a norm.
Value norm_or_reciprocal(Builder& b, Value value, Value norm) {
  if (b.graph().op(value) == Op::kSqrt) return norm;
  return b.div(b.constant_like(norm, 1), norm);
}

// The root of a sum of squared powers: their exponents are shifted instead, for a power may be
// infinite itself.
Value norm_of_powers(Builder& b, Value value) {
  const Value root = b.sqrt(b.graph().operand(value, 0));
  const Value norm = terms(b, factored(b, root), std::nullopt);
  return ir::as_dtype(b, norm, b.type(value).dtype());
}

// sqrt(x * x + y * y) of terms scaled by the power of two next to the largest one.
Value scaled_hypot(Builder& b, const std::vector<Value>& terms) {
  Value largest = b.abs(terms[0]);
  for (std::size_t i = 1; i < terms.size(); ++i) largest = b.max(largest, b.abs(terms[i]));
  const Value scale = power_of_two_near(b, largest);
  std::optional<Value> total;
  for (const Value term : terms) {
    const Value x = b.div(term, scale);
    const Value square = b.mul(x, x);
    total = total ? b.add(*total, square) : square;
  }
  return b.mul(scale, b.sqrt(*total));
}

// sqrt(x * x + y * y), or of more terms, or 1 over it. Of powers with factors, whose squares may
// not be numbers, both are done: the exponents are shifted, and what is left is scaled.
Result hypot(Builder& b, Value value) {
  const Value sum = b.graph().operand(value, 0);
  std::vector<Value> of;
  if (b.graph().op(sum) != Op::kAdd || !collect_squares(b.graph(), sum, of)) return std::nullopt;
  const auto is_power = [&](Value x) { return holds(b.graph(), x) == Holds::kUnbounded; };
  if (!std::ranges::all_of(of, is_power)) {
    return norm_or_reciprocal(b, value, scaled_hypot(b, of));
  }
  std::vector<FactoredPower> powers;
  for (const Value x : of) powers.push_back(factored(b, x));
  const auto has_factor = [](const FactoredPower& x) { return x.factor.has_value(); };
  if (std::ranges::none_of(powers, has_factor)) {
    return norm_or_reciprocal(b, value, norm_of_powers(b, value));
  }
  Value most = largest(b, powers[0]);
  for (std::size_t i = 1; i < powers.size(); ++i) most = b.max(most, largest(b, powers[i]));
  const Value shift = shift_of(b, most, {});
  std::vector<Value> near;
  for (const FactoredPower& x : powers) near.push_back(terms(b, x, shift));
  const Value scaled = scaled_hypot(b, near);
  const Value result = b.mul(scaled, b.exp(shift));
  return norm_or_reciprocal(b, value, ir::as_dtype(b, result, b.type(value).dtype()));
}

// sqrt(sum(x * x)) of rows scaled by the power of two next to their largest element.
Value scaled_norm(Builder& b, Value x, const Attributes& reduction) {
  const Dims axes = reduction.integers(Attr::kAxes);
  const Value scale = power_of_two_near(b, b.reduce(b.abs(x), ReduceKind::kMax, axes));
  const Value row = b.div(x, ir::repeat_along(b, scale, axes, b.type(x).shape()));
  const Value squares = b.add_node(Op::kReduce, {b.mul(row, row)}, reduction);
  return b.mul(scale, b.sqrt(squares));
}

// sqrt(sum(x * x)), or 1 over it. Powers with factors are shifted and scaled, as in hypot.
Result norm(Builder& b, Value value) {
  const Moved sum = strip(b.graph(), b.graph().operand(value, 0), repeats);
  if (!is_reduce(b.graph(), sum.base, ReduceKind::kSum)) return std::nullopt;
  const std::optional<Value> x = squared(b.graph(), b.graph().operand(sum.base, 0));
  if (!x || is_scaled(b.graph(), *x)) return std::nullopt;
  const Shape shape = b.type(*x).shape();
  const Attributes reduction = b.graph().attributes(sum.base);
  const Dims axes = reduction.integers(Attr::kAxes);
  // A row of nothing has no largest element.
  if (shape.num_elements() == 0) return std::nullopt;
  if (holds(b.graph(), *x) == Holds::kUnbounded) {
    const FactoredPower power = factored(b, *x);
    if (!power.factor) return norm_or_reciprocal(b, value, norm_of_powers(b, value));
    const Value shift = shift_of(b, largest(b, power), axes);
    const Value near = terms(b, power, ir::repeat_along(b, shift, axes, shape));
    const Value scaled = scaled_norm(b, near, reduction);
    const Value norm = b.mul(scaled, b.exp(shift));
    const Value result = ir::as_dtype(b, norm, b.type(value).dtype());
    return norm_or_reciprocal(b, value, replay(b, result, sum.moves));
  }
  const std::int64_t rows = b.type(sum.base).shape().num_elements();
  // Longer ones would be read once more from memory, whatever CPU this is.
  if (shape.num_elements() > CostModel().row_elements() * rows) return std::nullopt;
  const Value scaled = replay(b, scaled_norm(b, *x, reduction), sum.moves);
  return norm_or_reciprocal(b, value, scaled);
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

// Of e / sum(e), where e are masked powers.
Result softmax_masked(Builder& b, Value value) {
  const Value e = b.graph().operand(value, 0);
  const std::optional<Dims> axes =
      axes_of_repeated_sum(b.graph(), b.graph().operand(value, 1), e, false);
  if (!axes) return std::nullopt;
  const std::optional<Value> x = masked_exponent(b, e);
  return x ? Result(b.softmax(*x, *axes)) : std::nullopt;
}

// Of log(sum(e)).
Result logsumexp_masked(Builder& b, Value value) {
  const Moved sum = strip(b.graph(), b.graph().operand(value, 0), repeats);
  if (!is_reduce(b.graph(), sum.base, ReduceKind::kSum)) return std::nullopt;
  const Dims axes = b.graph().attributes(sum.base).integers(Attr::kAxes);
  const std::optional<Value> x = masked_exponent(b, b.graph().operand(sum.base, 0));
  if (!x) return std::nullopt;
  return in_base_of(b, value, replay(b, b.logsumexp(*x, axes), sum.moves));
}

}  // namespace

std::vector<Rule> scaling_rules() {
  return {
      function_rule("hypot", {Op::kSqrt, Op::kRsqrt}, hypot,
                    "sqrt(x * x + y * y), or of more terms, or 1 over it, squares no large number; "
                    "of powers it shifts the exponents",
                    "%y = tanh(%x) : f32[3]\n%0 = mul(%x, %x) : f32[3]\n"
                    "%1 = mul(%y, %y) : f32[3]\n%2 = add(%0, %1) : f32[3]\n"
                    "%3 = sqrt(%2) : f32[3]",
                    "%y = tanh(%x) : f32[3]\n"
                    "%0 = mul(%x, %x) : f32[3]\n"
                    "%1 = mul(%x, %y) : f32[3]\n"
                    "%2 = add(%0, %1) : f32[3]\n"
                    "%3 = sqrt(%2) : f32[3]"),
      function_rule(
          "norm", {Op::kSqrt, Op::kRsqrt}, norm,
          "sqrt(sum(x * x)) of rows that fit the cache squares no large number; of powers "
          "it shifts the exponents",
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
      function_rule("softmax-masked", {Op::kDiv}, softmax_masked,
                    "e / sum(e) of powers under a mask is a softmax under it",
                    "%m = constant([true, false, true]) : bool[3]\n%c = constant(0) : f32[3]\n"
                    "%0 = exp(%x) : f32[3]\n%1 = select(%m, %0, %c) : f32[3]\n"
                    "%2 = reduce(%1, kind=sum, axes=[0]) : f32[]\n"
                    "%3 = broadcast(%2) : f32[3]\n%4 = div(%1, %3) : f32[3]",
                    "%m = constant([true, false, true]) : bool[3]\n%c = constant(1) : f32[3]\n"
                    "%0 = exp(%x) : f32[3]\n%1 = select(%m, %0, %c) : f32[3]\n"
                    "%2 = reduce(%1, kind=sum, axes=[0]) : f32[]\n"
                    "%3 = broadcast(%2) : f32[3]\n%4 = div(%1, %3) : f32[3]"),
      function_rule("logsumexp-masked", {Op::kLog, Op::kLog2}, logsumexp_masked,
                    "log(sum(e)) of powers under a mask is a logsumexp under it",
                    "%m = constant([true, false, true]) : bool[3]\n%c = constant(0) : f32[3]\n"
                    "%0 = exp(%x) : f32[3]\n%1 = select(%m, %0, %c) : f32[3]\n"
                    "%2 = reduce(%1, kind=sum, axes=[0]) : f32[]\n%3 = log(%2) : f32[]",
                    "%m = constant([true, false, true]) : bool[3]\n%c = constant(1) : f32[3]\n"
                    "%0 = exp(%x) : f32[3]\n%1 = select(%m, %0, %c) : f32[3]\n"
                    "%2 = reduce(%1, kind=sum, axes=[0]) : f32[]\n%3 = log(%2) : f32[]"),
  };
}

}  // namespace ndl::passes
