#include "passes/value_range.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "ir/attributes.h"
#include "passes/stabilize_helpers.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Graph;
using ir::Op;
using ir::ReduceKind;
using ir::Value;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr ValueRange kEverything{-kInfinity, kInfinity};

// What moves or repeats elements and makes none.
bool only_moves(Op op) { return moves(op) || op == Op::kSort || op == Op::kAfter; }

// A product or quotient of nothing and too much is not known.
double product(double a, double b) { return a == 0 || b == 0 ? 0 : a * b; }

ValueRange product(const ValueRange& a, const ValueRange& b) {
  const double corners[] = {product(a.low, b.low), product(a.low, b.high), product(a.high, b.low),
                            product(a.high, b.high)};
  return {*std::ranges::min_element(corners), *std::ranges::max_element(corners)};
}

ValueRange united(const ValueRange& a, const ValueRange& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

ValueRange magnitude(const ValueRange& x) {
  const double low = x.contains(0) ? 0 : std::min(std::abs(x.low), std::abs(x.high));
  return {low, std::max(std::abs(x.low), std::abs(x.high))};
}

ValueRange range_of_integers(DType dtype) {
  return visit_dtype(dtype, []<class T>(std::type_identity<T>) -> ValueRange {
    if constexpr (std::is_integral_v<T>) {
      using Limits = std::numeric_limits<T>;
      return {static_cast<double>(Limits::lowest()), static_cast<double>(Limits::max())};
    } else {
      return kEverything;
    }
  });
}

class Ranges {
 public:
  explicit Ranges(const Graph& graph) : graph_(graph) {}

  std::vector<ValueRange> run() {
    for (std::uint32_t id = 0; id < graph_.size(); ++id) ranges_.push_back(range({id}));
    return std::move(ranges_);
  }

 private:
  const ValueRange& operand(Value value, std::size_t i) const {
    return ranges_[graph_.operand(value, i).id];
  }

  ValueRange range(Value value) const {
    const ir::Type& type = graph_.type(value);
    if (type.is_tuple()) return kEverything;
    // Arithmetic on integers wraps around.
    const Op op = graph_.op(value);
    const bool is_wrapping = !is_float(type.dtype()) && op != Op::kConstant && !only_moves(op);
    ValueRange known = is_wrapping ? range_of_integers(type.dtype()) : computed(value);
    if (std::isnan(known.low)) known.low = -kInfinity;
    if (std::isnan(known.high)) known.high = kInfinity;
    return known;
  }

  ValueRange constant(Value value) const {
    const ir::Literal& literal = graph_.attributes(value).literal(Attr::kValue);
    constexpr std::int64_t kMost = 4096;
    const std::int64_t count =
        literal.is_splat() ? std::min<std::int64_t>(literal.size(), 1) : literal.size();
    if (count == 0 || count > kMost) return kEverything;
    ValueRange range{literal.as_double(0), literal.as_double(0)};
    for (std::int64_t i = 1; i < count; ++i) {
      range = united(range, {literal.as_double(i), literal.as_double(i)});
    }
    return range;
  }

  ValueRange reduced(Value value) const {
    const ValueRange& x = operand(value, 0);
    const auto before =
        static_cast<double>(graph_.type(graph_.operand(value, 0)).shape().num_elements());
    const auto after = static_cast<double>(graph_.type(value).shape().num_elements());
    switch (graph_.attributes(value).kind()) {
      case ReduceKind::kMax:
      case ReduceKind::kMin:
        return x;
      case ReduceKind::kSum: {
        const double count = after == 0 ? 0 : before / after;
        if (count == 0) return {0, 0};
        // Of one term at least.
        return {std::min(x.low, product(x.low, count)), std::max(x.high, product(x.high, count))};
      }
      default:
        return kEverything;
    }
  }

  // x - max(x), the maximum repeated along the axes over which it is.
  bool is_below_maximum(Value value) const {
    const Value x = graph_.operand(value, 0);
    const Value repeated = graph_.operand(value, 1);
    const Moved max = strip(graph_, repeated, repeats);
    if (!is_reduce(graph_, max.base, ReduceKind::kMax) || graph_.operand(max.base, 0) != x) {
      return false;
    }
    const ir::Dims& axes = graph_.attributes(max.base).integers(Attr::kAxes);
    return repeats_along(graph_, graph_.type(x).shape(), axes, max.moves, repeated);
  }

  ValueRange power(const ValueRange& x, const ValueRange& y) const {
    if (y.low != y.high) return x.low >= 0 ? ValueRange{0, kInfinity} : kEverything;
    const bool is_even = std::fmod(y.low, 2) == 0;
    if (x.low < 0 && !is_even) return kEverything;
    const ValueRange base = is_even ? magnitude(x) : x;
    const ValueRange ends = {std::pow(base.low, y.low), std::pow(base.high, y.low)};
    return {std::min(ends.low, ends.high), std::max(ends.low, ends.high)};
  }

  ValueRange computed(Value value) const {
    const Op op = graph_.op(value);
    if (only_moves(op)) return operand(value, 0);
    switch (op) {
      case Op::kParameter: {
        const double most = largest_finite(graph_.type(value).dtype());
        return {-most, most};
      }
      case Op::kConstant:
        return constant(value);
      case Op::kConvert:
        return operand(value, 0);
      case Op::kReduce:
        return reduced(value);
      case Op::kConcatenate: {
        ValueRange all = operand(value, 0);
        for (std::size_t i = 1; i < graph_.operands(value).size(); ++i) {
          all = united(all, operand(value, i));
        }
        return all;
      }
      case Op::kPad:
        return united(operand(value, 0), operand(value, 1));
      case Op::kSelect:
        return united(operand(value, 1), operand(value, 2));
      case Op::kSoftmax:
        return {0, 1};
      case Op::kLogSoftmax:
        return {-kInfinity, 0};
      case Op::kSigmoid:
        return {0, 1};
      case Op::kSoftplus:
        return {0, std::max(1.0, operand(value, 0).high + 1)};
      default:
        return graph_.def(value).is_elementwise() ? elementwise(value) : kEverything;
    }
  }

  ValueRange elementwise(Value value) const {
    const ValueRange x = operand(value, 0);
    const ValueRange y = graph_.operands(value).size() > 1 ? operand(value, 1) : kEverything;
    const bool is_square =
        graph_.operands(value).size() == 2 && graph_.operand(value, 0) == graph_.operand(value, 1);
    switch (graph_.op(value)) {
      case Op::kAdd:
        return {x.low + y.low, x.high + y.high};
      case Op::kSub:
        return {x.low - y.high,
                is_below_maximum(value) ? std::min(0.0, x.high - y.low) : x.high - y.low};
      case Op::kMul: {
        const ValueRange all = product(x, y);
        return is_square ? ValueRange{std::max(0.0, all.low), all.high} : all;
      }
      case Op::kDiv:
        return y.contains(0) ? kEverything : product(x, {1 / y.high, 1 / y.low});
      case Op::kPow:
        return power(x, y);
      case Op::kClamp: {
        const ValueRange& most = operand(value, 2);
        return {std::min(std::max(x.low, y.low), most.low),
                std::min(std::max(x.high, y.high), most.high)};
      }
      case Op::kMin:
        return {std::min(x.low, y.low), std::min(x.high, y.high)};
      case Op::kMax:
        return {std::max(x.low, y.low), std::max(x.high, y.high)};
      case Op::kNeg:
        return {-x.high, -x.low};
      case Op::kAbs:
        return magnitude(x);
      case Op::kSqrt:
        return {std::sqrt(std::max(0.0, x.low)), std::sqrt(std::max(0.0, x.high))};
      case Op::kRsqrt:
        // Of -0 it is -inf.
        if (x.low <= 0) return kEverything;
        return {0, 1 / std::sqrt(x.low)};
      case Op::kExp:
        return {std::exp(x.low), std::exp(x.high)};
      case Op::kExp2:
        return {std::exp2(x.low), std::exp2(x.high)};
      case Op::kExpm1:
        return {std::expm1(x.low), std::expm1(x.high)};
      case Op::kLog:
        return {std::log(std::max(0.0, x.low)), std::log(std::max(0.0, x.high))};
      case Op::kLog1p:
        return {std::log1p(std::max(-1.0, x.low)), std::log1p(std::max(-1.0, x.high))};
      case Op::kCosh:
        return {1, std::cosh(magnitude(x).high)};
      case Op::kSign:
      case Op::kSin:
      case Op::kCos:
      case Op::kTanh:
      case Op::kErf:
        return {-1, 1};
      default:
        return kEverything;
    }
  }

  const Graph& graph_;
  std::vector<ValueRange> ranges_;
};

}  // namespace

double largest_finite(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return 65504;
    case DType::kBF16:
      return 0x1.fep127;
    case DType::kF32:
      return std::numeric_limits<float>::max();
    default:
      return std::numeric_limits<double>::max();
  }
}

std::vector<ValueRange> value_ranges(const Graph& graph) { return Ranges(graph).run(); }

}  // namespace ndl::passes
