// Derivatives of functions, against closed forms and each other.
#include "needle/transform.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "codegen/counters.h"
#include "needle/needle.h"

namespace ndl {
namespace {

using Doubles = std::vector<double>;

const TensorOptions kF64{.dtype = DType::kF64};

void expect_close(const Tensor& x, const Doubles& want) {
  const Doubles got = x.to_vector<double>();
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-12) << i;
}

Tensor f(const Tensor& x) { return sum(sin(x) * x); }

TEST(Transform, GradAndValue) {
  const Tensor x({0.5, -2}, kF64);
  Doubles slope;
  for (const double v : {0.5, -2.0}) slope.push_back(std::cos(v) * v + std::sin(v));
  expect_close(grad(f)(x), slope);
  const auto [y, g] = value_and_grad(f)(x);
  expect_close(y, {std::sin(0.5) * 0.5 + std::sin(-2.0) * -2});
  expect_close(g, slope);
  EXPECT_FALSE(x.has_grad());
}

TEST(Transform, OfTensorsThatRequireNoGradient) {
  const Tensor x({2, 3}, {.dtype = DType::kF64, .requires_grad = false});
  expect_close(grad([](const Tensor& v) { return sum(v * v * v); })(x), {12, 27});
}

TEST(Transform, WithRespectToTheFirstArgument) {
  const Tensor x({2, 3}, kF64);
  const Tensor y({5, 7}, kF64);
  const Tensor i(std::vector<int>{1});
  const auto g = [](const Tensor& a, const Tensor& b, const Tensor& k) {
    return sum(take(a * b, k));
  };
  expect_close(grad(g)(x, y, i), {0, 7});
}

TEST(Transform, Nests) {
  const Tensor x = Tensor::scalar(0.7, kF64);
  const auto cube = [](const Tensor& v) { return v * v * v; };
  expect_close(grad(grad(cube))(x), {6 * 0.7});
  expect_close(grad(grad(grad(cube)))(x), {6});
}

// What a function captures is constant inside, and not outside.
TEST(Transform, InnerAndOuterVariablesAreToldApart) {
  const Tensor x = Tensor::scalar(3, kF64);
  const auto outer = [](const Tensor& a) {
    const auto inner = [&](const Tensor& c) { return a * c; };
    return a * grad(inner)(a);
  };
  expect_close(grad(outer)(x), {6});
}

TEST(Transform, VjpAndJvpAreTransposes) {
  const Tensor x({0.5, -2, 1}, kF64);
  const Tensor w({{1, 2, 3}, {4, 5, 6}}, kF64);
  const auto h = [](const Tensor& a, const Tensor& b) { return tanh(matmul(b, a)); };
  const Tensor u({1, -1, 2}, kF64);
  const Tensor s({{0.5, 0, 1}, {-1, 2, 0}}, kF64);
  const auto [y, tangent] = jvp(h, {x, w}, {u, s});
  const Tensor v({3, -4}, kF64);
  const auto [z, pull_back] = vjp(h, x, w);
  EXPECT_EQ(y.to_vector<double>(), z.to_vector<double>());
  const std::vector<Tensor> back = pull_back(v);
  ASSERT_EQ(back.size(), 2U);
  const double left = sum(tangent * v).item<double>();
  const double right = (sum(back[0] * u) + sum(back[1] * s)).item<double>();
  EXPECT_NEAR(left, right, 1e-12);
  // By differences.
  const double step = 1e-6;
  const Tensor ahead = h(x + step * u, w + step * s);
  const Tensor behind = h(x - step * u, w - step * s);
  const Doubles numeric = ((ahead - behind) / (2 * step)).to_vector<double>();
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(tangent.to_vector<double>()[i], numeric[i], 1e-6 * (1 + std::abs(numeric[i])));
  }
}

TEST(Transform, JacobianAndHessian) {
  const Tensor x({2, 3}, kF64);
  const auto pair = [](const Tensor& v) { return v[{0}] * v; };
  const Tensor j = jacobian(pair)(x);
  EXPECT_EQ(j.shape(), ir::Shape({2, 2}));
  expect_close(j, {4, 0, 3, 2});
  const auto bowl = [](const Tensor& v) { return sum(v * v) + v[{0}] * v[{1}]; };
  const Tensor h = hessian(bowl)(x);
  EXPECT_EQ(h.shape(), ir::Shape({2, 2}));
  expect_close(h, {2, 1, 1, 2});
  EXPECT_EQ(jacobian([](const Tensor& v) { return exp(v); })(zeros({0}, kF64)).shape(),
            ir::Shape({0, 0}));
}

TEST(Transform, OfNaiveCodeIsStable) {
  const Tensor x({1000, -1000, 0}, kF64);
  const auto loss = [](const Tensor& v) {
    const Tensor z = exp(v);
    return -log((z / sum(z))[{2}]);
  };
  expect_close(grad(loss)(x), {1, 0, -1});
  expect_close(value_and_grad(loss)(x).first, {1000});
}

// Numbers of the program are inputs: another one compiles nothing.
TEST(Transform, AnotherNumberCompilesNothing) {
  const Tensor x({1, 2});
  const auto slope = [&](double c) {
    return grad([c](const Tensor& v) { return sum(v * v * c); })(x).to_vector<float>();
  };
  EXPECT_EQ(slope(3), (std::vector<float>{6, 12}));
  const auto before = codegen::compile_counters();
  EXPECT_EQ(slope(5), (std::vector<float>{10, 20}));
  EXPECT_EQ(codegen::compile_counters().programs_compiled, before.programs_compiled);
}

TEST(Transform, WithinAJittedFunction) {
  const Tensor x({0.5, -2}, kF64);
  auto compiled = jit([](const Tensor& v) { return grad(f)(v); });
  EXPECT_EQ(compiled(x).to_vector<double>(), grad(f)(x).to_vector<double>());
}

TEST(Transform, Mistakes) {
  const Tensor x({1, 2});
  const auto square_of = [](const Tensor& v) { return v * v; };
  EXPECT_THROW(grad(square_of)(x), ShapeError);
  EXPECT_THROW(grad(square_of)(Tensor::scalar(3)), DTypeError);
  EXPECT_THROW(vjp(square_of, x).second(Tensor({1})), ShapeError);
  EXPECT_THROW(jvp(square_of, {x}, {Tensor({1})}), ShapeError);
  EXPECT_THROW(grad([](const Tensor& v) { return v * v.item(); })(Tensor::scalar(1.0)), TraceError);
}

}  // namespace
}  // namespace ndl
