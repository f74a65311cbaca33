#include "tests/passes/exact_evaluator.h"

#include <mpfr.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/error.h"
#include "ir/attributes.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::ReduceKind;
using ir::Shape;
using ir::Value;

// exp(-10000) beside 1 is seen.
constexpr mpfr_prec_t kBits = 1 << 15;
constexpr mpfr_rnd_t kNearest = MPFR_RNDN;

class Real {
 public:
  Real() { mpfr_init2(value_, kBits); }
  explicit Real(double value) : Real() { mpfr_set_d(value_, value, kNearest); }
  Real(const Real& other) : Real() { mpfr_set(value_, other.value_, kNearest); }
  Real& operator=(const Real& other) {
    mpfr_set(value_, other.value_, kNearest);
    return *this;
  }
  ~Real() { mpfr_clear(value_); }

  mpfr_ptr get() { return value_; }
  mpfr_srcptr get() const { return value_; }
  double nearest() const { return mpfr_get_d(value_, kNearest); }

 private:
  mpfr_t value_;
};

using Reals = std::vector<Real>;

Real applied(int (*f)(mpfr_t, const mpfr_t, mpfr_rnd_t), const Real& x) {
  Real result;
  f(result.get(), x.get(), kNearest);
  return result;
}
Real applied(int (*f)(mpfr_t, const mpfr_t, const mpfr_t, mpfr_rnd_t), const Real& x,
             const Real& y) {
  Real result;
  f(result.get(), x.get(), y.get(), kNearest);
  return result;
}

Real elementwise(Op op, const std::vector<const Real*>& x) {
  const auto compare = [&](bool holds) { return Real(holds ? 1 : 0); };
  const auto order = [&] { return mpfr_cmp(x[0]->get(), x[1]->get()); };
  const auto is_true = [&](std::size_t i) { return mpfr_zero_p(x[i]->get()) == 0; };
  switch (op) {
    case Op::kAdd:
      return applied(mpfr_add, *x[0], *x[1]);
    case Op::kSub:
      return applied(mpfr_sub, *x[0], *x[1]);
    case Op::kMul:
      return applied(mpfr_mul, *x[0], *x[1]);
    case Op::kDiv:
      return applied(mpfr_div, *x[0], *x[1]);
    case Op::kMax:
      return applied(mpfr_max, *x[0], *x[1]);
    case Op::kMin:
      return applied(mpfr_min, *x[0], *x[1]);
    case Op::kNeg:
      return applied(mpfr_neg, *x[0]);
    case Op::kAbs:
      return applied(mpfr_abs, *x[0]);
    case Op::kExp:
      return applied(mpfr_exp, *x[0]);
    case Op::kExp2:
      return applied(mpfr_exp2, *x[0]);
    case Op::kLog2:
      return applied(mpfr_log2, *x[0]);
    case Op::kPow:
      return applied(mpfr_pow, *x[0], *x[1]);
    case Op::kExpm1:
      return applied(mpfr_expm1, *x[0]);
    case Op::kLog:
      return applied(mpfr_log, *x[0]);
    case Op::kLog1p:
      return applied(mpfr_log1p, *x[0]);
    case Op::kSqrt:
      return applied(mpfr_sqrt, *x[0]);
    case Op::kRsqrt:
      return applied(mpfr_rec_sqrt, *x[0]);
    case Op::kSin:
      return applied(mpfr_sin, *x[0]);
    case Op::kCos:
      return applied(mpfr_cos, *x[0]);
    case Op::kSinh:
      return applied(mpfr_sinh, *x[0]);
    case Op::kCosh:
      return applied(mpfr_cosh, *x[0]);
    case Op::kTanh:
      return applied(mpfr_tanh, *x[0]);
    case Op::kEq:
      return compare(order() == 0);
    case Op::kNe:
      return compare(order() != 0);
    case Op::kLt:
      return compare(order() < 0);
    case Op::kLe:
      return compare(order() <= 0);
    case Op::kGt:
      return compare(order() > 0);
    case Op::kGe:
      return compare(order() >= 0);
    case Op::kAnd:
      return compare(is_true(0) && is_true(1));
    case Op::kOr:
      return compare(is_true(0) || is_true(1));
    case Op::kSelect:
      return is_true(0) ? *x[1] : *x[2];
    default:
      NDL_CHECK(false, "{} is not evaluated exactly", ir::name_of(op));
  }
}

// The index of each axis of element `position` of a shape.
Dims index_of(std::int64_t position, const Shape& shape) {
  Dims index(shape.rank());
  for (std::size_t axis = shape.rank(); axis-- > 0;) {
    index[axis] = position % shape[axis];
    position /= shape[axis];
  }
  return index;
}

