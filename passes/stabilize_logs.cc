// Rules about positive values whose logarithms are at hand: powers, softmax, sigmoid, positive
// numbers, and sums, products and quotients of such. A value may overflow or vanish where its
// logarithm does not.
#include <cmath>

#include "ir/expansion.h"
#include "passes/stabilize_helpers.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Builder;
using ir::Graph;
using ir::Op;
using ir::ReduceKind;
using ir::Value;
using Result = std::optional<Value>;

// What is nested deeper is left alone.
constexpr int kMostDepth = 12;

enum class Kind : std::uint8_t {
  kUnknown,
  kNumber,  // positive numbers alone
  kKnown,
};

// A mean is a scaled sum. A scaled power is better as it is: its logarithm may be near 0, where the
// logarithm of a large scale leaves few digits.
bool is_sum(const Graph& graph, Value value) {
  const Value base = strip(graph, value, repeats).base;
  return graph.op(base) == Op::kAdd || graph.op(base) == Op::kReduce;
}

Kind kind_of(const Graph& graph, Value value, int depth = 0) {
  if (depth > kMostDepth || graph.type(value).is_tuple()) return Kind::kUnknown;
  if (positive_number(graph, value)) return Kind::kNumber;
  if (exponential(graph, value)) return Kind::kKnown;
  const auto of_operand = [&](std::size_t i) {
    return kind_of(graph, graph.operand(value, i), depth + 1);
  };
  switch (graph.op(value)) {
    case Op::kSoftmax:
    case Op::kSigmoid:
      return Kind::kKnown;
    case Op::kConvert:
      return is_float_convert(graph, value) ? of_operand(0) : Kind::kUnknown;
    case Op::kBroadcast:
    case Op::kReshape:
      return of_operand(0);
    case Op::kReduce:
      return is_reduce(graph, value, ReduceKind::kSum) ? of_operand(0) : Kind::kUnknown;
    case Op::kAdd:
    case Op::kMul:
    case Op::kDiv: {
      const Kind first = of_operand(0);
      const Kind second = first == Kind::kUnknown ? first : of_operand(1);
      if (second == Kind::kUnknown) return second;
      const bool is_scaled = graph.op(value) != Op::kAdd && first != second;
      const Value scaled = graph.operand(value, first == Kind::kNumber ? 1 : 0);
      return is_scaled && !is_sum(graph, scaled) ? Kind::kUnknown : std::max(first, second);
    }
    default:
      return Kind::kUnknown;
  }
}

// The natural logarithm of a value that is not unknown.
Value logarithm(Builder& b, Value value) {
  if (const std::optional<double> c = positive_number(b.graph(), value)) {
    return b.constant_like(value, std::log(*c));
  }
  if (const std::optional<Exponential> power = exponential(b.graph(), value)) {
    return exponent(b, *power);
  }
  const Op op = b.graph().op(value);
  const Value first = b.graph().operand(value, 0);
  switch (op) {
    case Op::kSoftmax: {
      const ir::Dims axes = b.graph().attributes(value).integers(Attr::kAxes);
      return b.log_softmax(first, axes);
    }
    case Op::kSigmoid:
      return b.neg(b.add_node(Op::kSoftplus, {b.neg(first)}));
    case Op::kReduce: {
      const ir::Dims axes = b.graph().attributes(value).integers(Attr::kAxes);
      return b.logsumexp(logarithm(b, first), axes);
    }
    case Op::kBroadcast:
    case Op::kConvert:
    case Op::kReshape: {
      const ir::Type type = b.type(value);
      return b.add_node(op, {logarithm(b, first)}, {}, &type);
    }
    default:
      break;
  }
  const Value second = b.graph().operand(value, 1);
  const Value x = logarithm(b, first);
  const Value y = logarithm(b, second);
  if (op == Op::kMul) return b.add(x, y);
  if (op == Op::kDiv) return b.sub(x, y);
  return b.add_node(Op::kLogaddexp, {x, y});
}

// Whether other rules are about its logarithm: a power, softmax or sigmoid alone, a sum of powers,
// scaled or not.
bool is_simple(const Graph& graph, Value value) {
  const Value base = strip(graph, value, repeats).base;
  const Op op = graph.op(base);
  if (exponential(graph, base) || op == Op::kSoftmax || op == Op::kSigmoid) return true;
  if (scaled_sum(graph, value)) return true;
  return is_reduce(graph, base, ReduceKind::kSum) &&
         exponential(graph, graph.operand(base, 0)).has_value();
}

Result log_of_positive(Builder& b, Value value) {
  const Value x = b.graph().operand(value, 0);
  if (is_simple(b.graph(), x) || kind_of(b.graph(), x) != Kind::kKnown) return std::nullopt;
  return in_base_of(b, value, logarithm(b, x));
}

// p / (p + q) = 1 / (1 + q / p). The difference of the logarithms is rounded as that of softmax is:
// to the accumulator's digits.
Result share_of_two(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const Value p = graph.operand(value, 0);
  const Value sum = graph.operand(value, 1);
  if (graph.op(sum) != Op::kAdd || kind_of(graph, p) != Kind::kKnown) return std::nullopt;
  for (const std::size_t i : {0, 1}) {
    const Value q = graph.operand(sum, 1 - i);
    if (graph.operand(sum, i) != p || kind_of(graph, q) == Kind::kUnknown) continue;
    const DType dtype = b.type(value).dtype();
    const Value log_p = ir::widened(b, logarithm(b, p));
    const Value log_q = ir::widened(b, logarithm(b, q));
    const Value share = b.add_node(Op::kSigmoid, {b.sub(log_p, log_q)});
    return ir::as_dtype(b, share, dtype);
  }
  return std::nullopt;
}

}  // namespace

std::vector<Rule> logarithm_rules() {
  return {
      function_rule("log-of-positive", {Op::kLog, Op::kLog2}, log_of_positive,
                    "the logarithm of sums, products and quotients of powers, softmax, sigmoid and "
                    "positive numbers is made of theirs",
                    "%0 = exp(%x) : f32[3]\n"
                    "%1 = sigmoid(%x) : f32[3]\n"
                    "%2 = mul(%0, %1) : f32[3]\n"
                    "%c = constant(3) : f32[3]\n"
                    "%3 = add(%2, %c) : f32[3]\n"
                    "%4 = log(%3) : f32[3]",
                    "%0 = exp(%x) : f32[3]\n"
                    "%1 = add(%0, %x) : f32[3]\n"
                    "%2 = log(%1) : f32[3]"),
      function_rule("share-of-two", {Op::kDiv}, share_of_two,
                    "p / (p + q) of such values is sigmoid(log(p) - log(q)), as exact as softmax",
                    "%0 = exp(%x) : f32[3]\n"
                    "%1 = reduce(%0, kind=sum, axes=[0]) : f32[]\n"
                    "%2 = broadcast(%1) : f32[3]\n"
                    "%3 = reverse(%x, axes=[0]) : f32[3]\n"
                    "%4 = exp(%3) : f32[3]\n"
                    "%5 = add(%4, %2) : f32[3]\n"
                    "%6 = div(%4, %5) : f32[3]",
                    "%0 = exp(%x) : f32[3]\n"
                    "%1 = reverse(%x, axes=[0]) : f32[3]\n"
                    "%2 = exp(%1) : f32[3]\n"
                    "%3 = add(%0, %x) : f32[3]\n"
                    "%4 = div(%2, %3) : f32[3]"),
  };
}

}  // namespace ndl::passes
