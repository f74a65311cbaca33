// Rules about logarithms and quotients of what holds powers (factored_power.h).
#include <optional>

#include "ir/expansion.h"
#include "passes/factored_power.h"
#include "passes/held_powers.h"
#include "passes/stabilize_helpers.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::ReduceKind;
using ir::Value;
using Result = std::optional<Value>;

// The logarithm of a sum of powers alone: the op that it is.
Result logarithm_of_sum(Builder& b, Value value) {
  const Moved sum = strip(b.graph(), value, repeats);
  if (is_reduce(b.graph(), sum.base, ReduceKind::kSum)) {
    const Dims axes = b.graph().attributes(sum.base).integers(Attr::kAxes);
    const FactoredPower x = factored(b, b.graph().operand(sum.base, 0));
    if (x.factor) return std::nullopt;
    return replay(b, b.logsumexp(*x.exponent, axes), sum.moves);
  }
  if (b.graph().op(sum.base) == Op::kAdd) {
    const FactoredPower x = factored(b, b.graph().operand(sum.base, 0));
    const FactoredPower y = factored(b, b.graph().operand(sum.base, 1));
    if (x.factor || y.factor) return std::nullopt;
    return replay(b, b.add_node(Op::kLogaddexp, {*x.exponent, *y.exponent}), sum.moves);
  }
  return std::nullopt;
}

Result log_of_powers(Builder& b, Value value) {
  const Value x = b.graph().operand(value, 0);
  const DType dtype = b.type(value).dtype();
  if (b.graph().op(value) == Op::kLog1p) {
    if (holds(b.graph(), x) != Holds::kUnbounded) return std::nullopt;
    return ir::as_dtype(b, log_one_plus(b, factored(b, x)), dtype);
  }
  if (holds(b.graph(), x) == Holds::kNoPower) return std::nullopt;
  Result natural = logarithm_of_sum(b, x);
  if (!natural) natural = logarithm(b, factored(b, x));
  return ir::as_dtype(b, in_base_of(b, value, *natural), dtype);
}

// p / (p + q) = 1 / (1 + q / p). The difference of the logarithms is rounded as that of softmax is:
// to the accumulator's digits.
Result share_of_two(Builder& b, Value value) {
  const Value p = b.graph().operand(value, 0);
  const Value sum = b.graph().operand(value, 1);
  if (b.graph().op(sum) != Op::kAdd || holds(b.graph(), p) == Holds::kNoPower) return std::nullopt;
  for (const std::size_t i : {0, 1}) {
    const Value q = b.graph().operand(sum, 1 - i);
    if (b.graph().operand(sum, i) != p || holds(b.graph(), q) == Holds::kNoPower) continue;
    const DType dtype = b.type(value).dtype();
    const FactoredPower x = factored(b, p);
    const FactoredPower y = factored(b, q);
    if (x.factor || y.factor) continue;
    const Value share = b.add_node(Op::kSigmoid, {b.sub(*x.exponent, *y.exponent)});
    return ir::as_dtype(b, share, dtype);
  }
  return std::nullopt;
}

// What other rules are about, once it has become a part of more: 1 / sum(exp(x)), y / (exp(x) + 1).
bool is_part_of_softmax(const Graph& graph, Value dividend, Value divisor) {
  const Value base = strip(graph, divisor, repeats).base;
  if (graph.op(base) == Op::kAdd) {
    const auto is_one_and = [&](std::size_t i) {
      return is_number(graph, graph.operand(base, i), 1) &&
             exponential(graph, graph.operand(base, 1 - i)).has_value();
    };
    return is_one_and(0) || is_one_and(1);
  }
  const bool is_sum = is_reduce(graph, base, ReduceKind::kSum);
  const Value power = is_sum ? graph.operand(base, 0) : base;
  return is_number(graph, dividend, 1) && exponential(graph, power).has_value();
}

