#include "passes/stabilize.h"

#include <algorithm>
#include <cmath>

#include "ir/expansion.h"
#include "passes/canonicalize.h"
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

// Rules by function: reductions, with what stands between them and their users.

Result softmax(Builder& b, Value value) {
  const Graph& graph = b.graph();
  for (const std::size_t i : {0, 1}) {
    const bool is_reciprocal = graph.op(value) == Op::kMul;
    if (!is_reciprocal && i == 1) break;
    const Value exps = graph.operand(value, i);
    const std::optional<Exponential> power = exponential(graph, exps);
    if (!power) continue;
    const std::optional<Dims> axes =
        axes_of_repeated_sum(graph, graph.operand(value, 1 - i), exps, is_reciprocal);
    if (!axes) continue;
    if (power->log_base == 1) return b.softmax(power->x, *axes);
    const DType dtype = b.type(value).dtype();
    return ir::as_dtype(b, b.softmax(shifted(b, *power, *axes).exponent, *axes), dtype);
  }
  return std::nullopt;
}

// logsumexp of the powers that `value` sums, moved as their sum was; nothing if it is no such sum.
std::optional<Value> logsumexp_of(Builder& b, Value value) {
  const Moved sum = strip(b.graph(), value, repeats);
  const std::optional<Exponential> moved = exponential(b.graph(), sum.base);
  if (moved && !sum.moves.empty()) {
    return replay(b, exponent(b, *moved), sum.moves);  // over axes of extent 1
  }
  if (!is_reduce(b.graph(), sum.base, ReduceKind::kSum)) return std::nullopt;
  const std::optional<Exponential> power = exponential(b.graph(), b.graph().operand(sum.base, 0));
  if (!power || is_less_shift(b.graph(), power->x)) return std::nullopt;
  const Dims axes = b.graph().attributes(sum.base).integers(Attr::kAxes);
  if (power->log_base == 1) return replay(b, b.logsumexp(power->x, axes), sum.moves);
  const DType dtype = b.type(value).dtype();
  const ShiftedPower near = shifted(b, *power, axes);
  const Value natural = b.add(b.logsumexp(near.exponent, axes), near.shift);
  return replay(b, ir::as_dtype(b, natural, dtype), sum.moves);
}

// Of log(sum(exp(x))), whatever moves the sum before its logarithm is taken.
Result logsumexp(Builder& b, Value value) {
  const std::optional<Value> natural = logsumexp_of(b, b.graph().operand(value, 0));
  return natural ? Result(in_base_of(b, value, *natural)) : std::nullopt;
}

// log(softmax(x)), of all elements or of some.
Result log_of_softmax(Builder& b, Value value) {
  const Graph& graph = b.graph();
  // A softmax of 16-bit numbers may be a converted one.
  const Moved p =
      strip(graph, graph.operand(value, 0), [](Op op) { return moves(op) || op == Op::kConvert; });
  const bool is_rounded_away = std::ranges::any_of(p.moves, [&](Value move) {
    return graph.op(move) == Op::kConvert && !is_float_convert(graph, move);
  });
  if (graph.op(p.base) != Op::kSoftmax || is_rounded_away) return std::nullopt;
  const Dims axes = b.graph().attributes(p.base).integers(Attr::kAxes);
  const Value natural = replay(b, b.log_softmax(b.graph().operand(p.base, 0), axes), p.moves);
  return in_base_of(b, value, natural);
}

// x - logsumexp(x), and logsumexp(x) - x
Result log_softmax(Builder& b, Value value) {
  const Graph& graph = b.graph();
  for (const std::size_t i : {0, 1}) {
    const Value x = graph.operand(value, i);
    const Value repeated = graph.operand(value, 1 - i);
    const Moved sum = strip(graph, repeated, repeats);
    if (graph.op(sum.base) != Op::kLogsumexp || graph.operand(sum.base, 0) != x) continue;
    const Dims axes = graph.attributes(sum.base).integers(Attr::kAxes);
    if (!repeats_along(graph, graph.type(x).shape(), axes, sum.moves, repeated)) continue;
    const Value result = b.log_softmax(x, axes);
    return i == 0 ? result : b.neg(result);
  }
  return std::nullopt;
}

