// Generated spellings of softmax, log-softmax, logsumexp and cross-entropy, with scales, biases,
// masks, bases, shifts, axes and dtypes: each is recognized, and value and gradient are those of
// the closed form in f64, within what rounding the exponents allows.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/hash.h"
#include "ir/builder.h"
#include "ir/interpreter.h"
#include "ir/math/convert.h"
#include "ir/printer.h"
#include "passes/pass.h"
#include "passes/stabilize.h"
#include "passes/vjp.h"
#include "tests/random.h"

namespace ndl::passes {
namespace {

using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::Literal;
using ir::Op;
using ir::ReduceKind;
using ir::Shape;
using ir::TensorType;
using ir::Value;

using Doubles = std::vector<double>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

enum class Family : std::uint8_t { kSoftmax, kLogSoftmax, kLogsumexp, kCrossEntropy, kLogOfChosen };
constexpr int kFamilies = 5;

Literal literal_of(const TensorType& type, const Doubles& values) {
  Literal literal = Literal::uninitialized(type);
  visit_dtype(type.dtype, [&]<class T>(std::type_identity<T>) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      literal.mutable_data<T>()[i] = ir::math::convert_element<T>(values[i]);
    }
  });
  return literal;
}

Doubles doubles_of(const Literal& literal) {
  Doubles values;
  for (std::int64_t i = 0; i < literal.size(); ++i) values.push_back(literal.as_double(i));
  return values;
}

// A spelling, and what it is in real numbers.
class Spelling {
 public:
  Spelling(Family family, std::uint64_t seed) : family_(family), random_(mix_bits(seed)) {
    constexpr DType kDTypes[] = {DType::kF16, DType::kBF16, DType::kF32, DType::kF64};
    dtype_ = kDTypes[random_.below(4)];
    Dims dims(static_cast<std::size_t>(random_.between(1, 3)));
    for (std::int64_t& extent : dims) extent = random_.between(1, 5);
    shape_ = Shape(dims);
    for (std::int64_t axis = 0; axis < std::ssize(dims); ++axis) {
      if (random_.one_in(2)) axes_.push_back(axis);
    }
    if (axes_.empty()) axes_.push_back(random_.below(std::ssize(dims)));
    constexpr double kMagnitudes[] = {1, 30, 1000, 1e4};
    magnitude_ = kMagnitudes[random_.below(4)];
    build();
  }

  const Graph& graph() const { return graph_; }
  DType dtype() const { return dtype_; }
  Literal input() { return literal_of(type(), random_doubles(-magnitude_, magnitude_)); }
  // Weights of the results, for a gradient.
  Literal weights() {
    Doubles values = random_doubles(-1, 1);
    values.resize(static_cast<std::size_t>(graph_.result_type().shape().num_elements()));
    return literal_of(graph_.result_type().tensor(), values);
  }

  // The results at x, and the gradient of their weighted sum; how far rounding may take them from
  // that, relative to probabilities and to the largest exponent.
  struct Reference {
    Doubles value;
    Doubles gradient;
    double slack = 0;
    double largest_weight = 0;
  };
  Reference reference(const Literal& x, Literal& weights) const;

 private:
  TensorType type() const { return {dtype_, shape_}; }
  double uniform() { return static_cast<double>(random_.bits() >> 11) * 0x1p-53; }
  Doubles random_doubles(double low, double high) {
    Doubles values(static_cast<std::size_t>(shape_.num_elements()));
    for (double& value : values) value = low + (high - low) * uniform();
    return values;
  }
  bool coin() { return random_.one_in(2); }
  bool is_reduced(std::size_t axis) const {
    return std::ranges::find(axes_, static_cast<std::int64_t>(axis)) != axes_.end();
  }
  // The row of each element.
  std::vector<std::size_t> rows() const;

  void build();
  Value exponent(Value x);
  Value power(Value z);
  Value repeated(Value reduced);
  // What a power is divided by, repeated; or multiplied with.
  Value quotient(Value powers, Value sum);

  const Family family_;
  test::Random random_;
  DType dtype_{};
  Shape shape_;
  Dims axes_;
  double magnitude_ = 1;

  Graph graph_;
  Builder b_{graph_};
  // z = x * scale + offset, to the base `base`.
  double scale_ = 1;
  Doubles offset_;
  double base_ = 0;  // 0: e
  bool is_mean_ = false;
  Doubles chosen_;  // weights of probabilities
};

