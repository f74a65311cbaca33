// Random naive programs of powers: sums, products and quotients of exponentials with weights, masks
// and other terms, and the logarithms and ratios of those. Stabilized, value and gradient are what
// the program means as mathematics, within what rounding the exponents allows.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "ir/builder.h"
#include "ir/interpreter.h"
#include "ir/literal.h"
#include "ir/printer.h"
#include "passes/pass.h"
#include "passes/vjp.h"
#include "tests/passes/exact_evaluator.h"
#include "tests/random.h"

namespace ndl::passes {
namespace {

using ir::Builder;
using ir::Graph;
using ir::Literal;
using ir::ReduceKind;
using ir::Shape;
using ir::TensorType;
using ir::Value;

const Shape kMatrix({2, 3});
const Shape kRow({2});

// A program of two matrices of exponents.
class Program {
 public:
  explicit Program(std::uint64_t seed) : random_(mix_bits(seed)) {
    constexpr std::array kDTypes = {DType::kF16, DType::kBF16, DType::kF32, DType::kF64};
    constexpr std::array kMagnitudes = {1.0, 20.0, 300.0};
    dtype_ = random_.choose(kDTypes);
    magnitude_ = random_.choose(kMagnitudes);
    x_ = b_.parameter({dtype_, kMatrix}, "x");
    y_ = b_.parameter({dtype_, kMatrix}, "y");
    b_.set_result(result());
  }

  const Graph& graph() const { return graph_; }
  DType dtype() const { return dtype_; }
  bool is_logarithm() const { return is_logarithm_; }
  // The sum of the largest exponents of all powers.
  double exponents() const { return exponents_; }

  Literal literal(const Shape& shape, double low, double high) {
    Literal literal = Literal::uninitialized({dtype_, shape});
    visit_dtype(dtype_, [&]<class T>(std::type_identity<T>) {
      for (std::int64_t i = 0; i < literal.size(); ++i) {
        const double unit = static_cast<double>(random_.bits() >> 11) * 0x1p-53;
        const double element = low + (high - low) * unit;
        literal.mutable_data<T>()[i] =
            Literal::filled({dtype_, Shape()}, element).template data<T>()[0];
      }
    });
    return literal;
  }
  Literal exponents_literal() { return literal(kMatrix, -magnitude_, magnitude_); }

 private:
  Value result() {
    is_logarithm_ = random_.one_in(2);
    const Value top = random_.one_in(2) ? element(3) : row(3);
    if (is_logarithm_) return random_.one_in(4) ? b_.log2(top) : b_.log(top);
    const Shape shape = b_.type(top).shape();
    const Value bottom = shape == kMatrix ? element(2) : row(2);
    if (random_.one_in(3)) return b_.mul(top, b_.div(b_.constant_like(bottom, 1), bottom));
    return b_.div(top, bottom);
  }

  Value power() {
    constexpr std::array kScales = {1.0, -0.5, 2.0};
    const double scale = random_.choose(kScales);
    Value z = random_.one_in(2) ? x_ : y_;
    if (scale != 1) z = b_.mul(z, b_.constant_like(z, scale));
    const bool is_of_two = random_.one_in(5);
    exponents_ += magnitude_ * std::abs(scale);
    return is_of_two ? b_.exp2(z) : b_.exp(z);
  }

  Value number(Value like) {
    constexpr std::array kNumbers = {0.125, 1.0, 3.0};
    return b_.constant_like(like, random_.choose(kNumbers));
  }

  // The first of each row is not 0.
  Value weights() {
    Literal weights = literal(kMatrix, 0.1, 2);
    visit_dtype(dtype_, [&]<class T>(std::type_identity<T>) {
      for (std::int64_t i = 0; i < weights.size(); ++i) {
        if (i % 3 != 0 && random_.one_in(2)) weights.mutable_data<T>()[i] = T();
      }
    });
    return b_.constant(weights);
  }

  Value mask() {
    const Value w = weights();
    return b_.lt(b_.constant_like(w, 0), w);
  }