// softmax(x - max(x)) and log_softmax(x - max(x)): the maximum is subtracted anyway.
Result softmax_shift(Builder& b, Value value) {
  const Dims axes = b.graph().attributes(value).integers(Attr::kAxes);
  const std::optional<Value> x = unshifted(b.graph(), b.graph().operand(value, 0), axes);
  if (!x) return std::nullopt;
  return b.add_node(b.graph().op(value), {*x}, b.graph().attributes(value));
}

// logsumexp(x - max(x)) + max(x)
Result logsumexp_shift(Builder& b, Value value) {
  const Graph& graph = b.graph();
  for (const std::size_t i : {0, 1}) {
    const Moved sum = strip(graph, graph.operand(value, i), repeats);
    const Moved max = strip(graph, graph.operand(value, 1 - i), repeats);
    if (graph.op(sum.base) != Op::kLogsumexp) continue;
    const Dims axes = graph.attributes(sum.base).integers(Attr::kAxes);
    const std::optional<Value> x = unshifted(graph, graph.operand(sum.base, 0), axes);
    const bool is_its_max = x && is_reduce(graph, max.base, ReduceKind::kMax) &&
                            graph.operand(max.base, 0) == *x &&
                            graph.attributes(max.base).integers(Attr::kAxes) == axes;
    // Both have been moved in the same way, or not at all.
    const auto same_move = [&](Value a, Value c) {
      return graph.op(a) == graph.op(c) && graph.type(a) == graph.type(c);
    };
    if (!is_its_max || !std::ranges::equal(sum.moves, max.moves, same_move)) continue;
    return replay(b, b.logsumexp(*x, axes), sum.moves);
  }
  return std::nullopt;
}