std::vector<std::size_t> Spelling::rows() const {
  std::vector<std::size_t> rows;
  for (std::int64_t i = 0; i < shape_.num_elements(); ++i) {
    std::int64_t rest = i;
    std::size_t row = 0;
    std::size_t stride = 1;
    for (std::size_t axis = shape_.rank(); axis-- > 0;) {
      const std::int64_t extent = shape_[axis];
      if (!is_reduced(axis)) {
        row += static_cast<std::size_t>(rest % extent) * stride;
        stride *= static_cast<std::size_t>(extent);
      }
      rest /= extent;
    }
    rows.push_back(row);
  }
  return rows;
}

Value Spelling::exponent(Value x) {
  offset_.assign(static_cast<std::size_t>(shape_.num_elements()), 0);
  Value z = x;
  if (coin()) {
    constexpr double kScales[] = {0.125, 0.75, 2, -1.5};
    scale_ = kScales[random_.below(4)];
    const bool divides =
        coin() && std::abs(std::log2(std::abs(scale_))) == std::round(std::log2(std::abs(scale_)));
    z = divides ? b_.div(z, b_.constant_like(z, 1 / scale_))
                : b_.mul(z, b_.constant_like(z, scale_));
  }
  if (coin()) {
    const Literal bias = literal_of(type(), random_doubles(-magnitude_, magnitude_));
    offset_ = doubles_of(bias);
    z = b_.add(z, b_.constant(bias));
  }
  if (coin()) {
    const double hidden = dtype_ != DType::kF16 && coin() ? -1e9 : -kInfinity;
    Doubles mask(offset_.size(), 0);
    for (double& element : mask) {
      if (random_.one_in(4)) element = hidden;
    }
    const Literal constant = literal_of(type(), mask);
    for (std::size_t i = 0; i < mask.size(); ++i) {
      offset_[i] += constant.as_double(static_cast<std::int64_t>(i));
    }
    z = b_.add(z, b_.constant(constant));
  }
  return z;
}

Value Spelling::power(Value z) {
  if (base_ == 0) return b_.exp(z);
  if (base_ == 2) return b_.exp2(z);
  return b_.pow(b_.constant_like(z, base_), z);
}

Value Spelling::repeated(Value reduced) {
  Dims kept = shape_.dims();
  for (const std::int64_t axis : axes_) kept[static_cast<std::size_t>(axis)] = 1;
  const Shape row = b_.type(reduced).shape();
  // Leading axes need no reshape first.
  const bool broadcasts =
      std::equal(row.begin(), row.end(), shape_.end() - static_cast<std::ptrdiff_t>(row.rank()));
  bool leading = true;
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    leading = leading && axes_[i] == static_cast<std::int64_t>(i);
  }
  if (broadcasts && leading && coin()) return b_.broadcast(reduced, shape_);
  return b_.broadcast(b_.reshape(reduced, Shape(kept)), shape_);
}

Value Spelling::quotient(Value powers, Value sum) {
  if (coin()) return b_.div(powers, repeated(sum));
  if (coin()) {
    const Value one = b_.constant_like(sum, 1);
    const Value reciprocal = repeated(b_.div(one, sum));
    return coin() ? b_.mul(powers, reciprocal) : b_.mul(reciprocal, powers);
  }
  const Value all = repeated(sum);
  const Value one = b_.constant_like(all, 1);
  return b_.mul(powers, b_.div(one, all));
}

