// Costs of training: a step of the lecture's model, lazily and jitted, and steps of a multilayer
// perceptron and of a recurrent layer, beside which bench/training_peer.py runs the same steps in
// PyTorch.
//
//   bazel run -c opt //bench:training_benchmark
#include <benchmark/benchmark.h>

#include <memory>
#include <utility>
#include <vector>

#include "needle/needle.h"
#include "runtime/counters.h"

namespace ndl {
namespace {

struct ScaleAdd : nn::Module {
  nn::Parameter s{1};
  nn::Parameter b{0};
  Tensor operator()(const Tensor& x) const { return x * s + b; }
};

struct MultiPath : nn::Module {
  ScaleAdd path0, path1;
  Tensor operator()(const Tensor& x) const { return path0(x) + path1(x); }
};

struct Lecture {
  Tensor step(const Tensor& x, const Tensor& y) {
    const Tensor z = model(x) + (-1) * y;
    const Tensor loss = z * z;
    loss.backward();
    opt.step();
    return loss;
  }

  MultiPath model;
  optim::SGD opt{nn::parameters(model), {.lr = 1e-6}};
  Tensor x{2};
  Tensor y{2};
};

void lecture_lazily(benchmark::State& state) {
  Lecture lecture;
  for (auto _ : state) benchmark::DoNotOptimize(lecture.step(lecture.x, lecture.y).item());
}
BENCHMARK(lecture_lazily)->Name("lecture_step/lazily");

void lecture_jitted(benchmark::State& state) {
  Lecture lecture;
  auto step = jit([&](const Tensor& x, const Tensor& y) { return lecture.step(x, y); });
  for (auto _ : state) benchmark::DoNotOptimize(step(lecture.x, lecture.y).item());
}
BENCHMARK(lecture_jitted)->Name("lecture_step/jitted");

// 784-512-512-10, a batch of 64.
struct Perceptron {
  Perceptron() {
    std::vector<int> classes;
    for (int i = 0; i < 64; ++i) classes.push_back(i % 10);
    labels = Tensor(classes, {.requires_grad = false});
  }

  nn::Sequential<nn::Linear, nn::ReLU, nn::Linear, nn::ReLU, nn::Linear> model{
      nn::Linear(784, 512), nn::ReLU(), nn::Linear(512, 512), nn::ReLU(), nn::Linear(512, 10)};
  Tensor images = init::randn({64, 784});
  Tensor labels = zeros({64});
};

template <class Optimizer, class Options>
void perceptron(benchmark::State& state, const Options& options) {
  const std::int64_t bytes_before = runtime::counters().live_bytes;
  Perceptron net;
  Optimizer opt(nn::parameters(net.model), options);
  auto step = jit([&](const Tensor& images, const Tensor& labels) {
    const Tensor loss = nn::SoftmaxLoss()(net.model(images), labels);
    loss.backward();
    opt.step();
    return loss;
  });
  const auto run = [&] { benchmark::DoNotOptimize(step(net.images, net.labels).item()); };
  run();
  // What one step holds at most: the batch, parameters, the optimizer's state and the rest. Later
  // on the code and its memory are there before.
  static const std::int64_t peak_bytes = [&] {
    runtime::reset_counters();
    run();
    return runtime::counters().peak_bytes - bytes_before;
  }();
  for (auto _ : state) run();
  state.counters["peak_bytes"] = static_cast<double>(peak_bytes);
}
void perceptron_sgd(benchmark::State& state) {
  perceptron<optim::SGD>(state, optim::SGDOptions{.lr = 1e-3});
}
void perceptron_adam(benchmark::State& state) {
  perceptron<optim::Adam>(state, optim::AdamOptions{.lr = 1e-3});
}
BENCHMARK(perceptron_sgd)->Name("perceptron_step/sgd")->Unit(benchmark::kMillisecond);
BENCHMARK(perceptron_adam)->Name("perceptron_step/adam")->Unit(benchmark::kMillisecond);

// A recurrent layer of 128 on sequences of 100 times 64 numbers, a batch of 32.
struct Recurrent {
  Tensor operator()(const Tensor& xs) const {
    const Tensor start = zeros({32, 128}, {.requires_grad = false});
    const auto [last, all] = scan(
        [&](const Tensor& h, const Tensor& x) {
          const Tensor next = tanh(matmul(h, of_state) + matmul(x, of_input) + bias);
          return std::pair(next, next);
        },
        start, xs);
    return mean(last * last) + mean(all * all);
  }

  nn::Parameter of_state{init::xavier_normal(128, 128)};
  nn::Parameter of_input{init::xavier_normal(64, 128)};
  nn::Parameter bias{zeros({128})};
  Tensor xs = init::randn({100, 32, 64});
};

void recurrent_forward(benchmark::State& state) {
  const Recurrent layer;
  auto forward = jit([&](const Tensor& xs) { return no_grad([&] { return layer(xs); }); });
  for (auto _ : state) benchmark::DoNotOptimize(forward(layer.xs).item());
}
void recurrent_step(benchmark::State& state) {
  const Recurrent layer;
  optim::SGD opt({layer.of_state, layer.of_input, layer.bias}, {.lr = 1e-3});
  auto step = jit([&](const Tensor& xs) {
    const Tensor loss = layer(xs);
    loss.backward();
    opt.step();
    return loss;
  });
  for (auto _ : state) benchmark::DoNotOptimize(step(layer.xs).item());
}
BENCHMARK(recurrent_forward)->Name("recurrent/forward")->Unit(benchmark::kMillisecond);
BENCHMARK(recurrent_step)->Name("recurrent/step")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ndl

BENCHMARK_MAIN();
