#include "passes/factored_power.h"

#include <cmath>

#include "ir/expansion.h"
#include "passes/held_powers.h"
#include "passes/stabilize_helpers.h"
#include "passes/value_range.h"

namespace ndl::passes {

using ir::Attr;
using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::ReduceKind;
using ir::Shape;
using ir::Value;
using Result = std::optional<Value>;

namespace {

// Nodes taken apart; what lies behind them is as good as a parameter.
constexpr int kMostNodes = 64;

// Whether a factor may be 0 somewhere.
bool may_be_nothing(const Graph& graph, const Result& factor) {
  return factor && !(graph.is_splat(*factor) && !is_number(graph, *factor, 0));
}

class Factoring {
 public:
  explicit Factoring(Builder& b) : b_(b) {}

  FactoredPower factored(Value value) {
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
      case Op::kSinh:
      case Op::kCosh:
        return hyperbolic(op, operand(value));
      case Op::kConvert:
        return converted(value);
      case Op::kNeg:
        return negated(of_operand(value, 0));
      case Op::kSqrt:
        return root(of_operand(value, 0));
      case Op::kPow:
        return raised(of_operand(value, 0), ir::widened(b_, b_.graph().operand(value, 1)));
      case Op::kMul: {
        const FactoredPower x = of_operand(value, 0);
        return product(x, of_operand(value, 1));
      }
      case Op::kDiv: {
        const FactoredPower x = of_operand(value, 0);
        return quotient(x, of_operand(value, 1));
      }
      case Op::kAdd: {
        const FactoredPower x = of_operand(value, 0);
        return sum(x, of_operand(value, 1));
      }
      case Op::kSub: {
        const FactoredPower x = of_operand(value, 0);
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

  Value log_one_plus(const FactoredPower& x) {
    if (!x.factor) return b_.add_node(Op::kSoftplus, {*x.exponent});
    const Value exponents = largest(x);
    const Value shift = shift_of(b_, b_.max(exponents, zero_like(exponents)), {});
    const Value missing = b_.expm1(b_.sub(zero_like(shift), shift));
    return b_.add(b_.log1p(b_.add(missing, terms(x, shift))), shift);
  }

  Value largest(const FactoredPower& x) {
    const Value exponent = exponent_of(x);
    if (!may_be_nothing(b_.graph(), x.factor)) return exponent;
    const double lowest = -largest_finite(b_.type(exponent).dtype());
    const Value counts = is_something(*x.factor);
    return b_.select(counts, exponent, b_.constant_like(exponent, lowest));
  }

  Value terms(const FactoredPower& x, Result shift) {
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
  FactoredPower of_operand(Value value, std::size_t i) {
    return factored(b_.graph().operand(value, i));
  }
  Value operand(Value value) { return ir::widened(b_, b_.graph().operand(value, 0)); }
  Value one_like(Value value) { return b_.constant_like(value, 1); }
  Value zero_like(Value value) { return b_.constant_like(value, 0); }
  Value is_something(Value factor) { return b_.ne(factor, zero_like(factor)); }
  Value factor_of(const FactoredPower& x) { return x.factor ? *x.factor : one_like(*x.exponent); }
  Value exponent_of(const FactoredPower& x) {
    return x.exponent ? *x.exponent : zero_like(*x.factor);
  }

  template <class F>
  FactoredPower each(const FactoredPower& x, F&& f) {
    FactoredPower result{std::nullopt, std::nullopt, x.is_sum};
    if (x.factor) result.factor = f(*x.factor);
    if (x.exponent) result.exponent = f(*x.exponent);
    return result;
  }

  FactoredPower moved(Value value) {
    const FactoredPower x = of_operand(value, 0);
    return each(x, [&](Value part) { return replay(b_, part, {&value, 1}); });
  }

  FactoredPower converted(Value value) {
    const DType dtype = accumulator_of(b_.type(value).dtype());
    return each(of_operand(value, 0), [&](Value part) { return ir::as_dtype(b_, part, dtype); });
  }

  FactoredPower negated(FactoredPower x) {
    x.factor = b_.neg(factor_of(x));
    return x;
  }

  FactoredPower root(FactoredPower x) {
    if (x.factor) x.factor = b_.sqrt(*x.factor);
    if (x.exponent) x.exponent = b_.mul(*x.exponent, b_.constant_like(*x.exponent, 0.5));
    return x;
  }

  FactoredPower raised(FactoredPower x, Value number) {
    if (x.factor) x.factor = b_.pow(*x.factor, number);
    if (x.exponent) x.exponent = b_.mul(*x.exponent, number);
    return x;
  }

  FactoredPower product(const FactoredPower& x, const FactoredPower& y) {
    FactoredPower result{x.factor ? x.factor : y.factor, x.exponent ? x.exponent : y.exponent,
                         x.is_sum || y.is_sum};
    if (x.factor && y.factor) result.factor = b_.mul(*x.factor, *y.factor);
    if (x.exponent && y.exponent) result.exponent = b_.add(*x.exponent, *y.exponent);
    return result;
  }

  FactoredPower quotient(const FactoredPower& x, const FactoredPower& y) {
    FactoredPower result{x.factor, x.exponent, x.is_sum || y.is_sum};
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
  FactoredPower less_one(Value x) {
    const Value shift = shift_of(b_, b_.max(x, zero_like(x)), {});
    const Value near = b_.expm1(b_.sub(x, shift));
    return {b_.sub(near, b_.expm1(b_.sub(zero_like(x), shift))), shift};
  }

  // From here on cosh(x) and |sinh(x)| are exp(|x|) / 2. Both are as exact near 0 as they were.
  FactoredPower hyperbolic(Op op, Value x) {
    constexpr double kFar = 20;
    const Value lowest = b_.constant_like(x, -kFar);
    const Value highest = b_.constant_like(x, kFar);
    const Value factor = b_.add_node(op, {b_.clamp(x, lowest, highest)});
    const Value magnitude = b_.abs(x);
    const Value beyond = b_.sub(magnitude, highest);
    // NaN is beyond, and has the slope there.
    const Value is_near = b_.le(magnitude, highest);
    return {factor, b_.select(is_near, zero_like(beyond), beyond)};
  }

  FactoredPower sum(const FactoredPower& x, const FactoredPower& y) {
    if (!x.exponent && !y.exponent) return {b_.add(*x.factor, *y.factor), std::nullopt};
    const FactoredPower first{x.factor, exponent_of(x)};
    const FactoredPower second{y.factor, exponent_of(y)};
    const Value most = largest(first);
    const Value shift = shift_of(b_, b_.max(most, largest(second)), {});
    const Value a = terms(first, shift);
    return {b_.add(a, terms(second, shift)), shift, true};
  }

  FactoredPower selected(Value value) {
    const Value mask = b_.graph().operand(value, 0);
    const FactoredPower x = of_operand(value, 1);
    if (is_masked(b_.graph(), value)) {
      const Value factor = factor_of(x);
      return {b_.select(mask, factor, zero_like(factor)), x.exponent, true};
    }
    const FactoredPower y = of_operand(value, 2);
    FactoredPower result{std::nullopt, std::nullopt, x.is_sum || y.is_sum};
    if (x.factor || y.factor) {
      const Value factor = factor_of(x);
      result.factor = b_.select(mask, factor, factor_of(y));
    }
    const Value exponent = exponent_of(x);
    result.exponent = b_.select(mask, exponent, exponent_of(y));
    return result;
  }

  FactoredPower reduced(Value value) {
    const ir::Attributes reduction = b_.graph().attributes(value);
    const Dims axes = reduction.integers(Attr::kAxes);
    const bool is_widened = is_half(b_.type(value).dtype());
    const FactoredPower x = of_operand(value, 0);
    if (!x.exponent) return {ir::widened(b_, value), std::nullopt};
    if (is_reduce(b_.graph(), value, ReduceKind::kProd)) {
      FactoredPower all{std::nullopt, b_.reduce(*x.exponent, ReduceKind::kSum, axes), x.is_sum};
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
  FactoredPower multiplied(Value value) {
    const bool is_left = power_of_matmul(b_.graph(), value) == std::size_t{0};
    const FactoredPower x = of_operand(value, is_left ? 0 : 1);
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

}  // namespace

FactoredPower factored(Builder& b, Value value) { return Factoring(b).factored(value); }

Value terms(Builder& b, const FactoredPower& x, Result shift) {
  return Factoring(b).terms(x, shift);
}

Value largest(Builder& b, const FactoredPower& x) { return Factoring(b).largest(x); }

Value log_one_plus(Builder& b, const FactoredPower& x) { return Factoring(b).log_one_plus(x); }

Value logarithm(Builder& b, const FactoredPower& x) {
  if (!x.factor) return *x.exponent;
  const Value log = x.is_sum ? log_of_sum(b, *x.factor) : b.log(*x.factor);
  return x.exponent ? b.add(log, *x.exponent) : log;
}

}  // namespace ndl::passes
