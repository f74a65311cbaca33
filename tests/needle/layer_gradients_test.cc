// Every layer and loss: gradients and gradients of gradients against differences, with respect to
// the input and all parameters; tangents against transposed gradients.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "needle/needle.h"

namespace ndl {
namespace {

// A layer as a function of its input.
struct Layer {
  std::string name;
  ir::Shape input;
  std::function<Tensor(const Tensor&)> call;
  std::vector<Tensor> parameters;
  bool changes_state = false;  // which a traced function may not: random numbers, running means
};

void PrintTo(const Layer& layer, std::ostream* out) { *out << layer.name; }

template <class M>
Layer layer(std::string name, ir::Shape input, M made, bool changes_state = false) {
  const auto module = std::make_shared<M>(std::move(made));
  nn::convert(*module, DType::kF64);
  return {std::move(name), std::move(input), [module](const Tensor& x) { return (*module)(x); },
          nn::parameters(*module), changes_state};
}

std::vector<Layer> layers() {
  manual_seed(3);
  const nn::BatchNorm1d evaluated(3);
  nn::eval(evaluated);
  std::vector<Layer> list;
  list.push_back(layer("Identity", {2, 3}, nn::Identity()));
  list.push_back(layer("Flatten", {2, 3, 2}, nn::Flatten()));
  list.push_back(layer("ReLU", {2, 3}, nn::ReLU()));
  list.push_back(layer("Tanh", {2, 3}, nn::Tanh()));
  list.push_back(layer("Sigmoid", {2, 3}, nn::Sigmoid()));
  list.push_back(layer("GELU", {2, 3}, nn::GELU()));
  list.push_back(layer("Linear", {2, 3}, nn::Linear(3, 4)));
  list.push_back(layer("LinearWithoutBias", {5, 3}, nn::Linear(3, 2, false)));
  list.push_back(layer("Dropout", {4, 3}, nn::Dropout(0.4), true));
  list.push_back(layer("LayerNorm", {3, 5}, nn::LayerNorm(5)));
  list.push_back(layer("BatchNorm1d", {4, 3}, nn::BatchNorm1d(3), true));
  list.push_back(layer("BatchNorm1dEvaluated", {4, 3}, evaluated));
  list.push_back(layer("Residual", {2, 3}, nn::Residual(nn::Linear(3, 3))));
  list.push_back(layer("Sequential", {2, 3},
                       nn::Sequential(nn::Linear(3, 4), nn::Tanh(), nn::LayerNorm(4),
                                      nn::Residual(nn::Linear(4, 4)), nn::Linear(4, 2))));
  const Tensor labels(std::vector<int>{2, 0, 1});
  list.push_back(
      {"SoftmaxLoss", {3, 4}, [=](const Tensor& x) { return nn::SoftmaxLoss()(x, labels); }, {}});
  const Tensor target = init::randn({3, 4}).detach();
  list.push_back({"L2Loss", {3, 4}, [=](const Tensor& x) { return nn::L2Loss()(x, target); }, {}});
  return list;
}

Tensor random_point(const ir::Shape& shape) {
  return init::rand(shape, -1.5, 1.5).astype(DType::kF64).detach();
}

class EveryLayer : public testing::TestWithParam<Layer> {
 protected:
  EveryLayer() {
    manual_seed(17);
    points_.push_back(Tensor(random_point(GetParam().input).to_literal()));
    for (const Tensor& parameter : GetParam().parameters) {
      Tensor handle = parameter;
      handle.set_data(random_point(parameter.shape()));
      points_.push_back(handle);
    }
    weights_ = random_weights(run());
    for (const Tensor& point : points_) directions_.push_back(random_weights(point));
  }

  // The same random numbers each time.
  Tensor run() const {
    manual_seed(5);
    return GetParam().call(points_.front());
  }
  Tensor value() const { return (run() * weights_).sum(); }

  // The slope of value() along the directions.
  Tensor slope() const {
    const std::vector<Tensor> slopes = gradients(value(), points_);
    Tensor sum = Tensor::scalar(0, {.dtype = DType::kF64});
    for (std::size_t i = 0; i < slopes.size(); ++i) {
      sum = sum + (slopes[i] * directions_[i]).sum();
    }
    return sum;
  }

  static Tensor random_weights(const Tensor& x) { return random_point(x.shape()); }

  void expect_gradients_of(const std::function<Tensor()>& f) {
    const std::vector<Tensor> exact = gradients(f(), points_);
    for (std::size_t p = 0; p < points_.size(); ++p) {
      constexpr double kStep = 1e-6;
      const std::vector<double> here = points_[p].to_vector<double>();
      const std::vector<double> got = exact[p].to_vector<double>();
      for (std::size_t i = 0; i < here.size(); ++i) {
        const auto at = [&](double by) {
          std::vector<double> moved = here;
          moved[i] += by;
          points_[p].set_data(
              Tensor(moved, {.dtype = DType::kF64}).reshape(points_[p].shape().dims()).detach());
          return f().item<double>();
        };
        const double numeric = (at(kStep) - at(-kStep)) / (2 * kStep);
        at(0);
        EXPECT_NEAR(got[i], numeric, 1e-5 + 1e-3 * std::abs(numeric))
            << "point " << p << " element " << i;
      }
    }
  }

  std::vector<Tensor> points_;  // the input, then the parameters
  Tensor weights_ = zeros({1});
  std::vector<Tensor> directions_;
};

TEST_P(EveryLayer, GradientsAreThoseOfDifferences) {
  expect_gradients_of([&] { return value(); });
}

TEST_P(EveryLayer, GradientsOfGradientsAreThoseOfDifferences) {
  expect_gradients_of([&] { return slope(); });
}

// <v, J u> = <J^T v, u>
TEST_P(EveryLayer, TangentsAreTransposedGradients) {
  const Tensor u = directions_.front().detach();
  const double right = (gradient(value(), points_.front()) * u).sum().item<double>();
  double left = 0;
  if (GetParam().changes_state) {
    // What J^T v is for v is linear, and its gradient along u is J u.
    const Tensor v = Tensor(weights_.to_literal());
    const Tensor jtv = gradient((run() * v).sum(), points_.front());
    left = (gradient((jtv * u).sum(), v) * weights_).sum().item<double>();
  } else {
    const auto [y, tangent] =
        jvp([&](const Tensor& x) { return GetParam().call(x); }, {points_.front()}, {u});
    left = (tangent * weights_).sum().item<double>();
  }
  EXPECT_NEAR(left, right, 1e-10 * std::max(1.0, std::abs(right)));
}

INSTANTIATE_TEST_SUITE_P(Layers, EveryLayer, testing::ValuesIn(layers()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ndl