  // Positive numbers, but for those under weights and masks.
  Value element(int depth) {
    if (depth == 0) return power();
    switch (random_.below(13)) {
      case 0: {
        const Value p = element(depth - 1);
        return b_.mul(p, weights());
      }
      case 1: {
        const Value p = element(depth - 1);
        return b_.mul(number(p), p);
      }
      case 2: {
        const Value p = element(depth - 1);
        return b_.add(p, number(p));
      }
      case 3: {
        const Value p = element(depth - 1);
        return b_.add(p, element(depth - 1));
      }
      case 4: {
        const Value p = element(depth - 1);
        return b_.mul(p, power());
      }
      case 5: {
        const Value p = element(depth - 1);
        return b_.div(p, power());
      }
      case 6: {
        const Value p = element(depth - 1);
        return b_.select(mask(), p, b_.constant_like(p, 0));
      }
      case 7: {
        return repeated(row(depth - 1));
      }
      case 8: {
        const Value p = element(depth - 1);
        exponents_ *= 2;
        return random_.one_in(2) ? b_.mul(p, p) : b_.pow(p, b_.constant_like(p, 2));
      }
      case 9:
        return b_.sqrt(power());  // of a sum of squares it is a norm
      case 11: {
        const Value p = element(depth - 1);
        return b_.div(p, repeated(row(depth - 1)));
      }
      case 10: {
        const Value q = mask();
        const Value p = element(depth - 1);
        return b_.select(q, p, element(depth - 1));
      }
      default:
        return power();
    }
  }

  Value repeated(Value total) { return b_.broadcast(b_.reshape(total, Shape({2, 1})), kMatrix); }

  Value row(int depth) {
    const Value total = b_.reduce(element(depth), ReduceKind::kSum, {1});
    switch (random_.below(4)) {
      case 0:
        return b_.div(total, b_.constant_like(total, 3));
      case 1:
        return b_.add(total, number(total));
      default:
        return total;
    }
  }

  test::Random random_;
  DType dtype_{};
  double magnitude_ = 1;
  Graph graph_;
  Builder b_{graph_};
  Value x_{};
  Value y_{};
  bool is_logarithm_ = false;
  double exponents_ = 0;
};

class Powers : public testing::TestWithParam<int> {};

TEST_P(Powers, AreWhatTheyMean) {
  constexpr int kCount = 150;
  int compared = 0;
  for (int i = 0; i < kCount; ++i) {
    const auto seed = static_cast<std::uint64_t>(GetParam() * kCount + i);
    Program program(seed);
    const Graph stable =
        run_pipeline(program.graph(), parse_pipeline("canonicalize,stabilize,canonicalize"));
    std::vector<Literal> inputs;
    for (int k = 0; k < 2; ++k) inputs.push_back(program.exponents_literal());
    inputs.push_back(program.literal(program.graph().result_type().shape(), 0.5, 1));
    const std::vector<std::vector<double>> want = evaluate_exactly(vjp(program.graph()), inputs);
    const std::vector<Literal> got = ir::interpret(vjp(stable), inputs);

    const double epsilon = std::ldexp(1.0, -precision_of(program.dtype()));
    const double slack = 16 * epsilon * (program.exponents() + 20);
    const double largest = Literal::filled({program.dtype(), Shape()}, 6e4).as_double(0);
    const bool is_halved = program.dtype() == DType::kF16;
    // Where a result is not finite, or below the normal numbers, nothing is claimed.
    double most = 0;
    bool is_finite = true;
    for (const double value : want[0]) {
      most = std::max(most, std::abs(value));
      is_finite = is_finite && std::isfinite(value);
    }
    if (!is_finite || most > (is_halved ? largest / 100 : 1e30)) continue;
    if (program.is_logarithm()) most = 1;
    const double tiny = is_halved ? 0x1p-14 : 1e-30;
    ++compared;
    for (std::size_t k = 0; k < want.size(); ++k) {
      for (std::size_t e = 0; e < want[k].size(); ++e) {
        if (!std::isfinite(want[k][e])) continue;
        const double value = got[k].as_double(static_cast<std::int64_t>(e));
        const double scale = k == 0 ? std::abs(want[k][e]) : 16 * most;
        const double margin = std::expm1(std::min(slack, 100.0)) * scale;
        const double absolute = k == 0 && program.is_logarithm() ? slack : 0;
        ASSERT_LE(std::abs(value - want[k][e]), margin + absolute + tiny)
            << "seed " << seed << ": " << (k == 0 ? "value " : "slope ") << e << " is " << value
            << ", not " << want[k][e] << "\n"
            << inputs[0].to_string() << inputs[1].to_string() << "\n"
            << ir::print(program.graph()) << ir::print(stable);
      }
    }
  }
  EXPECT_GT(compared, kCount / 4);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Powers, testing::Range(0, 6));

}  // namespace
}  // namespace ndl::passes
