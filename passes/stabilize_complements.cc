// Rules about 1 - softmax(x), whose logarithm is infinite where one probability rounds to 1.
#include <limits>

#include "ir/expansion.h"
#include "passes/stabilize_helpers.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::Value;
using Result = std::optional<Value>;

// A value behind moves and conversions between floats.
Moved moved(const Graph& graph, Value value) {
  return strip(graph, value,
               [&](Value x) { return moves(graph.op(x)) || is_float_convert(graph, x); });
}

std::optional<Moved> only(const Graph& graph, Moved value, Op op) {
  return graph.op(value.base) == op ? std::optional(std::move(value)) : std::nullopt;
}

// The p of log(1 - p) and of log1p(-p), or log(p) of log(0 - expm1(log(p))): the softmax, or its
// logarithm, and what moves it.
std::optional<Moved> complement(const Graph& graph, Value logarithm) {
  Moved result = moved(graph, graph.operand(logarithm, 0));
  const auto go_on = [&](Value operand) {
    Moved inner = moved(graph, operand);
    inner.moves.insert(inner.moves.end(), result.moves.begin(), result.moves.end());
    result = std::move(inner);
  };
  const Value rest = result.base;
  if (graph.op(logarithm) == Op::kLog1p) {
    if (graph.op(rest) != Op::kNeg) return std::nullopt;
    go_on(graph.operand(rest, 0));
  } else {
    if (graph.op(rest) != Op::kSub) return std::nullopt;
    const Value taken = graph.operand(rest, 1);
    const bool is_from_zero = is_number(graph, graph.operand(rest, 0), 0);
    const bool is_expm1 = is_from_zero && graph.op(taken) == Op::kExpm1;
    if (!is_expm1 && !is_number(graph, graph.operand(rest, 0), 1)) return std::nullopt;
    go_on(is_expm1 ? graph.operand(taken, 0) : taken);
    if (is_expm1) return only(graph, result, Op::kLogSoftmax);
  }
  if (graph.op(result.base) != Op::kExp) return only(graph, result, Op::kSoftmax);
  go_on(graph.operand(result.base, 0));
  return only(graph, result, Op::kLogSoftmax);
}

// Where p is at most half, log1p(-p). Elsewhere, at one element of a row or none, the others' sum
// of powers over that of all, both shifted by the same whole number.
Result log_of_complement(Builder& b, Value value) {
  const std::optional<Moved> part = complement(b.graph(), value);
  if (!part || b.type(part->base).shape().num_elements() == 0) return std::nullopt;
  const Dims axes = b.graph().attributes(part->base).integers(Attr::kAxes);
  const DType dtype = b.type(part->base).dtype();
  const Value x = ir::widened(b, b.graph().operand(part->base, 0));
  const auto repeated = [&](Value row) {
    return ir::repeat_along(b, row, axes, b.type(x).shape());
  };
  const Value p = b.softmax(x, axes);
  const Value is_most = b.gt(p, b.constant_like(p, 0.5));
  const Value near = b.sub(x, repeated(shift_of(b, x, axes)));
  const Value nothing = b.constant_like(x, -std::numeric_limits<double>::infinity());
  const Value others = b.logsumexp(b.select(is_most, nothing, near), axes);
  const Value large = repeated(b.sub(others, b.logsumexp(near, axes)));
  const Value small = b.log1p(b.neg(b.select(is_most, b.constant_like(p, 0), p)));
  const Value natural = ir::as_dtype(b, b.select(is_most, large, small), dtype);
  return in_base_of(b, value, replay(b, natural, part->moves));
}

}  // namespace

std::vector<Rule> complement_rules() {
  return {
      function_rule("log-one-minus-softmax", {Op::kLog, Op::kLog2, Op::kLog1p}, log_of_complement,
                    "log(1 - softmax(x)), or of elements of it, is log1p(-softmax(x)) where that "
                    "is at most half, elsewhere the difference of two logsumexps, one of them "
                    "without that element",
                    "%0 = softmax(%x, axes=[0]) : f32[3]\n"
                    "%1 = neg(%0) : f32[3]\n"
                    "%2 = log1p(%1) : f32[3]",
                    "%0 = softmax(%x, axes=[0]) : f32[3]\n"
                    "%1 = log1p(%0) : f32[3]"),
  };
}

}  // namespace ndl::passes
