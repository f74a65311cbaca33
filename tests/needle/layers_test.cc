// Layers, losses, initialization and state, against their formulas.
#include "needle/layers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "needle/needle.h"
#include "tests/needle/expect_close.h"

namespace ndl {
namespace {

using Floats = std::vector<float>;
using test::expect_close;

TEST(Layers, LinearIsXWPlusB) {
  manual_seed(1);
  const nn::Linear layer(3, 2);
  const Tensor x({{1, 2, 3}, {4, 5, 6}});
  const Floats w = layer.weight.to_vector<float>();
  const Floats b = layer.bias->to_vector<float>();
  std::vector<double> want;
  for (int n = 0; n < 2; ++n) {
    for (std::size_t j = 0; j < 2; ++j) {
      double sum = b[j];
      for (std::size_t k = 0; k < 3; ++k)
        sum += (1 + 3 * n + static_cast<double>(k)) * w[2 * k + j];
      want.push_back(sum);
    }
  }
  expect_close(layer(x), want);
  const double bound = std::sqrt(2.0) * std::sqrt(3.0 / 3);
  for (const float value : w) EXPECT_LE(std::abs(value), bound);
  EXPECT_EQ(nn::parameters(nn::Linear(3, 2, false)).size(), 1U);
}

TEST(Layers, ActivationsAreTheirFormulas) {
  const Tensor x({-2, -0.5, 0, 1});
  expect_close(nn::Sigmoid()(x),
               {1 / (1 + std::exp(2.0)), 1 / (1 + std::exp(0.5)), 0.5, 1 / (1 + std::exp(-1.0))});
  std::vector<double> gelu;
  for (const double v : {-2.0, -0.5, 0.0, 1.0}) {
    gelu.push_back(v * 0.5 * (1 + std::erf(v / std::sqrt(2.0))));
  }
  expect_close(nn::GELU()(x), gelu);
  expect_close(nn::Residual(nn::ReLU())(x), {-2, -0.5, 0, 2});
  EXPECT_EQ(nn::Flatten()(zeros({4, 3, 2})).shape(), ir::Shape({4, 6}));
  EXPECT_EQ(nn::Flatten()(zeros({0, 3, 2})).shape(), ir::Shape({0, 6}));
}

TEST(Layers, NormalizationsHaveMeanZeroAndVarianceOne) {
  const Tensor x({{1, 2, 6}, {-1, 0, 4}});
  const nn::LayerNorm norm(3);
  const Tensor y = norm(x);
  expect_close(y.mean(1), {0, 0}, 1e-5);
  expect_close((y * y).mean(1), {1, 1}, 1e-4);
  const nn::BatchNorm1d batch(3, 1e-5, 0.1);
  expect_close(batch(x).mean(0), {0, 0, 0}, 1e-5);
  expect_close(batch.running_mean, {0, 0.1, 0.5});
  expect_close(batch.running_var, {1, 1, 1});
  nn::eval(batch);
  const double scale = 1 / std::sqrt(1 + 1e-5);
  expect_close(batch(x), {scale, 1.9 * scale, 5.5 * scale, -scale, -0.1 * scale, 3.5 * scale});
  expect_close(batch.running_mean, {0, 0.1, 0.5});
}

TEST(Layers, RefuseWhatDoesNotFit) {
  EXPECT_THROW(nn::Dropout(1.5), UsageError);
  const nn::BatchNorm1d batch(3);
  EXPECT_THROW(batch(zeros({2, 4})), ShapeError);
  EXPECT_THROW(batch(zeros({2, 3, 1})), ShapeError);
  EXPECT_EQ(batch(zeros({2, 3}, {.dtype = DType::kF64, .requires_grad = false})).dtype(),
            DType::kF64);
  EXPECT_EQ(batch.running_mean.dtype(), DType::kF32);
}

TEST(Layers, DropoutKeepsTheMean) {
  manual_seed(3);
  const nn::Dropout dropout(0.25);
  const Tensor x = ones({10'000});
  const Tensor y = dropout(x);
  EXPECT_NEAR(y.mean().item(), 1, 0.03);
  for (const float value : y.to_vector<float>()) {
    EXPECT_TRUE(value == 0 || std::abs(value - 1 / 0.75F) < 1e-6);
  }
  nn::eval(dropout);
  EXPECT_EQ(dropout(x).mean().item(), 1);
}

TEST(Random, NumbersHaveTheirMoments) {
  manual_seed(7);
  const Tensor u = init::rand({20'000}, -1, 3);
  EXPECT_NEAR(u.mean().item(), 1, 0.03);
  EXPECT_GE(amin(u).item(), -1);
  EXPECT_LT(amax(u).item(), 3);
  const Tensor n = init::randn({20'000}, 2, 0.5);
  EXPECT_NEAR(n.mean().item(), 2, 0.02);
  EXPECT_NEAR(square(n - 2).mean().item(), 0.25, 0.01);
  manual_seed(7);
  EXPECT_EQ(init::rand({20'000}, -1, 3).to_vector<float>(), u.to_vector<float>());
  EXPECT_NE(init::rand({20'000}, -1, 3).to_vector<float>(), u.to_vector<float>());
}

// The first draw of a thread, in a function that is being recorded.
TEST(Random, JittedFunctionsDrawAnewOnEveryThread) {
  std::thread([] {
    auto draw = jit([] { return init::rand({4}); });
    const auto first = draw().to_vector<float>();
    EXPECT_NE(draw().to_vector<float>(), first);
  }).join();
}

// K. He et al., 2015: the variance of what a deep network of ReLUs computes neither explodes nor
// dies when its weights are normal with variance 2 / fan_in.
TEST(Init, KaimingKeepsTheVarianceOfADeepNetwork) {
  manual_seed(5);
  constexpr std::int64_t kWidth = 256;
  Tensor x = init::randn({64, kWidth});
  for (int layer = 0; layer < 20; ++layer) {
    x = relu(matmul(x, init::kaiming_normal(kWidth, kWidth)));
  }
  const double second_moment = square(x).mean().item();
  EXPECT_GT(second_moment, 0.3);
  EXPECT_LT(second_moment, 3);
}

TEST(Init, OneHot) {
  const Tensor i(std::vector<int>{2, 0, 5});
  EXPECT_EQ(init::one_hot(i, 3).to_vector<float>(), (Floats{0, 0, 1, 1, 0, 0, 0, 0, 0}));
  const Tensor narrow(std::vector<std::uint8_t>{0});
  EXPECT_EQ(init::one_hot(narrow, 300).sum().item(), 1);
}

TEST(Losses, SoftmaxLossIsCrossEntropy) {
  const Tensor logits({{1, 2, 3}, {1000, 0, -1000}});
  const Tensor labels(std::vector<int>{0, 1});
  const double first = std::log(std::exp(1.0) + std::exp(2.0) + std::exp(3.0)) - 1;
  const Tensor loss = nn::SoftmaxLoss()(logits, labels);
  expect_close(loss, {(first + 1000) / 2});
  loss.backward();
  const double sum = std::exp(1.0) + std::exp(2.0) + std::exp(3.0);
  expect_close(logits.grad(), {std::exp(1.0) / sum / 2 - 0.5, std::exp(2.0) / sum / 2,
                               std::exp(3.0) / sum / 2, 0.5, -0.5, 0});
  EXPECT_THROW(nn::SoftmaxLoss()(logits, Tensor(std::vector<int>{0, 3})).item(), IndexError);
  EXPECT_THROW(nn::SoftmaxLoss()(logits, Tensor(std::vector<int>{0})), ShapeError);
}

TEST(StateDict, ComesAndGoes) {
  manual_seed(1);
  const nn::Sequential from(nn::Linear(3, 2), nn::BatchNorm1d(2));
  const nn::Sequential to(nn::Linear(3, 2), nn::BatchNorm1d(2));
  std::vector<std::string> names;
  for (const nn::NamedTensor& entry : nn::state_dict(from)) names.push_back(entry.name);
  EXPECT_EQ(names, (std::vector<std::string>{"modules.0.weight", "modules.0.bias",
                                             "modules.1.weight", "modules.1.bias",
                                             "modules.1.running_mean", "modules.1.running_var"}));
  const Tensor x({{1, 2, 3}, {-1, 5, 2}});
  (void)from(x).to_vector<float>();
  nn::load_state_dict(to, nn::state_dict(from));
  nn::eval(from);
  nn::eval(to);
  EXPECT_EQ(from(x).to_vector<float>(), to(x).to_vector<float>());
  const std::vector<nn::NamedTensor> state = nn::state_dict(from);
  EXPECT_THROW(nn::load_state_dict(to, std::span(state).first(3)), UsageError);
  std::vector<nn::NamedTensor> wrong = state;
  wrong[0].tensor = zeros({2, 3});
  EXPECT_THROW(nn::load_state_dict(to, wrong), ShapeError);
}

TEST(StateDict, ConvertsAModel) {
  const nn::Sequential model(nn::Linear(3, 2), nn::BatchNorm1d(2));
  auto predict = jit([&](const Tensor& x) { return model(x); });
  const Tensor x({{1, 2, 3}, {4, 5, 7}});
  EXPECT_EQ(predict(x).dtype(), DType::kF32);
  nn::convert(model, DType::kF64);
  for (const nn::NamedTensor& entry : nn::state_dict(model)) {
    EXPECT_EQ(entry.tensor.dtype(), DType::kF64) << entry.name;
  }
  EXPECT_EQ(predict(x).dtype(), DType::kF64);
  EXPECT_TRUE(nn::parameters(model)[0].requires_grad());
  EXPECT_THROW(nn::convert(model, DType::kI32), DTypeError);
  Tensor labels(std::vector<int>{1});
  EXPECT_THROW(labels.set_dtype(DType::kF32), DTypeError);
}

}  // namespace
}  // namespace ndl
