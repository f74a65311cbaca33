// Values that hold powers, kept apart as factor * exp(exponent): sums, products and quotients of
// such neither overflow nor vanish, whatever the exponents.
//
//   exp(x)                    1 * exp(x)
//   w * exp(x) / c            (w / c) * exp(x)
//   sum(w * exp(x))           sum(w * exp(x - k)) * exp(k), k = round(max(x)) where w is not 0
//   exp(x) + y                (exp(x - k) + y * exp(-k)) * exp(k), k = round(max(x, 0))
//   expm1(x)                  (expm1(x - k) - expm1(-k)) * exp(k), k = round(max(x, 0))
//   prod(w * exp(x))          prod(w) * exp(sum(x))
//   matmul(exp(x), y)         matmul(exp(x - k), y) * exp(k)
//
// A shift k is a whole number near the largest exponent: x - k rounds little, k - k not at all, and
// no gradient flows to it.
#include <algorithm>
#include <array>
#include <cmath>

#include "ir/expansion.h"
#include "passes/stabilize_helpers.h"
#include "passes/value_range.h"

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

// Nodes looked at, and nodes taken apart; what lies behind them is as good as a parameter.
constexpr int kMostNodes = 64;

enum class Holds : std::uint8_t {
  kNoPower,
  kShifted,    // terms that a rule has shifted: they vanish alone, and not in their sum
  kBounded,    // softmax, sigmoid and powers of numbers below 1, which vanish at most
  kUnbounded,  // powers
};

