// An op with a gradient of its own: training a layer whose weights are -1, 0 or 1.
//
// Rounding has the gradient 0, with which nothing is learned. `ternary` rounds, but lets gradients
// pass as if it did nothing: a straight-through estimator.
//
//   bazel run //examples:custom_op
#include <fmt/core.h>

#include <vector>

#include "ir/printer.h"
#include "needle/needle.h"

using ndl::Tensor;

namespace {

const auto ternary = ndl::custom_op(
    "ternary", [](const Tensor& x) { return clamp(round(x), -1, 1); },
    [](const ndl::CustomGradient& at) { return std::vector{at.gradients[0]}; });

}  // namespace

int main() {
  fmt::print("{}\n", ndl::ir::print(trace(ternary, Tensor({0.2, -1.7}))));

  // What there is to learn: y = x w for these weights.
  ndl::manual_seed(0);
  const Tensor wanted({{1, 0, -1, 1}});
  const Tensor x = ndl::init::randn({64, 4});
  const Tensor y = matmul(x, transpose(wanted)).data();

  ndl::nn::Parameter w(ndl::full({4, 1}, 0.4));
  ndl::optim::SGD optimizer({w}, {.lr = 0.05});
  auto step = ndl::jit([&] {
    const Tensor error = matmul(x, ternary(w)) - y;
    const Tensor loss = mean(error * error);
    loss.backward();
    optimizer.step();
    return loss;
  });
  for (int i = 0; i <= 20; ++i) {
    const Tensor loss = step();
    if (i % 5 == 0) fmt::print("step {:2}  loss {:.4f}\n", i, loss.item<float>());
  }
  fmt::print("\nweights {}\nternary {}\n", transpose(w).to_string(),
             transpose(ternary(w)).to_string());
}