void Spelling::build() {
  const Value x = b_.parameter(type(), "x");
  // The logarithm is natural in all but one spelling of logsumexp.
  constexpr double kBases[] = {0, 0, 2, 3};
  base_ = family_ == Family::kLogSoftmax ? 0 : kBases[random_.below(4)];
  Value z = exponent(x);
  const bool is_shifted = coin();
  Value largest = z;
  Value shifted = z;
  if (is_shifted) {
    largest = b_.reduce(z, ReduceKind::kMax, axes_);
    shifted = b_.sub(z, repeated(largest));
  }
  const Value powers = power(shifted);
  // Equal powers, computed again.
  const Value again = coin() ? powers : power(shifted);
  const Value sum = b_.reduce(again, ReduceKind::kSum, axes_);
  switch (family_) {
    case Family::kSoftmax:
      b_.set_result(quotient(powers, sum));
      return;
    case Family::kLogSoftmax:
      if (coin()) {
        b_.set_result(b_.log(quotient(powers, sum)));
      } else {
        b_.set_result(b_.sub(shifted, repeated(b_.log(sum))));
      }
      return;
    case Family::kLogsumexp: {
      is_mean_ = !is_shifted && coin();
      const auto count = static_cast<double>(shape_.num_elements()) /
                         static_cast<double>(b_.type(sum).shape().num_elements());
      const Value mean = is_mean_ ? b_.div(sum, b_.constant_like(sum, count)) : sum;
      const Value log = b_.log(mean);
      if (is_shifted && base_ != 0) {
        // The shift is of the exponent, the result a natural logarithm.
        const Value factor = b_.constant_like(largest, std::log(base_));
        b_.set_result(b_.add(log, b_.mul(largest, factor)));
      } else {
        b_.set_result(is_shifted ? b_.add(log, largest) : log);
      }
      return;
    }
    case Family::kCrossEntropy:
    case Family::kLogOfChosen: {
      // One of each row is chosen.
      const std::vector<std::size_t> row = rows();
      std::vector<std::size_t> chosen(row.size(), row.size());
      for (std::size_t i = 0; i < row.size(); ++i) {
        if (chosen[row[i]] == row.size() || coin()) chosen[row[i]] = i;
      }
      chosen_.assign(row.size(), 0);
      for (const std::size_t i : chosen) {
        if (i < row.size()) chosen_[i] = 1;
      }
      const Value one_hot = b_.constant(literal_of(type(), chosen_));
      const Value p = quotient(powers, sum);
      if (family_ == Family::kCrossEntropy) {
        const Value terms = b_.mul(b_.log(p), one_hot);
        b_.set_result(b_.neg(b_.reduce(terms, ReduceKind::kSum, axes_)));
      } else {
        const Value terms = coin() ? b_.mul(p, one_hot) : b_.mul(one_hot, p);
        b_.set_result(b_.neg(b_.log(b_.reduce(terms, ReduceKind::kSum, axes_))));
      }
      return;
    }
  }
}

Spelling::Reference Spelling::reference(const Literal& x, Literal& weights) const {
  const double log_base = base_ == 0 ? 1 : std::log(base_);
  const std::vector<std::size_t> row = rows();
  const std::size_t count = row.size();
  Doubles z(count);
  for (std::size_t i = 0; i < count; ++i) {
    z[i] = (x.as_double(static_cast<std::int64_t>(i)) * scale_ + offset_[i]) * log_base;
  }
  Doubles most(count, -kInfinity);
  for (std::size_t i = 0; i < count; ++i) most[row[i]] = std::max(most[row[i]], z[i]);
  // What is masked by a large number matters where its whole row is.
  double largest_exponent = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const bool matters = std::isfinite(z[i]) && (std::abs(z[i]) < 1e8 || most[row[i]] < -1e8);
    if (matters) largest_exponent = std::max(largest_exponent, std::abs(z[i]));
  }
  Doubles sum(count, 0);
  Doubles size(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    sum[row[i]] += std::exp(z[i] - most[row[i]]);
    ++size[row[i]];
  }
  Doubles p(count);
  for (std::size_t i = 0; i < count; ++i) p[i] = std::exp(z[i] - most[row[i]]) / sum[row[i]];

  Reference reference;
  const bool is_of_rows = family_ != Family::kSoftmax && family_ != Family::kLogSoftmax;
  const std::size_t results = is_of_rows ? static_cast<std::size_t>(weights.size()) : count;
  reference.value.assign(results, 0);
  for (std::size_t i = 0; i < count; ++i) {
    const double log_p = z[i] - most[row[i]] - std::log(sum[row[i]]);
    switch (family_) {
      case Family::kSoftmax:
        reference.value[i] = p[i];
        break;
      case Family::kLogSoftmax:
        reference.value[i] = log_p;
        break;
      case Family::kLogsumexp:
        reference.value[row[i]] =
            most[row[i]] + std::log(sum[row[i]]) - (is_mean_ ? std::log(size[row[i]]) : 0);
        break;
      case Family::kCrossEntropy:
      case Family::kLogOfChosen:
        // A chosen probability of 0 has no finite loss, and others beside it 0 * inf.
        if (chosen_[i] != 0) reference.value[row[i]] = -log_p;
        break;
    }
  }
  if (family_ == Family::kCrossEntropy) {
    for (std::size_t i = 0; i < count; ++i) {
      if (!std::isfinite(z[i])) reference.value[row[i]] = kInfinity;
    }
  }
  // Results that are not finite take no part in the gradient.
  Doubles g = doubles_of(weights);
  for (std::size_t k = 0; k < results; ++k) {
    if (!std::isfinite(reference.value[k])) g[k] = 0;
    reference.largest_weight = std::max(reference.largest_weight, std::abs(g[k]));
  }
  weights = literal_of(weights.type(), g);
  Doubles of_row(count, 0);
  for (std::size_t i = 0; i < count && !is_of_rows; ++i) {
    of_row[row[i]] += family_ == Family::kSoftmax ? g[i] * p[i] : g[i];
  }
  reference.gradient.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    double slope = 0;
    switch (family_) {
      case Family::kSoftmax:
        slope = p[i] * (g[i] - of_row[row[i]]);
        break;
      case Family::kLogSoftmax:
        slope = g[i] - p[i] * of_row[row[i]];
        break;
      case Family::kLogsumexp:
        slope = p[i] * g[row[i]];
        break;
      case Family::kCrossEntropy:
      case Family::kLogOfChosen:
        slope = g[row[i]] * (p[i] - chosen_[i]);
        break;
    }
    reference.gradient[i] = slope * scale_ * log_base;
  }
  const double epsilon = std::ldexp(1.0, -precision_of(dtype_));
  reference.slack = 8 * epsilon * (2 + largest_exponent + static_cast<double>(count));
  return reference;
}

