#include "passes/held_powers.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "passes/stabilize_helpers.h"

namespace ndl::passes {

using ir::Attr;
using ir::Graph;
using ir::Op;
using ir::ReduceKind;
using ir::Value;

namespace {

constexpr int kMostNodes = 64;

// Whether it is -(x * x) or -|x|, scaled or not.
bool is_below_zero(const Graph& graph, Value value) {
  const auto is_scaled = [&](Value x) {
    const bool is_product = graph.op(x) == Op::kMul || graph.op(x) == Op::kDiv;
    return is_product && positive_number(graph, graph.operand(x, 1));
  };
  while (is_scaled(value)) value = graph.operand(value, 0);
  bool is_negative = false;
  if (graph.op(value) == Op::kMul && graph.is_splat(graph.operand(value, 1))) {
    const Value number = graph.operand(value, 1);
    is_negative = graph.attributes(number).literal(Attr::kValue).as_double(0) < 0;
  }
  if (graph.op(value) != Op::kNeg && !is_negative) return false;
  value = graph.operand(value, 0);
  while (is_scaled(value)) value = graph.operand(value, 0);
  return squared(graph, value).has_value() || graph.op(value) == Op::kAbs;
}

bool is_finite_number(const Graph& graph, Value value) {
  return graph.is_splat(value) &&
         std::isfinite(graph.attributes(value).literal(Attr::kValue).as_double(0));
}

// Whether it is divided by the power of two next to the largest magnitude, as the rules of norms
// do: what is left is about 1.
bool is_scaled_by_largest(const Graph& graph, Value value) {
  if (graph.op(value) != Op::kDiv) return false;
  const Value scale = strip(graph, graph.operand(value, 1), repeats).base;
  if (graph.op(scale) != Op::kExp2) return false;
  Value k = graph.operand(scale, 0);
  for (const Op limit : {Op::kMax, Op::kMin}) {
    if (graph.op(k) != limit || !graph.is_splat(graph.operand(k, 1))) return false;
    k = graph.operand(k, 0);
  }
  return graph.op(k) == Op::kFloor && graph.op(graph.operand(k, 0)) == Op::kLog2;
}

class Finder {
 public:
  explicit Finder(const Graph& graph) : graph_(graph) {}

  Holds find(Value value) {
    if (nodes_left_-- <= 0 || graph_.type(value).is_tuple()) return Holds::kNoPower;
    if (const std::optional<Exponential> power = exponential(graph_, value)) {
      if (is_clamped(graph_, power->x)) return Holds::kNoPower;
      if (is_shifted(graph_, power->x)) return Holds::kShifted;
      // What decays, as in an average with a correction, has exponents above 0; exp(-x * x) alike.
      const bool decays = power->log_base < 0 || is_below_zero(graph_, power->x);
      return decays ? Holds::kBounded : Holds::kUnbounded;
    }
    const Op op = graph_.op(value);
    if (repeats(op)) return operand(value, 0);
    if (moves(op) || op == Op::kNeg || op == Op::kSqrt) return of_some(operand(value, 0));
    switch (op) {
      case Op::kSoftmax:
      case Op::kSigmoid:
        return Holds::kBounded;
      case Op::kSinh:
      case Op::kCosh:
        return is_clamped(graph_, graph_.operand(value, 0)) ? Holds::kNoPower : Holds::kUnbounded;
      case Op::kExpm1: {
        const Value x = graph_.operand(value, 0);
        if (is_clamped(graph_, x)) return Holds::kNoPower;
        return is_shifted(graph_, x) ? Holds::kShifted : Holds::kUnbounded;
      }
      case Op::kConvert:
        return is_float_convert(graph_, value) ? operand(value, 0) : Holds::kNoPower;
      case Op::kPow:
        return is_finite_number(graph_, graph_.operand(value, 1)) ? of_some(operand(value, 0))
                                                                  : Holds::kNoPower;
      case Op::kReduce: {
        const bool is_known = is_reduce(graph_, value, ReduceKind::kSum) ||
                              is_reduce(graph_, value, ReduceKind::kProd);
        return is_known ? of_sum(operand(value, 0)) : Holds::kNoPower;
      }
      case Op::kMul:
      case Op::kDiv: {
        if (is_scaled_by_largest(graph_, value)) return Holds::kNoPower;
        const Holds first = operand(value, 0);
        const Holds both = std::max(first, operand(value, 1));
        return op == Op::kMul && is_term(value) ? both : of_some(both);
      }
      case Op::kAdd:
      case Op::kSub: {
        const Holds first = operand(value, 0);
        return of_either(first, operand(value, 1));
      }
      case Op::kSelect: {
        const Holds first = operand(value, 1);
        return is_masked(graph_, value) ? of_some(first) : of_either(first, operand(value, 2));
      }
      case Op::kMatmul:
        return power_of_matmul(graph_, value) ? Holds::kUnbounded : Holds::kNoPower;
      default:
        return Holds::kNoPower;
    }
  }

 private:
  Holds operand(Value value, std::size_t i) { return find(graph_.operand(value, i)); }

  // Whether it is a number times a power, or a factor times one that is shifted by where that is
  // not 0 (Factoring::terms).
  bool is_term(Value product) const {
    return std::ranges::any_of(std::array<std::size_t, 2>{0, 1}, [&](std::size_t i) {
      const Value power = graph_.operand(product, i);
      const bool is_exp = graph_.op(power) == Op::kExp;
      const bool is_chosen = is_exp && graph_.op(graph_.operand(power, 0)) == Op::kSelect;
      return is_chosen || (is_exp && graph_.is_splat(graph_.operand(product, 1 - i)));
    });
  }

  // Shifted terms, changed or without some of them, may vanish in their sum.
  static Holds of_some(Holds terms) { return terms == Holds::kShifted ? Holds::kBounded : terms; }
  // Beside what holds no power, a sum does not vanish with what is bounded.
  static Holds of_either(Holds a, Holds b) {
    if (a == Holds::kUnbounded || b == Holds::kUnbounded) return Holds::kUnbounded;
    return of_sum(std::min(a, b));
  }
  static Holds of_sum(Holds terms) { return terms == Holds::kShifted ? Holds::kNoPower : terms; }

  const Graph& graph_;
  int nodes_left_ = kMostNodes;
};

}  // namespace

Holds holds(const Graph& graph, Value value) { return Finder(graph).find(value); }

bool is_masked(const Graph& graph, Value select) {
  return is_number(graph, graph.operand(select, 2), 0);
}

std::optional<std::size_t> power_of_matmul(const Graph& graph, Value matmul) {
  const auto is_power = [&](std::size_t i) {
    const Value base = strip(graph, graph.operand(matmul, i), moves).base;
    const std::optional<Exponential> power = exponential(graph, base);
    return power && !is_clamped(graph, power->x) && !is_shifted(graph, power->x);
  };
  if (is_power(0) == is_power(1)) return std::nullopt;
  return is_power(0) ? 0 : 1;
}

}  // namespace ndl::passes
