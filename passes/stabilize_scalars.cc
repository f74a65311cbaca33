// Rules of single numbers: what overflows, or cancels, in a way that needs no sum to see.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "passes/stabilize_helpers.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Builder;
using ir::Graph;
using ir::Op;
using ir::Value;
using Result = std::optional<Value>;

namespace pattern {

using namespace passes::pattern;

Pattern sigmoid(const Pattern& x) { return Pattern::op(Op::kSigmoid, {x}); }
Pattern softplus(const Pattern& x) { return Pattern::op(Op::kSoftplus, {x}); }

}  // namespace pattern

std::vector<Rule> pattern_rules() {
  using namespace pattern;
  const Pattern x = Pattern::variable(0);
  const Pattern y = Pattern::variable(1);
  const auto rule = [](std::string_view name, const Pattern& left, const Pattern& right) {
    return equation(name, left, right, kFloats);
  };
  return {
      rule("log-exp", log(exp(x)), x),
      rule("log2-exp2", log2(exp2(x)), x),
      rule("reciprocal-of-exp", lit(1) / exp(x), exp(neg(x))),
      rule("reciprocal-power", pow(x, lit(-1)), lit(1) / x),
      rule("log-one-plus", log(x + lit(1)), log1p(x)),
      rule("log-one-minus", log(lit(1) - x), log1p(neg(x))),
      rule("exp-minus-one", exp(x) - lit(1), expm1(x)),
      rule("exp-plus-minus-one", exp(x) + lit(-1), expm1(x)),
      // 0 - y and not neg(y): at 0 it is +0, as 1 - 1 is.
      rule("one-minus-exp", lit(1) - exp(x), lit(0) - expm1(x)),

      rule("exp2-minus-one", exp2(x) - lit(1), expm1(x * lit(std::numbers::ln2))),
      rule("exp2-plus-minus-one", exp2(x) + lit(-1), expm1(x * lit(std::numbers::ln2))),
      rule("log2-one-plus", log2(x + lit(1)), log1p(x) * lit(std::numbers::log2e)),
      rule("log2-one-minus", log2(lit(1) - x), log1p(neg(x)) * lit(std::numbers::log2e)),
      // Both become log(1 - exp(x)), of a negative x.
      rule("log-expm1", log(expm1(x)), x + log(lit(0) - expm1(neg(x)))),
      rule("log-difference", log(exp(x) - exp(y)), x + log(lit(0) - expm1(y - x))),

      rule("softplus", log1p(exp(x)), softplus(x)),

      rule("sigmoid", lit(1) / (exp(neg(x)) + lit(1)), sigmoid(x)),
      rule("sigmoid-mirrored", lit(1) / (exp(x) + lit(1)), sigmoid(neg(x))),
      rule("sigmoid-quotient", exp(x) / (exp(x) + lit(1)), sigmoid(x)),
      rule("tanh-quotient", expm1(x) / (exp(x) + lit(1)), tanh(lit(0.5) * x)),
      rule("tanh-quotient-mirrored", (lit(0) - expm1(x)) / (exp(x) + lit(1)),
           neg(tanh(lit(0.5) * x))),
      rule("sigmoid-times", (y * exp(x)) / (exp(x) + lit(1)), y * sigmoid(x)),
      rule("one-minus-sigmoid", lit(1) - sigmoid(x), sigmoid(neg(x))),
      rule("log-sigmoid", log(sigmoid(x)), neg(softplus(neg(x)))),
      rule("minus-softplus", x - softplus(x), neg(softplus(neg(x)))),
      rule("softplus-minus", softplus(x) - x, softplus(neg(x))),
      rule("log1p-neg-sigmoid", log1p(neg(sigmoid(x))), neg(softplus(x))),

      rule("one-minus-cos", lit(1) - cos(x), lit(2) * (sin(lit(0.5) * x) * sin(lit(0.5) * x))),

      rule("cosh", (exp(x) + exp(neg(x))) * lit(0.5), cosh(x)),
      rule("cosh-half", (exp(x) + exp(neg(x))) / lit(2), cosh(x)),
      rule("sinh", (exp(x) - exp(neg(x))) * lit(0.5), sinh(x)),
      rule("sinh-half", (exp(x) - exp(neg(x))) / lit(2), sinh(x)),
      rule("tanh", (exp(x) - exp(neg(x))) / (exp(x) + exp(neg(x))), tanh(x)),
      rule("one-plus-tanh", tanh(x) + lit(1), lit(2) * sigmoid(lit(2) * x)),
      rule("one-minus-tanh", lit(1) - tanh(x), lit(2) * sigmoid(lit(-2) * x)),
      // Near 1 and -1 what is added to 1 is exact, near 0 the logarithm of the quotient is not.
      rule("atanh", log((x + lit(1)) / (lit(1) - x)), log1p(x) - log1p(neg(x))),
      rule("atanh-mirrored", log((lit(1) - x) / (x + lit(1))), log1p(neg(x)) - log1p(x)),
      rule("half-of-twice-sigmoid", lit(0.5) * (lit(2) * sigmoid(x)), sigmoid(x)),
      rule("tanh-of-halves", sinh(x) / cosh(x), tanh(x)),
      rule("tanh-of-sigmoid", sigmoid(x) * lit(2) - lit(1), tanh(lit(0.5) * x)),
      rule("tanh-of-sigmoid-plus", sigmoid(x) * lit(2) + lit(-1), tanh(lit(0.5) * x)),
      rule("tanh-of-sigmoid-mirrored", lit(1) - sigmoid(x) * lit(2), neg(tanh(lit(0.5) * x))),
  };
}

