// Rules about what is subtracted from a logsumexp, or it from that, as losses do: both may be large
// where their difference is not, and are shifted by the same whole number first.
#include <cmath>

#include "ir/expansion.h"
#include "passes/stabilize_helpers.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::ReduceKind;
using ir::Shape;
using ir::Value;
using Result = std::optional<Value>;

constexpr int kMostNodes = 16;

// Whether a value is linear in x: elements of it, moved, with weights, summed.
bool is_linear_in(const Graph& graph, Value value, Value x, int& nodes_left) {
  if (value == x) return true;
  if (nodes_left-- <= 0) return false;
  const auto operand = [&](std::size_t i) {
    return is_linear_in(graph, graph.operand(value, i), x, nodes_left);
  };
  switch (graph.op(value)) {
    case Op::kReduce:
      return is_reduce(graph, value, ReduceKind::kSum) && operand(0);
    case Op::kMul:
      return operand(0) || operand(1);
    case Op::kNeg:
    case Op::kDiv:
      return operand(0);
    default:
      return moves(graph.op(value)) && operand(0);
  }
}

bool is_linear_in(const Graph& graph, Value value, Value x) {
  int nodes_left = kMostNodes;
  return is_linear_in(graph, value, x, nodes_left);
}

// Of y - logsumexp(x) and logsumexp(x) - y, where y is made of x.
Result logsumexp_difference(Builder& b, Value value) {
  for (const std::size_t i : {1, 0}) {
    const Moved sum = strip(b.graph(), b.graph().operand(value, i), repeats);
    const Value y = b.graph().operand(value, 1 - i);
    if (b.graph().op(sum.base) != Op::kLogsumexp) continue;
    const Value x = b.graph().operand(sum.base, 0);
    if (!is_linear_in(b.graph(), y, x)) continue;
    const Dims axes = b.graph().attributes(sum.base).integers(Attr::kAxes);
    const Value shift = shift_of(b, x, axes);
    const Value near = b.sub(x, ir::repeat_along(b, shift, axes, b.type(x).shape()));
    const Value total = b.reduce(b.exp(near), ReduceKind::kSum, axes);
    const Value log = replay(b, log_of_sum(b, total), sum.moves);
    const Value rest = b.sub(y, replay(b, shift, sum.moves));
    return i == 1 ? b.sub(rest, log) : b.sub(log, rest);
  }
  return std::nullopt;
}

// factor * (the sum of all elements of `base`).
struct WholeSum {
  Value base;
  double factor = 1;
};
std::optional<WholeSum> whole_sum(const Graph& graph, Value value) {
  WholeSum sum{value};
  bool is_summed = false;
  for (int i = 0; i < kMostNodes; ++i) {
    const Op op = graph.op(sum.base);
    if (op == Op::kReduce && is_reduce(graph, sum.base, ReduceKind::kSum)) {
      is_summed = true;
      sum.base = graph.operand(sum.base, 0);
    } else if (op == Op::kReshape) {
      sum.base = graph.operand(sum.base, 0);
    } else if ((op == Op::kMul || op == Op::kDiv) &&
               positive_number(graph, graph.operand(sum.base, 1))) {
      const double number = *positive_number(graph, graph.operand(sum.base, 1));
      sum.factor = op == Op::kMul ? sum.factor * number : sum.factor / number;
      sum.base = graph.operand(sum.base, 0);
    } else {
      break;
    }
  }
  if (!is_summed || graph.type(value).shape().num_elements() != 1) return std::nullopt;
  return sum;
}

// Of sum(logsumexp(x)) - sum(w * x), both scaled alike: the difference of each row, then the sum.
Result logsumexp_difference_of_sums(Builder& b, Value value) {
  for (const std::size_t i : {0, 1}) {
    const std::optional<WholeSum> logs = whole_sum(b.graph(), b.graph().operand(value, i));
    const std::optional<WholeSum> terms = whole_sum(b.graph(), b.graph().operand(value, 1 - i));
    if (!logs || !terms || b.graph().op(logs->base) != Op::kLogsumexp) continue;
    const Value x = b.graph().operand(logs->base, 0);
    const Shape& shape = b.type(x).shape();
    const bool is_alike = std::abs(logs->factor - terms->factor) <= 1e-6 * logs->factor;
    if (!is_alike || b.type(terms->base).shape() != shape) continue;
    if (!is_linear_in(b.graph(), terms->base, x)) continue;
    const Dims axes = b.graph().attributes(logs->base).integers(Attr::kAxes);
    const Value of_rows = b.reduce(terms->base, ReduceKind::kSum, axes);
    const Value rows = i == 0 ? b.sub(logs->base, of_rows) : b.sub(of_rows, logs->base);
    Dims all(b.type(rows).shape().rank());
    for (std::size_t axis = 0; axis < all.size(); ++axis)
      all[axis] = static_cast<std::int64_t>(axis);
    const Value sum = b.reduce(rows, ReduceKind::kSum, all);
    const Value scaled = b.mul(sum, b.constant_like(sum, logs->factor));
    return b.reshape(scaled, b.type(value).shape());
  }
  return std::nullopt;
}

}  // namespace

std::vector<Rule> difference_rules() {
  return {
      function_rule(
          "logsumexp-difference", {Op::kSub}, logsumexp_difference,
          "y - logsumexp(x) and logsumexp(x) - y, of y made of x as in a loss, shift both "
          "by the largest x",
          "%w = constant([0, 1, 0]) : f32[3]\n"
          "%0 = mul(%x, %w) : f32[3]\n"
          "%1 = reduce(%0, kind=sum, axes=[0]) : f32[]\n"
          "%2 = logsumexp(%x, axes=[0]) : f32[]\n"
          "%3 = sub(%2, %1) : f32[]",
          "%w = constant([0, 1, 0]) : f32[3]\n"
          "%0 = mul(%w, %w) : f32[3]\n"
          "%1 = reduce(%0, kind=sum, axes=[0]) : f32[]\n"
          "%2 = logsumexp(%x, axes=[0]) : f32[]\n"
          "%3 = sub(%2, %1) : f32[]"),
      function_rule("logsumexp-difference-of-sums", {Op::kSub}, logsumexp_difference_of_sums,
                    "sum(logsumexp(x)) - sum(w * x), of a whole batch, is the sum of the rows' "
                    "differences",
                    "%z = broadcast(%x) : f32[2,3]\n"
                    "%w = constant([[0, 1, 0], [0, 0, 1]]) : f32[2,3]\n"
                    "%0 = mul(%z, %w) : f32[2,3]\n"
                    "%1 = reduce(%0, kind=sum, axes=[0, 1]) : f32[]\n"
                    "%2 = logsumexp(%z, axes=[1]) : f32[2]\n"
                    "%3 = reduce(%2, kind=sum, axes=[0]) : f32[]\n"
                    "%4 = sub(%3, %1) : f32[]",
                    "%z = broadcast(%x) : f32[2,3]\n"
                    "%w = constant([[0, 1, 0], [0, 0, 1]]) : f32[2,3]\n"
                    "%0 = mul(%z, %w) : f32[2,3]\n"
                    "%1 = reduce(%0, kind=sum, axes=[0, 1]) : f32[]\n"
                    "%2 = logsumexp(%z, axes=[1]) : f32[2]\n"
                    "%3 = reduce(%2, kind=max, axes=[0]) : f32[]\n"
                    "%4 = sub(%3, %1) : f32[]"),
  };
}

}  // namespace ndl::passes
