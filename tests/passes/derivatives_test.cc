// Derivatives of every op against differences: gradients, gradients of gradients, tangents.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "ir/interpreter.h"
#include "ir/op.h"
#include "ir/parser.h"
#include "ir/printer.h"
#include "ir/verifier.h"
#include "passes/jvp.h"
#include "passes/vjp.h"
#include "tests/random.h"
#include "tests/random_op.h"
#include "tests/random_point.h"
#include "tests/same_results.h"

namespace ndl::passes {
namespace {

using ir::Graph;
using ir::Literal;
using ir::TensorType;
using ir::Value;

using test::floats;
using test::Point;
using test::random_point;
using test::SmallOperands;

// Elements of all results that have gradients, in f64.
std::vector<double> elements_of(std::span<const Literal> results, const Graph& graph) {
  std::vector<double> elements;
  for (std::size_t k = 0; k < results.size(); ++k) {
    if (!is_float(graph.result_type().elements()[k].dtype)) continue;
    for (std::int64_t i = 0; i < results[k].size(); ++i) {
      elements.push_back(results[k].as_double(i));
    }
  }
  return elements;
}

std::vector<Literal> interpret_wide(const Graph& graph, std::span<const Literal> inputs) {
  return ir::interpret(graph, inputs, {.wide = true});
}

double dot(std::span<const double> a, std::span<const double> b) {
  EXPECT_EQ(a.size(), b.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// The same without the elements of weight 0.
double finite_dot(std::span<const double> weights, std::span<const double> values) {
  EXPECT_EQ(weights.size(), values.size());
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] != 0) sum += weights[i] * values[i];
  }
  return sum;
}

// Random gradients for the results.
std::vector<Literal> random_cotangents(const Graph& graph, test::Random& random) {
  std::vector<Literal> cotangents;
  for (const TensorType& type : graph.result_type().elements()) {
    if (is_float(type.dtype)) cotangents.push_back(floats(type, random, -1, 1));
  }
  return cotangents;
}

std::vector<double> elements_of(std::span<const Literal> literals) {
  std::vector<double> elements;
  for (const Literal& literal : literals) {
    for (std::int64_t i = 0; i < literal.size(); ++i) elements.push_back(literal.as_double(i));
  }
  return elements;
}

template <class... Lists>
std::vector<Literal> joined(const Lists&... lists) {
  std::vector<Literal> all;
  (all.insert(all.end(), lists.begin(), lists.end()), ...);
  return all;
}

// x, of f64, with a step along element i.
Literal stepped(const Literal& x, std::int64_t i, double step) {
  Literal result = Literal::uninitialized(x.type());
  for (std::int64_t k = 0; k < x.size(); ++k) {
    result.mutable_data<double>()[k] = x.at<double>(k) + (k == i ? step : 0);
  }
  return result;
}

// f(parameter, element, exact, at) for each element of the f64 inputs, where `exact` is its
// gradient, one of `gradients`, and at(step) the value of <weights, results> a step along it.
template <class F>
void for_each_derivative(const Point& point, std::span<const Literal> gradients,
                         std::span<const double> weights, F&& f) {
  std::size_t next = 0;
  for (std::size_t p = 0; p < point.inputs.size(); ++p) {
    const Literal& input = point.inputs[p];
    if (!is_float(input.dtype())) continue;
    const Literal& exact = gradients[next++];
    // Steps in narrower dtypes would be rounded away.
    if (input.dtype() != DType::kF64) continue;
    for (std::int64_t i = 0; i < input.size(); ++i) {
      f(p, i, exact.as_double(i), [&](double step) {
        std::vector<Literal> moved = point.inputs;
        moved[p] = stepped(input, i, step);
        return finite_dot(weights, elements_of(interpret_wide(point.graph, moved), point.graph));
      });
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

// The gradient of <v, f> by vjp and by central differences.
void expect_gradients(const Point& point, std::uint64_t seed) {
  constexpr double kStep = 1e-6;
  constexpr double kAbsolute = 1e-5;
  constexpr double kRelative = 1e-3;
  test::Random random(seed);
  const Graph gradient = vjp(point.graph);
  ir::verify(gradient);
  const std::vector<Literal> v = random_cotangents(point.graph, random);
  const std::vector<Literal> all = interpret_wide(gradient, joined(point.inputs, v));
  const std::size_t results = point.graph.result_type().elements().size();
  std::vector<double> weights = elements_of(v);
  const std::vector<double> here = elements_of(std::span(all).first(results), point.graph);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    // An infinity, from a window of padding alone or a constant, does not change.
    if (!std::isfinite(here[i])) weights[i] = 0;
  }
  for_each_derivative(
      point, std::span(all).subspan(results), weights,
      [&](std::size_t p, std::int64_t i, double got, const auto& at) {
        const double numeric = (at(kStep) - at(-kStep)) / (2 * kStep);
        ASSERT_LE(std::abs(got - numeric), kAbsolute + kRelative * std::abs(numeric))
            << "parameter " << p << " element " << i << ": " << got << ", by differences "
            << numeric << "\n"
            << ir::print(point.graph) << ir::print(gradient);
      });
}

// <v, J u> = <J^T v, u>
void expect_transposes(const Point& point, std::uint64_t seed) {
  test::Random random(seed);
  const Graph backward = vjp(point.graph);
  const Graph forward = jvp(point.graph);
  ir::verify(forward);
  const std::vector<Literal> v = random_cotangents(point.graph, random);
  std::vector<Literal> u;
  for (const Literal& input : point.inputs) {
    if (is_float(input.dtype())) u.push_back(floats(input.type(), random, -1, 1));
  }
  const std::size_t results = point.graph.result_type().elements().size();
  const auto after_results = [&](const Graph& graph, std::span<const Literal> inputs) {
    const std::vector<Literal> all = interpret_wide(graph, inputs);
    return elements_of(std::span(all).subspan(results));
  };
  const std::vector<double> ju = after_results(forward, joined(point.inputs, u));
  const std::vector<double> jv = after_results(backward, joined(point.inputs, v));
  const double left = dot(elements_of(v), ju);
  const double right = dot(jv, elements_of(u));
  double scale = 1;
  for (std::size_t i = 0; i < jv.size(); ++i) scale += std::abs(jv[i]);
  ASSERT_LE(std::abs(left - right), 1e-12 * scale)
      << left << " and " << right << "\n"
      << ir::print(point.graph) << ir::print(forward) << ir::print(backward);
}

// Windows that meet padding alone.
TEST(Derivatives, OfConvolutionsThatDoNotSeeTheirOperand) {
  const Graph graph = ir::parse(
      "needle 1 graph f(%x: f64[1,1,1], %k: f64[1,1,1]) -> f64[1,1,1] { "
      "%y = conv(%x, %k, stride=[5], low=[3]) : f64[1,1,1] return %y }");
  const Literal two = Literal::filled({DType::kF64, ir::Shape({1, 1, 1})}, 2).dense();
  const Point point{graph, {two, two}};
  expect_gradients(point, 1);
  expect_transposes(point, 1);
}

class EveryOp : public testing::TestWithParam<const ir::OpDef*> {
 protected:
  // Calls f(point, seed) for random uses of the op.
  template <class F>
  void for_random_points(int count, F&& f) {
    if (GetParam()->op == ir::Op::kParameter || GetParam()->op == ir::Op::kFusion) return;
    int found = 0;
    for (std::uint64_t seed = 1; found < count && seed < 1000; ++seed) {
      const std::optional<Point> point = random_point(*GetParam(), seed);
      if (!point) continue;
      ++found;
      SCOPED_TRACE(fmt::format("seed {}", seed));
      f(*point, seed);
      if (HasFatalFailure()) return;
    }
    EXPECT_EQ(found, count);
  }
};

TEST_P(EveryOp, GradientsAreThoseOfDifferences) { for_random_points(60, expect_gradients); }

TEST_P(EveryOp, GradientsOfGradientsAreThoseOfDifferences) {
  for_random_points(30, [](const Point& point, std::uint64_t seed) {
    test::Random random(seed);
    const std::vector<Literal> v = random_cotangents(point.graph, random);
    expect_gradients({vjp(point.graph), joined(point.inputs, v)}, seed + 1);
  });
}

TEST_P(EveryOp, TangentsAreTransposedGradients) { for_random_points(60, expect_transposes); }

INSTANTIATE_TEST_SUITE_P(Ops, EveryOp, testing::ValuesIn(test::every_op()),
                         [](const auto& info) { return std::string(info.param->name); });

// Operands that are results of earlier ops where there are such.
class ProgramOperands : public SmallOperands {
 public:
  using SmallOperands::SmallOperands;

  Value any(DTypeSet allowed, std::size_t least_rank) override {
    std::vector<Value> fitting;
    for (const Value value : results_) {
      const ir::Type& type = builder().type(value);
      if (allowed.contains(type.dtype()) && type.shape().rank() >= least_rank) {
        fitting.push_back(value);
      }
    }
    if (fitting.empty() || random().one_in(3)) return SmallOperands::any(allowed, least_rank);
    return fitting[static_cast<std::size_t>(random().below(std::ssize(fitting)))];
  }

  // Makes the value an operand to come.
  void add(Value value) {
    if (!builder().type(value).is_tuple()) results_.push_back(value);
  }
  const std::vector<Value>& results() const { return results_; }

 private:
  Value operand(const TensorType& type, std::int64_t bound) override {
    for (const Value value : results_) {
      if (bound == 0 && builder().type(value) == ir::Type(type) && !random().one_in(3)) {
        return value;
      }
    }
    return parameter(type, bound);
  }

  std::vector<Value> results_;
};

// A program of a few ops at a point where all of it is finite; nothing if the draw has no such.
std::optional<Point> random_program(std::uint64_t seed) {
  constexpr int kOps = 8;
  test::Random random(mix_bits(seed));
  ProgramOperands operands(random);
  for (int i = 0; i < kOps; ++i) {
    const auto& all = ir::all_ops();
    const ir::OpDef& def = all[static_cast<std::size_t>(random.below(std::ssize(all)))];
    if (def.op == ir::Op::kFusion) continue;  // fused is what has been differentiated
    try {
      if (const auto value = test::random_op(operands.builder(), random, operands, def)) {
        operands.add(*value);
      }
    } catch (const ShapeError&) {
    }
  }
  std::vector<Value> floats_at_end;
  for (const Value value : operands.results()) {
    if (operands.builder().type(value).dtype() == DType::kF64) floats_at_end.push_back(value);
  }
  if (floats_at_end.empty()) return std::nullopt;
  const test::ParameterOperands::Finished finished =
      operands.finished(operands.builder().make_tuple(floats_at_end));
  Point point{finished.graph, {}};
  for (std::size_t i = 0; i < point.graph.num_parameters(); ++i) {
    const TensorType& type = point.graph.type(point.graph.parameter(i)).tensor();
    const std::int64_t bound = finished.bounds[i] > 0 ? finished.bounds[i] : 4;
    point.inputs.push_back(is_float(type.dtype)
                               ? floats(type, random, 0.2, 1.7)
                               : test::random_integers(type, 0, bound - 1, random.bits()));
  }
  const test::Outcome outcome = test::run(point.graph, point.inputs);
  if (!outcome.error.empty()) return std::nullopt;
  for (const double x : elements_of(outcome.literals, point.graph)) {
    if (!std::isfinite(x) || std::abs(x) > 1e6) return std::nullopt;
  }
  return point;
}

struct Compared {
  int elements = 0;
  int not_smooth = 0;
  int at_poles = 0;  // of a derivative, such as that of acos at 1
};

// Along each element of the inputs, where the function is smooth as far as differences can tell.
void compare_program(const Point& point, std::uint64_t seed, Compared& compared) {
  constexpr double kStep = 1e-5;
  test::Random random(seed);
  const std::vector<Literal> v = random_cotangents(point.graph, random);
  const std::vector<Literal> all = interpret_wide(vjp(point.graph), joined(point.inputs, v));
  const std::vector<double> weights = elements_of(v);
  const std::size_t results = point.graph.result_type().elements().size();
  for_each_derivative(point, std::span(all).subspan(results), weights,
                      [&](std::size_t p, std::int64_t i, double exact, const auto& at) {
                        const double here = at(0);
                        const double after = (at(kStep) - here) / kStep;
                        const double before = (here - at(-kStep)) / kStep;
                        const double numeric = (after + before) / 2;
                        const double half = (at(kStep / 2) - at(-kStep / 2)) / kStep;
                        const double scale = std::max(1.0, std::abs(numeric));
                        ++compared.elements;
                        if (!(std::abs(after - before) <= 1e-2 * scale &&
                              std::abs(half - numeric) <= 1e-4 * scale)) {
                          ++compared.not_smooth;
                          return;
                        }
                        if (!std::isfinite(exact)) {
                          ++compared.at_poles;
                          return;
                        }
                        ASSERT_NEAR(exact, numeric, 1e-3 * scale)
                            << "parameter " << p << " element " << i << "\n"
                            << ir::print(point.graph);
                      });
}

TEST(Derivatives, OfProgramsAreThoseOfDifferences) {
  constexpr int kPrograms = 400;
  Compared compared;
  int found = 0;
  for (std::uint64_t seed = 1; found < kPrograms && seed < 100 * kPrograms; ++seed) {
    const std::optional<Point> point = random_program(seed);
    if (!point) continue;
    ++found;
    SCOPED_TRACE(fmt::format("seed {}", seed));
    compare_program(*point, seed, compared);
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(found, kPrograms);
  EXPECT_GT(compared.elements, 5 * kPrograms);
  EXPECT_LT(compared.not_smooth, compared.elements / 10);
  RecordProperty("elements", compared.elements);
  EXPECT_LT(compared.at_poles, compared.elements / 100);
  RecordProperty("not_smooth", compared.not_smooth);
  RecordProperty("at_poles", compared.at_poles);
}

}  // namespace
}  // namespace ndl::passes
