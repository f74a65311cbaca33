#include "passes/stabilize_helpers.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "ir/expansion.h"
#include "passes/value_range.h"

namespace ndl::passes {

using ir::Attr;
using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::ReduceKind;
using ir::Value;

Value replay(Builder& b, Value base, std::span<const Value> moves) {
  for (const Value move : moves) {
    std::vector<Value> operands(b.graph().operands(move).begin(), b.graph().operands(move).end());
    operands[0] = base;
    const Op op = b.graph().op(move);
    const DType dtype = b.type(op == Op::kConvert ? move : base).dtype();
    const ir::Type type = ir::TensorType{dtype, b.type(move).shape()};
    base = b.add_node(op, operands, b.graph().attributes(move), &type);
  }
  return base;
}

namespace {

// Which axis of x each axis of a value runs along; nothing where the value is the same all along.
using Labels = std::vector<std::optional<std::size_t>>;

// Labels of the axes of `value`, from those of its operand; nothing if an axis is cut in pieces.
std::optional<Labels> moved_labels(const Graph& graph, Value value, const Labels& labels) {
  const ir::Shape& from = graph.type(graph.operand(value, 0)).shape();
  const ir::Shape& to = graph.type(value).shape();
  Labels result(to.rank());
  if (graph.op(value) == Op::kBroadcast) {
    const std::size_t added = to.rank() - from.rank();
    for (std::size_t i = 0; i < from.rank(); ++i) {
      if (from[i] == to[i + added]) result[i + added] = labels[i];
    }
    return result;
  }
  // A reshape may add and drop axes of extent 1.
  std::size_t next = 0;
  for (std::size_t i = 0; i < to.rank(); ++i) {
    if (to[i] == 1) continue;
    while (next < from.rank() && from[next] == 1) ++next;
    if (next == from.rank() || from[next] != to[i]) return std::nullopt;
    result[i] = labels[next++];
  }
  while (next < from.rank() && from[next] == 1) ++next;
  if (next != from.rank()) return std::nullopt;
  return result;
}

// Of the axes of a base, moved, from these of the base.
std::optional<Labels> moved_labels(const Graph& graph, std::span<const Value> moves,
                                   std::optional<Labels> labels) {
  for (const Value move : moves) {
    if (labels) labels = moved_labels(graph, move, *labels);
  }
  return labels;
}

std::optional<Labels> labels_of(const Graph& graph, const Moved& moved) {
  Labels labels;
  for (std::size_t i = 0; i < graph.type(moved.base).shape().rank(); ++i) labels.emplace_back(i);
  return moved_labels(graph, moved.moves, labels);
}

}  // namespace

bool repeats_along(const Graph& graph, const ir::Shape& x, const Dims& axes,
                   std::span<const Value> moves, Value end) {
  const auto is_dropped = [&](std::size_t axis) {
    return std::ranges::find(axes, static_cast<std::int64_t>(axis)) != axes.end();
  };
  Labels of_row;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (!is_dropped(i)) of_row.emplace_back(i);
  }
  const std::optional<Labels> labels = moved_labels(graph, moves, of_row);
  if (!labels || graph.type(end).shape() != x) return false;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (x[i] == 1) continue;
    const Labels::value_type wanted = is_dropped(i) ? std::nullopt : std::optional(i);
    if ((*labels)[i] != wanted) return false;
  }
  return true;
}

bool is_reduce(const Graph& graph, Value value, ReduceKind kind) {
  return graph.op(value) == Op::kReduce && graph.attributes(value).kind() == kind;
}

std::optional<Value> unshifted(const Graph& graph, Value value, const Dims& axes) {
  if (graph.op(value) != Op::kSub) return std::nullopt;
  const Value x = graph.operand(value, 0);
  const Moved max = strip(graph, graph.operand(value, 1), repeats);
  if (!is_reduce(graph, max.base, ReduceKind::kMax) || graph.operand(max.base, 0) != x ||
      graph.attributes(max.base).integers(Attr::kAxes) != axes ||
      !repeats_along(graph, graph.type(x).shape(), axes, max.moves, graph.operand(value, 1))) {
    return std::nullopt;
  }
  return x;
}