std::string shown(const Doubles& values) { return fmt::format("[{}]", fmt::join(values, " ")); }

// Whether `value` is x - round(...), moved: what log-of-powers exponentiates.
bool is_shifted(const Graph& graph, Value value) {
  if (graph.op(value) != Op::kSub) return false;
  value = graph.operand(value, 1);
  while (graph.op(value) == Op::kBroadcast || graph.op(value) == Op::kReshape) {
    value = graph.operand(value, 0);
  }
  return graph.op(value) == Op::kRound;
}

int count_powers(const Graph& graph) {
  int count = 0;
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    const Op op = graph.op({id});
    const bool is_power = op == Op::kExp || op == Op::kExp2 || op == Op::kPow;
    count += is_power && !is_shifted(graph, graph.operand({id}, 0)) ? 1 : 0;
  }
  return count;
}

class Spellings : public testing::TestWithParam<int> {};

TEST_P(Spellings, AreTheirClosedForm) {
  constexpr int kCount = 600;
  const auto family = static_cast<Family>(GetParam());
  for (std::uint64_t seed = 1; seed <= kCount; ++seed) {
    Spelling spelling(family, seed * kFamilies + static_cast<std::uint64_t>(GetParam()));
    // Whatever ran before takes no spelling away.
    constexpr std::array kPipelines = {"canonicalize,stabilize", "stabilize",
                                       "expand,hoist,canonicalize,stabilize",
                                       "stabilize,canonicalize,stabilize"};
    const char* pipeline = kPipelines[seed % kPipelines.size()];
    const Graph stable = run_pipeline(spelling.graph(), parse_pipeline(pipeline));
    // The logarithm of chosen probabilities has the exponential of a logarithm.
    const int powers = family == Family::kLogOfChosen ? 1 : 0;
    ASSERT_LE(count_powers(stable), powers) << "seed " << seed << ", " << pipeline << "\n"
                                            << ir::print(spelling.graph()) << ir::print(stable);
    const Graph gradient = vjp(stable);
    const Literal x = spelling.input();
    Literal weights = spelling.weights();
    const Spelling::Reference want = spelling.reference(x, weights);
    const std::vector<Literal> got = ir::interpret(gradient, {{x, weights}});
    const Doubles value = doubles_of(got[0]);
    const Doubles slope = doubles_of(got[1]);
    // Below the smallest normal number there are few digits.
    const double tiny = spelling.dtype() == DType::kF16 ? 0x1p-14 : 1e-37;
    const double loss = std::expm1(std::min(want.slack, 500.0));
    const auto check = [&](const Doubles& a, const Doubles& b, double scale, const char* what) {
      ASSERT_EQ(a.size(), b.size());
      for (std::size_t i = 0; i < a.size(); ++i) {
        if (!std::isfinite(b[i])) continue;
        ASSERT_LE(std::abs(a[i] - b[i]), scale + loss * std::abs(b[i]) + tiny)
            << what << " " << i << " of seed " << seed << ": " << shown(a) << ", not " << shown(b)
            << "\nat " << shown(doubles_of(x)) << "\n"
            << ir::print(spelling.graph()) << ir::print(stable);
      }
    };
    check(value, want.value, family == Family::kSoftmax ? 0 : want.slack, "element");
    check(slope, want.gradient, 4 * loss * want.largest_weight, "slope");
    if (HasFatalFailure()) return;
  }
}

std::string family_name(const testing::TestParamInfo<int>& info) {
  constexpr std::array kNames = {"softmax", "log_softmax", "logsumexp", "cross_entropy",
                                 "log_of_chosen"};
  return kNames[static_cast<std::size_t>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Families, Spellings, testing::Range(0, kFamilies), family_name);

}  // namespace
}  // namespace ndl::passes
