#include "passes/risks.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "ir/attributes.h"
#include "passes/stabilize_helpers.h"
#include "passes/value_range.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Graph;
using ir::Op;
using ir::ReduceKind;
using ir::Value;

class Finder {
 public:
  explicit Finder(const Graph& graph) : graph_(graph), ranges_(value_ranges(graph)) {}

  std::vector<Risk> run() const {
    const std::vector<bool> live = graph_.live_nodes();
    std::vector<Risk> risks;
    for (std::uint32_t id = 0; id < graph_.size(); ++id) {
      const ir::Type& type = graph_.type({id});
      if (!live[id] || type.is_tuple() || !is_float(type.dtype())) continue;
      if (std::optional<Risk> risk = risk_of({id})) risks.push_back(*risk);
    }
    return risks;
  }

 private:
  const ValueRange& operand(Value value, std::size_t i) const {
    return ranges_[graph_.operand(value, i).id];
  }

  std::optional<Risk> above(Value value, double limit, double argument) const {
    if (argument <= limit) return std::nullopt;
    return Risk{
        value, fmt::format("overflows {} above {:.4g}", name_of(graph_.type(value).dtype()), limit),
        "subtract the largest operand first, or use softmax, logsumexp, softplus, sigmoid"};
  }

  std::optional<Risk> risk_of(Value value) const {
    const double most = largest_finite(graph_.type(value).dtype());
    switch (graph_.op(value)) {
      case Op::kExp:
      case Op::kExpm1:
        return above(value, std::log(most), operand(value, 0).high);
      case Op::kExp2:
        return above(value, std::log2(most), operand(value, 0).high);
      case Op::kPow:
        return risk_of_power(value, most);
      case Op::kSinh:
      case Op::kCosh: {
        const ValueRange& x = operand(value, 0);
        return above(value, std::log(most) + std::log(2.0), std::max(x.high, -x.low));
      }
      case Op::kLog:
      case Op::kLog2:
        if (operand(value, 0).low > 0) return std::nullopt;
        return Risk{
            value, "is -inf at 0",
            hint_of_logarithm(
                value,
                "take the log of what the operand is made of, or use log_softmax, logsumexp")};
      case Op::kLog1p:
        if (operand(value, 0).low > -1) return std::nullopt;
        return Risk{value, "is -inf at -1",
                    hint_of_logarithm(value, "use log of what 1 + x is made of")};
      case Op::kDiv:
        if (!operand(value, 1).contains(0)) return std::nullopt;
        return Risk{value, "divides by what may be 0", "add a small number to the divisor"};
      case Op::kRsqrt:
        if (operand(value, 0).low > 0) return std::nullopt;
        return Risk{value, "is inf at 0", "add a small number to the operand"};
      case Op::kSqrt:
        if (operand(value, 0).low > 0) return std::nullopt;
        return Risk{value,
                    operand(value, 0).low == 0 ? "has an infinite slope at 0"
                                               : "is NaN below 0, with an infinite slope at 0",
                    "add a small number to the operand"};
      case Op::kMul:
        return risk_of_square(value, most);
      case Op::kReduce:
        return risk_of_sum(value, most);
      case Op::kSub:
        return risk_of_difference(value);
      default:
        return std::nullopt;
    }
  }

  Value without_factors(Value value) const {
    while (true) {
      const Op op = graph_.op(value);
      const bool is_scaled =
          (op == Op::kMul || op == Op::kDiv) && graph_.is_splat(graph_.operand(value, 1));
      const bool is_moved = op == Op::kReshape || op == Op::kBroadcast || op == Op::kConvert;
      if (!is_scaled && !is_moved) return value;
      value = graph_.operand(value, 0);
    }
  }
  // Of what no rule makes stable, what to write; else what is said of all.
  std::string_view hint_of_logarithm(Value value, std::string_view other) const {
    const Value x = without_factors(graph_.operand(value, 0));
    const auto operands = graph_.operands(x);
    const bool is_of_erf =
        graph_.op(x) == Op::kErf || std::ranges::any_of(operands, [&](Value operand) {
          return graph_.op(operand) == Op::kErf;
        });
    if (is_of_erf) {
      return "where erf(x) rounds to -1, 1 + erf(x) is nearly exp(-x * x) / (-x * sqrt(pi)), whose "
             "log is a sum";
    }
    if (graph_.op(x) == Op::kCumsum) {
      return "scan with the largest exponent so far and the sum of powers below it, or combine "
             "with logaddexp";
    }
    return other;
  }

  std::optional<Risk> risk_of_power(Value value, double most) const {
    if (std::optional<Risk> risk = risk_of_square(value, most)) return risk;
    const ValueRange& exponent = operand(value, 1);
    if (const auto base = positive_number(graph_, graph_.operand(value, 0)); base && *base != 1) {
      const double limit = std::log(most) / std::log(*base);
      return *base > 1 ? above(value, limit, exponent.high) : std::nullopt;
    }
    if (exponent.low >= 0 || !operand(value, 0).contains(0)) return std::nullopt;
    return Risk{value, "is inf at 0 where the exponent is negative",
                "add a small number to the base"};
  }

  // Squares and long sums of the floats whose numbers end early. Of wider ones they are large for
  // no common input.
  std::optional<Risk> risk_of_square(Value value, double most) const {
    const double limit = std::sqrt(most);
    const ValueRange& x = operand(value, 0);
    const bool may_overflow = squared(graph_, value) && std::max(x.high, -x.low) > limit;
    if (graph_.type(value).dtype() != DType::kF16 || !may_overflow) return std::nullopt;
    return Risk{value, fmt::format("overflows f16 where the operand is above {:.4g}", limit),
                "scale the operand first, or convert it to f32"};
  }

  std::optional<Risk> risk_of_sum(Value value, double most) const {
    constexpr double kLargeElement = 256;
    const double limit =
        most * static_cast<double>(graph_.type(value).shape().num_elements()) /
        static_cast<double>(graph_.type(graph_.operand(value, 0)).shape().num_elements());
    const ValueRange& x = operand(value, 0);
    const bool may_overflow = is_reduce(graph_, value, ReduceKind::kSum) && limit < kLargeElement &&
                              std::max(x.high, -x.low) > limit;
    if (graph_.type(value).dtype() != DType::kF16 || !may_overflow) return std::nullopt;
    return Risk{value, fmt::format("overflows f16 where all elements are above {:.4g}", limit),
                "divide the elements first, or convert them to f32"};
  }

  // E[x^2] - E[x]^2 and 1 - cos(x).
  std::optional<Risk> risk_of_difference(Value value) const {
    const Value left = without_factors(graph_.operand(value, 0));
    const Value right = without_factors(graph_.operand(value, 1));
    const bool is_sum_of_squares =
        graph_.op(left) == Op::kReduce && graph_.attributes(left).kind() == ReduceKind::kSum &&
        squared(graph_, without_factors(graph_.operand(left, 0))).has_value();
    if (is_sum_of_squares && squared(graph_, right)) {
      return Risk{value, "cancels where the mean is large beside the spread",
                  "use the mean of (x - mean(x))^2, which reads x once more"};
    }
    if (graph_.is_splat(left) && graph_.op(right) == Op::kCos && operand(value, 0).contains(1)) {
      return Risk{value, "cancels near 0", "use 2 * sin(x / 2)^2"};
    }
    return std::nullopt;
  }

  const Graph& graph_;
  const std::vector<ValueRange> ranges_;
};

}  // namespace

std::vector<Risk> find_risks(const Graph& graph) { return Finder(graph).run(); }

}  // namespace ndl::passes