std::vector<Rule> gate_equations() {
  using namespace pattern;
  const Pattern x = Pattern::variable(0);
  const Pattern y = Pattern::variable(1);
  return {
      equation("over-one-plus-exp-neg", y / (exp(neg(x)) + lit(1)), y * sigmoid(x), kFloats),
      equation("over-one-plus-exp", y / (exp(x) + lit(1)), y * sigmoid(neg(x)), kFloats),
  };
}

// log(cosh(x)) = log(1 + 2 sinh(x / 2)^2) = |x| + log(1 + exp(-2 |x|)) - log(2).
Result log_cosh(Builder& b, Value value) {
  const Value cosh = b.graph().operand(value, 0);
  if (b.graph().op(cosh) != Op::kCosh) return std::nullopt;
  const Value x = b.graph().operand(cosh, 0);
  const Value magnitude = b.abs(x);
  const Value part = b.mul(x, b.constant_like(x, 0.5));
  const Value low = b.constant_like(x, -0.5);
  const Value high = b.constant_like(x, 0.5);
  const Value half = b.sinh(b.clamp(part, low, high));
  const Value square = b.mul(half, half);
  const Value near = b.log1p(b.mul(square, b.constant_like(x, 2)));
  const Value rest = b.add_node(Op::kSoftplus, {b.mul(magnitude, b.constant_like(x, -2))});
  const Value minus_log2 = b.constant_like(x, -std::numbers::ln2);
  const Value far = b.add(b.add(magnitude, rest), minus_log2);
  const Value one = b.constant_like(x, 1);
  return b.select(b.lt(magnitude, one), near, far);
}

// The x of log1p(-exp(x)) and of log(0 - expm1(x)).
std::optional<Value> exponent_below_one(const Graph& graph, Value value) {
  const Value operand = graph.operand(value, 0);
  if (graph.op(value) == Op::kLog1p) {
    if (graph.op(operand) != Op::kNeg) return std::nullopt;
    const Value exps = graph.operand(operand, 0);
    if (graph.op(exps) != Op::kExp || is_one_side(graph, graph.operand(exps, 0))) {
      return std::nullopt;
    }
    return graph.operand(exps, 0);
  }
  if (graph.op(operand) != Op::kSub || !is_number(graph, graph.operand(operand, 0), 0)) {
    return std::nullopt;
  }
  const Value exps = graph.operand(operand, 1);
  if (graph.op(exps) != Op::kExpm1 || is_one_side(graph, graph.operand(exps, 0))) {
    return std::nullopt;
  }
  return graph.operand(exps, 0);
}

// log(1 - exp(x)) by expm1 where exp(x) is near 1, else as it is, each of what is on its side.
Result log_one_minus_exp(Builder& b, Value value) {
  const std::optional<Value> exponent = exponent_below_one(b.graph(), value);
  if (!exponent) return std::nullopt;
  const Value x = *exponent;
  const Value border = b.constant_like(x, -std::numbers::ln2);
  // NaN is on the near side, and has the slope there.
  const Value is_far = b.lt(x, border);
  // 0 - x and not neg(x): at 0 it is +0, so that the slope there is -inf.
  const Value zero = b.constant_like(x, 0);
  const Value near = b.log(b.sub(zero, b.expm1(b.select(is_far, border, x))));
  const Value far = b.log1p(b.neg(b.exp(b.select(is_far, x, border))));
  return b.select(is_far, far, near);
}

}  // namespace

std::vector<Rule> scalar_rules() {
  std::vector<Rule> rules = pattern_rules();
  rules.push_back(function_rule(
      "log-one-minus-exp", {Op::kLog1p, Op::kLog}, log_one_minus_exp,
      "log(1 - exp(x)) takes expm1 where exp(x) is near 1",
      "%0 = abs(%x) : f32[3]\n%c = constant(-0.1) : f32[3]\n%1 = sub(%c, %0) : f32[3]\n"
      "%2 = exp(%1) : f32[3]\n%3 = neg(%2) : f32[3]\n%4 = log1p(%3) : f32[3]",
      "%0 = exp(%x) : f32[3]\n"
      "%1 = log1p(%0) : f32[3]"));
  rules.push_back(
      function_rule("log-cosh", {Op::kLog}, log_cosh,
                    "log(cosh(x)), which overflows, and cancels near 0, is made of what "
                    "does not",
                    "%0 = cosh(%x) : f32[3]\n%1 = log(%0) : f32[3]",
                    "%0 = sinh(%x) : f32[3]\n"
                    "%1 = log(%0) : f32[3]"));
  return rules;
}

std::vector<Rule> gate_rules() { return gate_equations(); }

}  // namespace ndl::passes