// Of what is divided by what holds powers, and of a power times a reciprocal of such.
Result quotient_of_powers(Builder& b, Value value) {
  const auto overflows = [&](Value x) { return holds(b.graph(), x) == Holds::kUnbounded; };
  const DType dtype = b.type(value).dtype();
  const Value first = b.graph().operand(value, 0);
  const Value second = b.graph().operand(value, 1);
  if (b.graph().op(value) == Op::kDiv) {
    // Of two softmaxes it may be 0 / 0. Of another dividend there is no better way to divide.
    const bool is_ratio =
        holds(b.graph(), second) == Holds::kBounded && holds(b.graph(), first) != Holds::kNoPower;
    if (!overflows(second) && !is_ratio) return std::nullopt;
    if (!overflows(first) && !is_ratio && is_part_of_softmax(b.graph(), first, second))
      return std::nullopt;
    const FactoredPower x = factored(b, first);
    const FactoredPower y = factored(b, second);
    const Value dividend = terms(b, x, y.exponent);
    return ir::as_dtype(b, y.factor ? b.div(dividend, *y.factor) : dividend, dtype);
  }
  const auto repeats_or_converts = [](Op op) { return repeats(op) || op == Op::kConvert; };
  const auto is_reciprocal = [&](Value x) {
    const Value base = strip(b.graph(), x, repeats_or_converts).base;
    const std::optional<Exponential> power = exponential(b.graph(), base);
    const bool is_negative = power && b.graph().op(power->x) == Op::kNeg;
    return (b.graph().op(base) == Op::kDiv || is_negative) && overflows(base);
  };
  // What was left to the rules of softmax is none of it.
  const auto is_left = [&](Value x) {
    const Value base = strip(b.graph(), x, repeats_or_converts).base;
    return b.graph().op(base) == Op::kDiv && overflows(b.graph().operand(base, 1));
  };
  const bool is_quotient = is_left(first) || is_left(second) ||
                           (is_reciprocal(first) && overflows(second)) ||
                           (is_reciprocal(second) && overflows(first));
  if (!is_quotient) return std::nullopt;
  return ir::as_dtype(b, terms(b, factored(b, value), std::nullopt), dtype);
}

}  // namespace

std::vector<Rule> power_rules() {
  return {
      function_rule("log-of-powers", {Op::kLog, Op::kLog2, Op::kLog1p}, log_of_powers,
                    "the logarithm of sums, products and quotients of powers, softmax and sigmoid, "
                    "with weights and other terms, shifts the exponents by the largest that counts",
                    "%w = constant([0.5, 0, 2]) : f32[3]\n"
                    "%0 = exp(%x) : f32[3]\n"
                    "%1 = mul(%0, %w) : f32[3]\n"
                    "%2 = reduce(%1, kind=sum, axes=[0]) : f32[]\n"
                    "%3 = log(%2) : f32[]",
                    "%c = constant(1e-06) : f32[3]\n"
                    "%0 = sigmoid(%x) : f32[3]\n"
                    "%1 = add(%0, %c) : f32[3]\n"
                    "%2 = log(%1) : f32[3]"),
      function_rule("share-of-two", {Op::kDiv}, share_of_two,
                    "p / (p + q) of powers, softmax and sigmoid is sigmoid(log(p) - log(q)), as "
                    "exact as softmax",
                    "%0 = exp(%x) : f32[3]\n"
                    "%1 = reverse(%x, axes=[0]) : f32[3]\n"
                    "%2 = exp(%1) : f32[3]\n"
                    "%3 = add(%0, %2) : f32[3]\n"
                    "%4 = div(%0, %3) : f32[3]",
                    "%0 = exp(%x) : f32[3]\n"
                    "%1 = reverse(%x, axes=[0]) : f32[3]\n"
                    "%2 = exp(%1) : f32[3]\n"
                    "%3 = add(%0, %x) : f32[3]\n"
                    "%4 = div(%2, %3) : f32[3]"),
      function_rule("quotient-of-powers", {Op::kDiv, Op::kMul}, quotient_of_powers,
                    "w * exp(x) / sum(w * exp(x)), and whatever else holds powers above and below, "
                    "shifts the exponents of both by the same number",
                    "%w = constant([0.5, 0, 2]) : f32[3]\n"
                    "%0 = exp(%x) : f32[3]\n"
                    "%1 = mul(%0, %w) : f32[3]\n"
                    "%2 = reduce(%1, kind=sum, axes=[0]) : f32[]\n"
                    "%3 = broadcast(%2) : f32[3]\n"
                    "%4 = div(%1, %3) : f32[3]",
                    "%w = constant([0.5, 0, 2]) : f32[3]\n"
                    "%0 = exp(%x) : f32[3]\n"
                    "%1 = mul(%0, %w) : f32[3]\n"
                    "%2 = reduce(%w, kind=sum, axes=[0]) : f32[]\n"
                    "%3 = broadcast(%2) : f32[3]\n"
                    "%4 = div(%1, %3) : f32[3]"),
  };
}

}  // namespace ndl::passes