namespace {

// Whether a shift, as shift_of makes it, is that of x, or of x and others.
bool is_shift_of(const Graph& graph, Value shift, Value x) {
  if (graph.op(shift) != Op::kRound) return false;
  Value most = graph.operand(shift, 0);
  while ((graph.op(most) == Op::kMax || graph.op(most) == Op::kMin) &&
         graph.is_splat(graph.operand(most, 1))) {
    if (graph.operand(most, 1) == x) return true;
    most = graph.operand(most, 0);
  }
  const auto counts = [&](Value of) {
    return of == x || (graph.op(of) == Op::kSelect && graph.operand(of, 1) == x);
  };
  if (is_reduce(graph, most, ReduceKind::kMax)) return counts(graph.operand(most, 0));
  if (graph.op(most) != Op::kMax) return counts(most);
  return counts(graph.operand(most, 0)) || counts(graph.operand(most, 1));
}

}  // namespace

bool is_less_shift(const Graph& graph, Value value) {
  return graph.op(value) == Op::kSub &&
         is_shift_of(graph, strip(graph, graph.operand(value, 1), repeats).base,
                     graph.operand(value, 0));
}

bool is_one_side(const Graph& graph, Value x) {
  if (graph.op(x) != Op::kSelect) return false;
  return std::ranges::any_of(graph.operands(x).subspan(1), [&](Value side) {
    return graph.is_splat(side) &&
           std::abs(graph.attributes(side).literal(Attr::kValue).as_double(0) + std::numbers::ln2) <
               0.01;
  });
}

bool is_clamped(const Graph& graph, Value value) {
  value = strip(graph, value, repeats).base;
  if (graph.op(value) == Op::kMax) value = graph.operand(value, 0);
  const bool is_below_number =
      graph.op(value) == Op::kMin && graph.is_splat(graph.operand(value, 1));
  return is_below_number || graph.op(value) == Op::kClamp || is_one_side(graph, value);
}

bool is_shifted(const Graph& graph, Value value) {
  value = strip(graph, value, repeats).base;
  if (graph.op(value) == Op::kSelect) value = graph.operand(value, 1);
  if (graph.op(value) != Op::kSub) return false;
  const Value most = strip(graph, graph.operand(value, 1), repeats).base;
  const bool is_below_maximum =
      is_reduce(graph, most, ReduceKind::kMax) && graph.operand(most, 0) == graph.operand(value, 0);
  return is_below_maximum || is_less_shift(graph, value);
}

bool is_same_shift(const Graph& graph, Value a, Value b) {
  const Moved first = strip(graph, a, repeats);
  const Moved second = strip(graph, b, repeats);
  if (first.base != second.base || graph.op(first.base) != Op::kRound) return false;
  if (graph.type(a) != graph.type(b)) return false;
  const std::optional<Labels> labels = labels_of(graph, first);
  return labels && labels == labels_of(graph, second);
}

std::optional<Dims> axes_of_repeated_sum(const Graph& graph, Value value, Value exps,
                                         bool is_reciprocal) {
  Moved sum = strip(graph, value, repeats);
  // A sum over axes of extent 1 has become a reshape, and 1 over it a power.
  bool is_term = sum.base == exps && !is_reciprocal;
  if (is_reciprocal && graph.op(sum.base) == Op::kExp) {
    const Value exponent = graph.operand(sum.base, 0);
    if (graph.op(exps) != Op::kExp || graph.op(exponent) != Op::kNeg) return std::nullopt;
    is_term = graph.operand(exponent, 0) == graph.operand(exps, 0);
  } else if (is_reciprocal) {
    if (graph.op(sum.base) != Op::kDiv || !is_number(graph, graph.operand(sum.base, 0), 1)) {
      return std::nullopt;
    }
    Moved inner = strip(graph, graph.operand(sum.base, 1), repeats);
    inner.moves.insert(inner.moves.end(), sum.moves.begin(), sum.moves.end());
    sum = std::move(inner);
    is_term = sum.base == exps;
  }
  Dims axes;
  if (!is_term) {
    if (!is_reduce(graph, sum.base, ReduceKind::kSum) || graph.operand(sum.base, 0) != exps) {
      return std::nullopt;
    }
    axes = graph.attributes(sum.base).integers(Attr::kAxes);
  }
  if (!repeats_along(graph, graph.type(exps).shape(), axes, sum.moves, value)) return std::nullopt;
  return axes;
}