std::size_t position_of(const Dims& index, const Shape& shape) {
  std::int64_t position = 0;
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    position = position * shape[axis] + index[axis];
  }
  return static_cast<std::size_t>(position);
}

class Evaluator {
 public:
  Evaluator(const Graph& graph, std::span<const ir::Literal> inputs)
      : graph_(graph), inputs_(inputs), values_(graph.size()) {}

  std::vector<std::vector<double>> run() {
    const std::vector<bool> live = graph_.live_nodes();
    for (std::uint32_t id = 0; id < graph_.size(); ++id) {
      if (live[id] && !graph_.type({id}).is_tuple()) values_[id] = evaluate({id});
    }
    std::vector<Value> roots = {graph_.result()};
    if (graph_.op(graph_.result()) == Op::kMakeTuple) {
      roots.assign(graph_.operands(graph_.result()).begin(),
                   graph_.operands(graph_.result()).end());
    }
    std::vector<std::vector<double>> results;
    for (const Value root : roots) {
      results.emplace_back();
      for (const Real& x : values_[root.id]) results.back().push_back(x.nearest());
    }
    return results;
  }

 private:
  const Reals& operand(Value value, std::size_t i) const {
    return values_[graph_.operand(value, i).id];
  }
  const Shape& shape(Value value) const { return graph_.type(value).shape(); }

  static Reals elements_of(const ir::Literal& literal) {
    Reals result;
    for (std::int64_t i = 0; i < literal.size(); ++i) result.emplace_back(literal.as_double(i));
    return result;
  }

  Reals evaluate(Value value) const {
    switch (graph_.op(value)) {
      case Op::kParameter:
        return elements_of(inputs_[value.id]);
      case Op::kConstant:
        return elements_of(graph_.attributes(value).literal(Attr::kValue));
      case Op::kConvert:
      case Op::kReshape:
        return operand(value, 0);
      case Op::kBroadcast:
        return broadcast(value);
      case Op::kReduce:
        return reduce(value);
      default:
        break;
    }
    Reals result;
    for (std::int64_t i = 0; i < shape(value).num_elements(); ++i) {
      std::vector<const Real*> operands;
      for (std::size_t k = 0; k < graph_.operands(value).size(); ++k) {
        operands.push_back(&operand(value, k)[static_cast<std::size_t>(i)]);
      }
      result.push_back(elementwise(graph_.op(value), operands));
    }
    return result;
  }

  Reals broadcast(Value value) const {
    const Shape& from = shape(graph_.operand(value, 0));
    Reals result;
    for (std::int64_t i = 0; i < shape(value).num_elements(); ++i) {
      Dims index = index_of(i, shape(value));
      index.erase(index.begin(), index.end() - static_cast<std::ptrdiff_t>(from.rank()));
      for (std::size_t axis = 0; axis < from.rank(); ++axis) {
        if (from[axis] == 1) index[axis] = 0;
      }
      result.push_back(operand(value, 0)[position_of(index, from)]);
    }
    return result;
  }

  Reals reduce(Value value) const {
    const ReduceKind kind = graph_.attributes(value).kind();
    NDL_CHECK(kind == ReduceKind::kSum || kind == ReduceKind::kMax, "a reduction of another kind");
    const Dims& axes = graph_.attributes(value).integers(Attr::kAxes);
    const Shape& from = shape(graph_.operand(value, 0));
    std::vector<std::unique_ptr<Real>> sums(static_cast<std::size_t>(shape(value).num_elements()));
    for (std::int64_t i = 0; i < from.num_elements(); ++i) {
      const Dims index = index_of(i, from);
      Dims kept;
      for (std::size_t axis = 0; axis < from.rank(); ++axis) {
        if (std::ranges::find(axes, static_cast<std::int64_t>(axis)) == axes.end()) {
          kept.push_back(index[axis]);
        }
      }
      const Real& x = operand(value, 0)[static_cast<std::size_t>(i)];
      std::unique_ptr<Real>& sum = sums[position_of(kept, shape(value))];
      if (!sum) {
        sum = std::make_unique<Real>(x);
      } else {
        *sum = applied(kind == ReduceKind::kSum ? mpfr_add : mpfr_max, *sum, x);
      }
    }
    Reals result;
    for (const auto& sum : sums) result.push_back(sum ? *sum : Real(0));
    return result;
  }

  const Graph& graph_;
  const std::span<const ir::Literal> inputs_;
  std::vector<Reals> values_;
};

}  // namespace

std::vector<std::vector<double>> evaluate_exactly(const Graph& graph,
                                                  std::span<const ir::Literal> inputs) {
  return Evaluator(graph, inputs).run();
}

}  // namespace ndl::passes