std::vector<Rule> make_rules() {
  std::vector<Rule> rules = {
      function_rule(
          "softmax", {Op::kDiv, Op::kMul}, softmax,
          "exp(x) / sum(exp(x)), or times its reciprocal, is softmax(x); powers of 2 or of "
          "another number alike",
          "%0 = exp(%x) : f32[3]\n"
          "%1 = reduce(%0, kind=sum, axes=[0]) : f32[]\n"
          "%2 = broadcast(%1) : f32[3]\n"
          "%3 = div(%0, %2) : f32[3]",
          "%0 = exp(%x) : f32[3]\n"
          "%1 = reverse(%x, axes=[0]) : f32[3]\n"
          "%2 = add(%x, %1) : f32[3]\n"
          "%3 = exp(%2) : f32[3]\n"
          "%4 = reduce(%3, kind=sum, axes=[0]) : f32[]\n"
          "%5 = broadcast(%4) : f32[3]\n"
          "%6 = div(%0, %5) : f32[3]"),
      function_rule("logsumexp", {Op::kLog, Op::kLog2}, logsumexp,
                    "log(sum(exp(x))), or to another base, is logsumexp(x)",
                    "%0 = exp(%x) : f32[3]\n"
                    "%1 = reduce(%0, kind=sum, axes=[0]) : f32[]\n"
                    "%2 = log(%1) : f32[]",
                    "%0 = exp(%x) : f32[3]\n"
                    "%1 = reduce(%0, kind=max, axes=[0]) : f32[]\n"
                    "%2 = log(%1) : f32[]"),
      function_rule("log-of-softmax", {Op::kLog, Op::kLog2}, log_of_softmax,
                    "log(softmax(x)), or of elements of it, is log_softmax(x)",
                    "%0 = softmax(%x, axes=[0]) : f32[3]\n%1 = log(%0) : f32[3]",
                    "%0 = softmax(%x, axes=[0]) : f32[3]\n"
                    "%1 = sqrt(%0) : f32[3]\n"
                    "%2 = log(%1) : f32[3]"),
      function_rule("log-softmax", {Op::kSub}, log_softmax,
                    "x - logsumexp(x) is log_softmax(x), and logsumexp(x) - x is its negative",
                    "%0 = logsumexp(%x, axes=[0]) : f32[]\n"
                    "%1 = broadcast(%0) : f32[3]\n"
                    "%2 = sub(%x, %1) : f32[3]",
                    "%0 = tanh(%x) : f32[3]\n"
                    "%1 = logsumexp(%0, axes=[0]) : f32[]\n"
                    "%2 = broadcast(%1) : f32[3]\n"
                    "%3 = sub(%x, %2) : f32[3]"),
      function_rule("softmax-shift", {Op::kSoftmax, Op::kLogSoftmax}, softmax_shift,
                    "softmax(x - max(x)) is softmax(x), and log_softmax alike",
                    "%0 = reduce(%x, kind=max, axes=[0]) : f32[]\n"
                    "%1 = broadcast(%0) : f32[3]\n"
                    "%2 = sub(%x, %1) : f32[3]\n"
                    "%3 = softmax(%2, axes=[0]) : f32[3]",
                    "%0 = broadcast(%x) : f32[2,3]\n"
                    "%1 = reduce(%0, kind=max, axes=[0]) : f32[3]\n"
                    "%2 = broadcast(%1) : f32[2,3]\n"
                    "%3 = sub(%0, %2) : f32[2,3]\n"
                    "%4 = softmax(%3, axes=[1]) : f32[2,3]"),
      function_rule("logsumexp-shift", {Op::kAdd}, logsumexp_shift,
                    "logsumexp(x - max(x)) + max(x) is logsumexp(x)",
                    "%0 = reduce(%x, kind=max, axes=[0]) : f32[]\n"
                    "%1 = broadcast(%0) : f32[3]\n"
                    "%2 = sub(%x, %1) : f32[3]\n"
                    "%3 = logsumexp(%2, axes=[0]) : f32[]\n"
                    "%4 = add(%3, %0) : f32[]",
                    "%0 = reduce(%x, kind=max, axes=[0]) : f32[]\n"
                    "%1 = broadcast(%0) : f32[3]\n"
                    "%2 = sub(%x, %1) : f32[3]\n"
                    "%3 = logsumexp(%2, axes=[0]) : f32[]\n"
                    "%4 = tanh(%x) : f32[3]\n"
                    "%5 = reduce(%4, kind=max, axes=[0]) : f32[]\n"
                    "%6 = add(%3, %5) : f32[]"),
  };
  for (Rule& rule : difference_rules()) rules.push_back(std::move(rule));
  for (Rule& rule : complement_rules()) rules.push_back(std::move(rule));
  for (Rule& rule : scaling_rules()) rules.push_back(std::move(rule));
  for (Rule& rule : scalar_rules()) rules.push_back(std::move(rule));
  for (Rule& rule : area_rules()) rules.push_back(std::move(rule));
  for (Rule& rule : power_rules()) rules.push_back(std::move(rule));
  for (Rule& rule : gate_rules()) rules.push_back(std::move(rule));
  return rules;
}

}  // namespace

std::span<const Rule> stabilize_rules() {
  static const std::vector<Rule> rules = make_rules();
  return rules;
}

Graph run_stabilize(const Graph& graph, const PassContext& context) {
  return rewrite(graph, stabilize_rules(), context);
}

Rewritten stabilize_traced(const Graph& graph) {
  static const std::vector<Rule> rules = [] {
    std::vector<Rule> all = make_rules();
    for (const Rule& rule : canonicalize_rules()) all.push_back(rule);
    return all;
  }();
  return rewrite_traced(graph, rules, {});
}

}  // namespace ndl::passes