std::optional<double> positive_number(const Graph& graph, Value value) {
  if (!graph.is_splat(value)) return std::nullopt;
  const double c = graph.attributes(value).literal(Attr::kValue).as_double(0);
  return c > 0 && std::isfinite(c) ? std::optional(c) : std::nullopt;
}

bool is_number(const Graph& graph, Value value, double number) {
  return graph.is_splat(value) &&
         graph.attributes(value).literal(Attr::kValue).as_double(0) == number;
}

bool is_float_convert(const Graph& graph, Value value) {
  return graph.op(value) == Op::kConvert && is_float(graph.type(value).dtype()) &&
         is_float(graph.type(graph.operand(value, 0)).dtype());
}

std::optional<Value> squared(const Graph& graph, Value value) {
  const bool is_product =
      graph.op(value) == Op::kMul && graph.operand(value, 0) == graph.operand(value, 1);
  const bool is_power = graph.op(value) == Op::kPow && is_number(graph, graph.operand(value, 1), 2);
  return is_product || is_power ? std::optional(graph.operand(value, 0)) : std::nullopt;
}

std::optional<Exponential> exponential(const Graph& graph, Value value) {
  switch (graph.op(value)) {
    case Op::kExp:
      return Exponential{graph.operand(value, 0), 1};
    case Op::kExp2:
      return Exponential{graph.operand(value, 0), std::log(2.0)};
    case Op::kPow: {
      const std::optional<double> c = positive_number(graph, graph.operand(value, 0));
      // Powers of 1 are 1, those of infinity too.
      if (!c || *c == 1 || !is_float(graph.type(value).dtype())) return std::nullopt;
      return Exponential{graph.operand(value, 1), std::log(*c)};
    }
    default:
      return std::nullopt;
  }
}

Value exponent(Builder& b, const Exponential& power) {
  if (power.log_base == 1) return power.x;
  return b.mul(power.x, b.constant_like(power.x, power.log_base));
}

Value shift_of(Builder& b, Value x, const Dims& axes) {
  const Value most = axes.empty() ? x : b.reduce(x, ReduceKind::kMax, axes);
  const double largest = largest_finite(b.type(x).dtype());
  const Value below = b.min(most, b.constant_like(most, largest));
  return b.round(b.max(below, b.constant_like(most, -largest)));
}

ShiftedPower shifted(Builder& b, const Exponential& power, const Dims& axes) {
  Value x = ir::widened(b, power.x);
  if (power.log_base < 0) x = b.neg(x);
  const Value shift = shift_of(b, x, axes);
  const Value near = b.sub(x, ir::repeat_along(b, shift, axes, b.type(x).shape()));
  const double scale = std::abs(power.log_base);
  return {b.mul(near, b.constant_like(near, scale)), b.mul(shift, b.constant_like(shift, scale))};
}

Value log_of_sum(Builder& b, Value total) {
  const Value is_nothing = b.eq(total, b.constant_like(total, 0));
  const Value nothing = b.constant_like(total, -std::numeric_limits<double>::infinity());
  return b.select(is_nothing, nothing, b.log(total));
}

Value in_base_of(Builder& b, Value value, Value natural) {
  if (b.graph().op(value) != Op::kLog2) return natural;
  return b.mul(natural, b.constant_like(natural, 1 / std::log(2.0)));
}

}  // namespace ndl::passes
