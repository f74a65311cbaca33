// Lecture 8 of the course, cell by cell in its order, with what each prints.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <cmath>
#include <string>
#include <vector>

#include "examples/lecture8_models.h"
#include "needle/needle.h"

namespace {

using namespace ndl::examples;
using ndl::Tensor;
namespace nn = ndl::nn;

void heading(const char* text) { fmt::print("\n-- {}\n", text); }

void mutate_data() {
  heading("Mutating the data of a tensor");
  Tensor w({1, 2, 3});
  fmt::print("{}\n", w.requires_grad());

  const Tensor grad({1, 1, 1});
  const double lr = 0.1;
  Tensor history = w;
  for (int i = 0; i < 5; ++i) history = history + (-lr) * grad;
  fmt::print("{} {} {}\n", history.op(), history.inputs()[0].op(),
             history.inputs()[0].inputs()[0].op());

  w = history;
  fmt::print("{}\n{}\n", w.data().repr(), w.data().requires_grad());
  const Tensor new_w = w.data() + (-lr) * grad.data();
  fmt::print("{}\n{}\n{} inputs\n", new_w.repr(), new_w.requires_grad(), new_w.inputs().size());

  w.set_data(w.data() + (-lr) * grad.data());
  fmt::print("{}\n", w.repr());
}

void show_stability() {
  heading("Numerical stability");
  const Tensor x({1000, 10000, 100});
  // The naive form is recognized, and as stable as the other.
  fmt::print("{}\n{}\n", softmax_naive(x).repr(), softmax_stable(x).repr());
}

void show_modules() {
  heading("Modules and losses");
  const MultiPathScaleAdd mpath;
  for (const Tensor& parameter : nn::parameters(mpath)) fmt::print("{}\n", parameter.repr());
  const Tensor x({2});
  const Tensor y({2});
  const Tensor loss = L2Loss()(mpath(x), y);
  fmt::print("{}\n", loss.repr());
  loss.backward();
  for (Tensor& w : nn::parameters(mpath)) w.set_data(w.data() + (-0.1) * w.grad().data());
}

void train() {
  heading("An optimizer");
  const Tensor x({2});
  const Tensor y({2});
  const MultiPathScaleAdd model;
  const L2Loss l2loss;
  ndl::optim::SGD opt(nn::parameters(model), {.lr = 0.01});
  for (int epoch = 0; epoch < 10; ++epoch) {
    opt.reset_grad();
    const Tensor h = model(x);
    const Tensor loss = l2loss(h, y);
    const std::string training_loss = loss.to_string();
    loss.backward();
    opt.step();
    fmt::print("{}\n", training_loss);
  }
}

// Weights of variance 2 / n keep the size of what a deep network of ReLUs computes.
void initialize() {
  heading("Initialization");
  ndl::manual_seed(0);
  constexpr std::int64_t kWidth = 256;
  for (const double variance : {1.0 / kWidth, 2.0 / kWidth, 4.0 / kWidth}) {
    Tensor x = ndl::init::randn({128, kWidth});
    for (int layer = 0; layer < 20; ++layer) {
      x = relu(matmul(x, ndl::init::randn({kWidth, kWidth}, 0, std::sqrt(variance))));
    }
    fmt::print("variance {:.0f} / n: after 20 layers the mean square is {:.2g}\n",
               variance * kWidth, mean(square(x)).item());
  }
}

void show_tuples() {
  heading("A fused op with a tuple of results");
  const Tensor x({1});
  const ndl::TensorTuple z = ndl::fused_add_scalars(x, 1, 2);
  const Tensor v0 = z[0];
  fmt::print("{}\n{} of {}: {}\n", z, v0.op(), v0.inputs()[0].op(), v0);
}

}  // namespace

int main() {
  mutate_data();
  show_stability();
  show_modules();
  train();
  initialize();
  show_tuples();
}
