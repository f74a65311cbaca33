// Rules of the inverse hyperbolic functions (area functions), spelled as logarithms: they cancel on
// one side of 0, and square what may be large.
#include <cmath>
#include <numbers>

#include "ir/expansion.h"
#include "passes/held_powers.h"
#include "passes/stabilize_helpers.h"
#include "passes/term.h"

namespace ndl::passes {
namespace {

using ir::Builder;
using ir::Graph;
using ir::Op;
using ir::Value;
using Result = std::optional<Value>;

// asinh(x), or one of its mirror images, and acosh alike.
struct Area {
  Value x;
  bool is_of_negative = false;  // the function of -x
  bool is_negated = false;
};

std::optional<Value> matched(const Graph& graph, Value value, std::span<const Pattern> patterns) {
  for (const Pattern& pattern : patterns) {
    Bindings bindings;
    if (match(pattern, graph, value, bindings)) return bindings[0];
  }
  return std::nullopt;
}

// sqrt(x^2 + 1)
std::span<const Pattern> roots_above() {
  using namespace pattern;
  const Pattern x = Pattern::variable(0);
  static const Pattern all[] = {sqrt(x * x + lit(1)), sqrt(pow(x, lit(2)) + lit(1))};
  return all;
}

// sqrt(x^2 - 1)
std::span<const Pattern> roots_below() {
  using namespace pattern;
  const Pattern x = Pattern::variable(0);
  static const Pattern all[] = {
      sqrt(x * x - lit(1)),
      sqrt(x * x + lit(-1)),
      sqrt(pow(x, lit(2)) - lit(1)),
      sqrt(pow(x, lit(2)) + lit(-1)),
      sqrt((x - lit(1)) * (x + lit(1))),
      sqrt((x + lit(-1)) * (x + lit(1))),
      sqrt(x - lit(1)) * sqrt(x + lit(1)),
      sqrt(x + lit(-1)) * sqrt(x + lit(1)),
  };
  return all;
}

// Of x + root, root - x and x - root. What holds powers is left to the rules of those.
std::optional<Area> area(const Graph& graph, Value sum, std::span<const Pattern> roots) {
  const Op op = graph.op(sum);
  if (op != Op::kAdd && op != Op::kSub) return std::nullopt;
  for (const std::size_t i : {0, 1}) {
    const std::optional<Value> x = matched(graph, graph.operand(sum, i), roots);
    if (!x || graph.operand(sum, 1 - i) != *x || holds(graph, *x) != Holds::kNoPower) continue;
    if (op == Op::kAdd) return Area{*x};
    return i == 0 ? Area{*x, true, false} : Area{*x, false, true};
  }
  return std::nullopt;
}

// From here on x^2 + 1 is x^2, and log(1 + x) is log(x).
double far_of(const Term& x) {
  return std::ldexp(1.0, precision_of(x.builder->type(x.value).dtype()));
}

// log(2 x) where x is far, log(1 + near) elsewhere.
Term log_of(const Term& is_far, const Term& x, const Term& near) {
  const Term logarithm = log1p(select(is_far, x, near));
  const Term of_two = select(is_far, x.constant(std::numbers::ln2), 0);
  return logarithm + of_two;
}

// An odd function: log1p(u + (sqrt(u^2 + 1) - 1)) of u = |x|, whose slope at 0 is 1.
Term asinh(const Term& x) {
  const Term is_negative = x < 0;
  const Term u = select(is_negative, -x, x);
  const Term is_far = u > far_of(u);
  const Term v = select(is_far, 1, u);
  const Term square = v * v;
  const Term root = sqrt(square + 1);
  const Term result = log_of(is_far, u, v + square / (root + 1));
  return select(is_negative, -result, result);
}

// log1p(u + sqrt(u) sqrt(u + 2)) of u = x - 1, which is exact near 1, steep at 1 and NaN below.
Term acosh(const Term& x) {
  const Term is_far = x > far_of(x);
  const Term u = select(is_far, 2, x) - 1;
  const Term first = sqrt(u);
  const Term root = first * sqrt(u + 2);
  return log_of(is_far, x, u + root);
}

Result rewritten(Builder& b, Value value, const Area& area, Term (*function)(const Term&)) {
  const Value x = ir::widened(b, area.x);
  const Term natural = function({&b, area.is_of_negative ? b.neg(x) : x});
  const Value result = area.is_negated ? b.neg(natural.value) : natural.value;
  return ir::as_dtype(b, in_base_of(b, value, result), b.type(value).dtype());
}

Result asinh_of_logarithm(Builder& b, Value value) {
  const std::optional<Area> x = area(b.graph(), b.graph().operand(value, 0), roots_above());
  // x - sqrt(x^2 + 1) is below 0.
  if (!x || x->is_negated) return std::nullopt;
  return rewritten(b, value, *x, asinh);
}

Result acosh_of_logarithm(Builder& b, Value value) {
  const Value sum = b.graph().operand(value, 0);
  const std::optional<Area> x = area(b.graph(), sum, roots_below());
  if (!x) return std::nullopt;
  // Where sqrt(x - 1) is a number, sqrt(x - 1) * sqrt(x + 1) - x is below 0.
  const bool is_of_roots = b.graph().op(b.graph().operand(sum, 0)) == Op::kMul;
  if (x->is_of_negative && is_of_roots) return std::nullopt;
  return rewritten(b, value, *x, acosh);
}

}  // namespace

std::vector<Rule> area_rules() {
  return {
      function_rule("asinh", {Op::kLog, Op::kLog2}, asinh_of_logarithm,
                    "log(x + sqrt(x * x + 1)), which is asinh(x), cancels below 0 and squares a "
                    "large number; so does its negative, log(sqrt(x * x + 1) - x)",
                    "%c = constant(1) : f32[3]\n"
                    "%0 = mul(%x, %x) : f32[3]\n"
                    "%1 = add(%0, %c) : f32[3]\n"
                    "%2 = sqrt(%1) : f32[3]\n"
                    "%3 = add(%x, %2) : f32[3]\n"
                    "%4 = log(%3) : f32[3]",
                    "%c = constant(2) : f32[3]\n"
                    "%0 = mul(%x, %x) : f32[3]\n"
                    "%1 = add(%0, %c) : f32[3]\n"
                    "%2 = sqrt(%1) : f32[3]\n"
                    "%3 = add(%x, %2) : f32[3]\n"
                    "%4 = log(%3) : f32[3]"),
      function_rule("acosh", {Op::kLog, Op::kLog2}, acosh_of_logarithm,
                    "log(x + sqrt(x * x - 1)), which is acosh(x), cancels near 1 and squares a "
                    "large number; so does its negative, log(x - sqrt(x * x - 1))",
                    "%c = constant(1) : f32[3]\n"
                    "%a = abs(%x) : f32[3]\n"
                    "%y = add(%a, %c) : f32[3]\n"
                    "%0 = mul(%y, %y) : f32[3]\n"
                    "%1 = sub(%0, %c) : f32[3]\n"
                    "%2 = sqrt(%1) : f32[3]\n"
                    "%3 = add(%y, %2) : f32[3]\n"
                    "%4 = log(%3) : f32[3]",
                    "%c = constant(1) : f32[3]\n"
                    "%a = abs(%x) : f32[3]\n"
                    "%y = add(%a, %c) : f32[3]\n"
                    "%0 = mul(%y, %y) : f32[3]\n"
                    "%1 = sub(%0, %c) : f32[3]\n"
                    "%2 = sqrt(%1) : f32[3]\n"
                    "%3 = add(%x, %2) : f32[3]\n"
                    "%4 = log(%3) : f32[3]"),
  };
}

}  // namespace ndl::passes