// What moves elements of its first operand, and does nothing to them.
bool moves(Op op) {
  return repeats(op) || op == Op::kTranspose || op == Op::kReverse || op == Op::kSlice ||
         op == Op::kGather || op == Op::kDynamicSlice;
}

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
      case Op::kMul: {
        const Holds both = std::max(operand(value, 0), operand(value, 1));
        return is_term(value) ? both : of_some(both);
      }
      case Op::kDiv:
        return of_some(std::max(operand(value, 0), operand(value, 1)));
      case Op::kAdd:
      case Op::kSub:
        return of_either(operand(value, 0), operand(value, 1));
      case Op::kSelect:
        return is_masked(value) ? of_some(operand(value, 1))
                                : of_either(operand(value, 1), operand(value, 2));
      case Op::kMatmul:
        return power_of_matmul(value) ? Holds::kUnbounded : Holds::kNoPower;
      default:
        return Holds::kNoPower;
    }
  }

  bool is_masked(Value select) const { return is_number(graph_, graph_.operand(select, 2), 0); }

  // Which operand of a product of matrices is a power itself, moved or not, if one is: exp(x) v.
  std::optional<std::size_t> power_of_matmul(Value matmul) const {
    const auto is_power = [&](std::size_t i) {
      const Value base = strip(graph_, graph_.operand(matmul, i), moves).base;
      const std::optional<Exponential> power = exponential(graph_, base);
      return power && !is_clamped(graph_, power->x) && !is_shifted(graph_, power->x);
    };
    if (is_power(0) == is_power(1)) return std::nullopt;
    return is_power(0) ? 0 : 1;
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

Holds holds(const Graph& graph, Value value) { return Finder(graph).find(value); }

// factor * exp(exponent), in the accumulator's dtype; either may be missing: 1 * exp(0).
struct Factored {
  Result factor;
  Result exponent;
  bool is_sum = false;  // the factor is 0 where there is nothing to sum
};

// Whether a factor may be 0 somewhere.
bool may_be_nothing(const Graph& graph, const Result& factor) {
  return factor && !(graph.is_splat(*factor) && !is_number(graph, *factor, 0));
}

class Factoring {
 public:
  explicit Factoring(Builder& b) : b_(b) {}

  Factored factored(Value value) {
    if (nodes_left_-- <= 0 || holds(b_.graph(), value) == Holds::kNoPower) {
      return {ir::widened(b_, value), std::nullopt};
    }
    if (const std::optional<Exponential> power = exponential(b_.graph(), value)) {
      return {std::nullopt, exponent(b_, {ir::widened(b_, power->x), power->log_base})};
    }
    const Op op = b_.graph().op(value);
    if (moves(op)) return moved(value);
    switch (op) {
      case Op::kSoftmax: {
        const Dims axes = b_.graph().attributes(value).integers(Attr::kAxes);
        return {std::nullopt, b_.log_softmax(operand(value), axes)};
      }
      case Op::kSigmoid: {
        const Value x = operand(value);
        return {std::nullopt, b_.neg(b_.add_node(Op::kSoftplus, {b_.neg(x)}))};
      }
      case Op::kExpm1:
        return less_one(operand(value));
      case Op::kConvert:
        return converted(value);
      case Op::kNeg:
        return negated(of_operand(value, 0));
      case Op::kSqrt:
        return root(of_operand(value, 0));
      case Op::kPow:
        return raised(of_operand(value, 0), ir::widened(b_, b_.graph().operand(value, 1)));
      case Op::kMul: {
        const Factored x = of_operand(value, 0);
        return product(x, of_operand(value, 1));
      }
      case Op::kDiv: {
        const Factored x = of_operand(value, 0);
        return quotient(x, of_operand(value, 1));
      }
      case Op::kAdd: {
        const Factored x = of_operand(value, 0);
        return sum(x, of_operand(value, 1));
      }
      case Op::kSub: {
        const Factored x = of_operand(value, 0);
        return sum(x, negated(of_operand(value, 1)));
      }
      case Op::kSelect:
        return selected(value);
      case Op::kReduce:
        return reduced(value);
      default:
        return multiplied(value);
    }
  }

  // log(1 + x), as exact near 0 as log1p.
  Value log_one_plus(const Factored& x) {
    if (!x.factor) return b_.add_node(Op::kSoftplus, {*x.exponent});
    const Value exponents = largest(x);
    const Value shift = shift_of(b_, b_.max(exponents, zero_like(exponents)), {});
    const Value missing = b_.expm1(b_.sub(zero_like(shift), shift));
    return b_.add(b_.log1p(b_.add(missing, terms(x, shift))), shift);
  }

  // factor * exp(exponent - shift). What is multiplied by 0 may be far above the shift.
  Value terms(const Factored& x, Result shift) {
    const Result exponent = difference(x.exponent, shift);
    if (!exponent) return x.factor ? *x.factor : one_like(*x.exponent);
    Value above = *exponent;
    if (!may_be_nothing(b_.graph(), x.factor)) {
      const Value power = b_.exp(above);
      return x.factor ? b_.mul(*x.factor, power) : power;
    }
    // Large enough for the slope of a factor that is 0, and small enough to be divided by a sum.
    const double most = std::floor(0.75 * std::log(largest_finite(b_.type(above).dtype())));
    const Value bounded = b_.min(above, b_.constant_like(above, most));
    above = b_.select(is_something(*x.factor), above, bounded);
    return b_.mul(*x.factor, b_.exp(above));
  }

 private:
  Factored of_operand(Value value, std::size_t i) { return factored(b_.graph().operand(value, i)); }
  Value operand(Value value) { return ir::widened(b_, b_.graph().operand(value, 0)); }
  Value one_like(Value value) { return b_.constant_like(value, 1); }
  Value zero_like(Value value) { return b_.constant_like(value, 0); }
  Value is_something(Value factor) { return b_.ne(factor, zero_like(factor)); }
  Value factor_of(const Factored& x) { return x.factor ? *x.factor : one_like(*x.exponent); }
  Value exponent_of(const Factored& x) { return x.exponent ? *x.exponent : zero_like(*x.factor); }

  template <class F>
  Factored each(const Factored& x, F&& f) {
    Factored result{std::nullopt, std::nullopt, x.is_sum};
    if (x.factor) result.factor = f(*x.factor);
    if (x.exponent) result.exponent = f(*x.exponent);
    return result;
  }

  Factored moved(Value value) {
    const Factored x = of_operand(value, 0);
    return each(x, [&](Value part) { return replay(b_, part, {&value, 1}); });
  }

  Factored converted(Value value) {
    const DType dtype = accumulator_of(b_.type(value).dtype());
    return each(of_operand(value, 0), [&](Value part) { return ir::as_dtype(b_, part, dtype); });
  }

  Factored negated(Factored x) {
    x.factor = b_.neg(factor_of(x));
    return x;
  }

  Factored root(Factored x) {
    if (x.factor) x.factor = b_.sqrt(*x.factor);
    if (x.exponent) x.exponent = b_.mul(*x.exponent, b_.constant_like(*x.exponent, 0.5));
    return x;
  }

  Factored raised(Factored x, Value number) {
    if (x.factor) x.factor = b_.pow(*x.factor, number);
    if (x.exponent) x.exponent = b_.mul(*x.exponent, number);
    return x;
  }

  Factored product(const Factored& x, const Factored& y) {
    Factored result{x.factor ? x.factor : y.factor, x.exponent ? x.exponent : y.exponent,
                    x.is_sum || y.is_sum};
    if (x.factor && y.factor) result.factor = b_.mul(*x.factor, *y.factor);
    if (x.exponent && y.exponent) result.exponent = b_.add(*x.exponent, *y.exponent);
    return result;
  }

  Factored quotient(const Factored& x, const Factored& y) {
    Factored result{x.factor, x.exponent, x.is_sum || y.is_sum};
    if (y.factor) result.factor = b_.div(x.factor ? *x.factor : one_like(*y.factor), *y.factor);
    result.exponent = difference(x.exponent, y.exponent);
    return result;
  }

  Result difference(const Result& x, const Result& y) {
    if (!y) return x;
    if (!x) return b_.neg(*y);
    return is_same_shift(b_.graph(), *x, *y) ? Result() : b_.sub(*x, *y);
  }

  // exp(x) - 1, as exact near 0 as expm1.
  Factored less_one(Value x) {
    const Value shift = shift_of(b_, b_.max(x, zero_like(x)), {});
    const Value near = b_.expm1(b_.sub(x, shift));
    return {b_.sub(near, b_.expm1(b_.sub(zero_like(x), shift))), shift};
  }

  Factored sum(const Factored& x, const Factored& y) {
    if (!x.exponent && !y.exponent) return {b_.add(*x.factor, *y.factor), std::nullopt};
    const Factored first{x.factor, exponent_of(x)};
    const Factored second{y.factor, exponent_of(y)};
    const Value most = largest(first);
    const Value shift = shift_of(b_, b_.max(most, largest(second)), {});
    const Value a = terms(first, shift);
    return {b_.add(a, terms(second, shift)), shift, true};
  }

  // The exponents that count, and the lowest number where the factor is 0.
  Value largest(const Factored& x) {
    const Value exponent = exponent_of(x);
    if (!may_be_nothing(b_.graph(), x.factor)) return exponent;
    const double lowest = -largest_finite(b_.type(exponent).dtype());
    return b_.select(is_something(*x.factor), exponent, b_.constant_like(exponent, lowest));
  }

  Factored selected(Value value) {
    const Value mask = b_.graph().operand(value, 0);
    const Factored x = of_operand(value, 1);
    if (Finder(b_.graph()).is_masked(value)) {
      const Value factor = factor_of(x);
      return {b_.select(mask, factor, zero_like(factor)), x.exponent, true};
    }
    const Factored y = of_operand(value, 2);
    Factored result{std::nullopt, std::nullopt, x.is_sum || y.is_sum};
    if (x.factor || y.factor) {
      const Value factor = factor_of(x);
      result.factor = b_.select(mask, factor, factor_of(y));
    }
    const Value exponent = exponent_of(x);
    result.exponent = b_.select(mask, exponent, exponent_of(y));
    return result;
  }

  Factored reduced(Value value) {
    const ir::Attributes reduction = b_.graph().attributes(value);
    const Dims axes = reduction.integers(Attr::kAxes);
    const bool is_widened = is_half(b_.type(value).dtype());
    const Factored x = of_operand(value, 0);
    if (!x.exponent) return {ir::widened(b_, value), std::nullopt};
    if (is_reduce(b_.graph(), value, ReduceKind::kProd)) {
      Factored all{std::nullopt, b_.reduce(*x.exponent, ReduceKind::kSum, axes), x.is_sum};
      if (x.factor) all.factor = b_.reduce(*x.factor, ReduceKind::kProd, axes);
      return all;
    }
    const Shape shape = b_.type(*x.exponent).shape();
    const Value shift = shift_of(b_, largest(x), axes);
    const Value all = terms(x, ir::repeat_along(b_, shift, axes, shape));
    const Value total = is_widened ? b_.reduce(all, ReduceKind::kSum, axes)
                                   : b_.add_node(Op::kReduce, {all}, reduction);
    return {total, shift, true};
  }

  // A product of matrices of which one is a power.
  Factored multiplied(Value value) {
    const bool is_left = Finder(b_.graph()).power_of_matmul(value) == std::size_t{0};
    const Factored x = of_operand(value, is_left ? 0 : 1);
    if (!x.exponent) return {ir::widened(b_, value), std::nullopt};
    const Value y = ir::widened(b_, b_.graph().operand(value, is_left ? 1 : 0));
    const Shape shape = b_.type(*x.exponent).shape();
    const auto axis = static_cast<std::int64_t>(shape.rank()) - (is_left ? 1 : 2);
    const Value shift = shift_of(b_, largest(x), {axis});
    const Value powers = terms(x, ir::repeat_along(b_, shift, {axis}, shape));
    const Value total = is_left ? b_.matmul(powers, y) : b_.matmul(y, powers);
    Dims kept = shape.dims();
    kept[static_cast<std::size_t>(axis)] = 1;
    const Value row = b_.reshape(shift, Shape(kept));
    return {total, b_.broadcast(row, b_.type(total).shape()), true};
  }

  Builder& b_;
  int nodes_left_ = kMostNodes;
};

Value logarithm(Builder& b, const Factored& x) {
  if (!x.factor) return *x.exponent;
  const Value log = x.is_sum ? log_of_sum(b, *x.factor) : b.log(*x.factor);
  return x.exponent ? b.add(log, *x.exponent) : log;
}

// The logarithm of a sum of powers alone: the op that it is.
Result logarithm_of_sum(Builder& b, Value value) {
  const Moved sum = strip(b.graph(), value, repeats);
  Factoring factoring(b);
  if (is_reduce(b.graph(), sum.base, ReduceKind::kSum)) {
    const Dims axes = b.graph().attributes(sum.base).integers(Attr::kAxes);
    const Factored x = factoring.factored(b.graph().operand(sum.base, 0));
    if (x.factor) return std::nullopt;
    return replay(b, b.logsumexp(*x.exponent, axes), sum.moves);
  }
  if (b.graph().op(sum.base) == Op::kAdd) {
    const Factored x = factoring.factored(b.graph().operand(sum.base, 0));
    const Factored y = factoring.factored(b.graph().operand(sum.base, 1));
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
    Factoring factoring(b);
    return ir::as_dtype(b, factoring.log_one_plus(factoring.factored(x)), dtype);
  }
  if (holds(b.graph(), x) == Holds::kNoPower) return std::nullopt;
  Result natural = logarithm_of_sum(b, x);
  if (!natural) natural = logarithm(b, Factoring(b).factored(x));
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
    const Factored x = Factoring(b).factored(p);
    const Factored y = Factoring(b).factored(q);
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
    // A softmax vanishes: p / q of two is 0 / 0, and a p without one has nothing to say to that.
    const bool is_ratio =
        holds(b.graph(), second) == Holds::kBounded && holds(b.graph(), first) != Holds::kNoPower;
    if (!overflows(second) && !is_ratio) return std::nullopt;
    if (!overflows(first) && !is_ratio && is_part_of_softmax(b.graph(), first, second))
      return std::nullopt;
    Factoring factoring(b);
    const Factored x = factoring.factored(first);
    const Factored y = factoring.factored(second);
    const Value dividend = factoring.terms(x, y.exponent);
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
  Factoring factoring(b);
  return ir::as_dtype(b, factoring.terms(factoring.factored(value), std::nullopt), dtype);
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
