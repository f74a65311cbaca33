// Trains a multilayer perceptron on Fashion-MNIST, 60,000 images of clothes in ten classes, and
// writes a picture of how it went.
//
//   bazel run //examples:fashion_mnist
//   bazel run //examples:fashion_mnist -- --epochs=3 --curve=/tmp/curve.svg
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <string>
#include <vector>

#include "base/error.h"
#include "examples/curve.h"
#include "needle/needle.h"

namespace {

using ndl::Tensor;
namespace nn = ndl::nn;

struct Settings {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::string curve = "fashion_mnist.svg";
  int epochs = 10;
  std::int64_t batch_size = 64;
  double lr = 1e-3;
  std::int64_t seed = 0;
};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// One line that is written over while work goes on; nothing where standard output is no terminal.
void show_progress(std::int64_t done, std::int64_t all, float loss) {
  static const bool is_terminal = isatty(STDOUT_FILENO) != 0;
  constexpr std::int64_t kWidth = 30;
  if (!is_terminal) return;
  const std::int64_t filled = kWidth * done / all;
  fmt::print("\r  [{:=<{}}{: <{}}] {}/{}  loss {:.4f} ", "", filled, "", kWidth - filled, done, all,
             loss);
  if (done == all) fmt::print("\r{: <70}\r", "");
  std::fflush(stdout);
}

void train(const Settings& settings) {
  const auto file = [&](const char* name) { return settings.data + "/" + name; };
  ndl::data::DataLoader training(
      ndl::data::mnist(file("train-images-idx3-ubyte.gz"), file("train-labels-idx1-ubyte.gz")),
      {.batch_size = settings.batch_size, .shuffle = true, .seed = settings.seed});
  ndl::data::DataLoader testing(
      ndl::data::mnist(file("t10k-images-idx3-ubyte.gz"), file("t10k-labels-idx1-ubyte.gz")),
      {.batch_size = 1000});

  ndl::manual_seed(settings.seed);
  const nn::Sequential model{nn::Flatten(),        nn::Linear(784, 512), nn::ReLU(),
                             nn::Linear(512, 512), nn::ReLU(),           nn::Linear(512, 10)};
  ndl::optim::Adam opt(nn::parameters(model), {.lr = settings.lr});

  auto step = ndl::jit([&](const Tensor& images, const Tensor& labels) {
    const Tensor loss = nn::SoftmaxLoss()(model(images), labels);
    loss.backward();
    opt.step();
    return loss;
  });
  auto count_correct = ndl::jit([&](const Tensor& images, const Tensor& labels) {
    return sum(eq(argmax(model(images), 1), labels));
  });

  std::vector<ndl::examples::Point> curve;
  for (int epoch = 1; epoch <= settings.epochs; ++epoch) {
    const Clock::time_point start = Clock::now();
    // Half a period of a cosine; the step is compiled once all the same.
    const double done = static_cast<double>(epoch - 1) / settings.epochs;
    opt.set_lr(settings.lr * 0.5 * (1 + std::cos(std::numbers::pi * done)));
    double total = 0;
    std::int64_t batches = 0;
    for (const std::vector<Tensor>& batch : training) {
      const float loss = step(batch[0], batch[1]).item();
      total += loss;
      show_progress(++batches, training.size(), loss);
    }
    std::int64_t correct = 0;
    std::int64_t images = 0;
    for (const std::vector<Tensor>& batch : testing) {
      correct += count_correct(batch[0], batch[1]).item<std::int64_t>();
      images += batch[1].size();
    }
    const double loss = total / static_cast<double>(batches);
    const double accuracy = static_cast<double>(correct) / static_cast<double>(images);
    fmt::print("epoch {:>2}  loss {:.4f}  test accuracy {:.2f} %  {:.1f} s\n", epoch, loss,
               100 * accuracy, seconds_since(start));
    std::fflush(stdout);
    curve.push_back({loss, accuracy});
  }
  ndl::examples::write_curve(settings.curve, curve);
  fmt::print("loss and accuracy: {}\n", settings.curve);
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("Trains a multilayer perceptron on Fashion-MNIST.");
  app.add_option("--data", settings.data, "folder of the IDX files")->capture_default_str();
  app.add_option("--curve", settings.curve, "SVG file for the curve")->capture_default_str();
  app.add_option("--epochs", settings.epochs, "passes over the training images")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--batch-size", settings.batch_size)
      ->check(CLI::Range(1, 60000))
      ->capture_default_str();
  app.add_option("--lr", settings.lr, "learning rate of Adam at first; it falls to 0")
      ->capture_default_str();
  app.add_option("--seed", settings.seed)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    train(settings);
  } catch (const ndl::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
