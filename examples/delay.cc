// Control flow: a recurrent network that learns to repeat its input three steps later.
//
// The sequence is a scan, one node of the program however long it is; the gradient is a scan in the
// other direction. How well the network does on each sequence is a function of one sequence, mapped
// over all of them.
//
//   bazel run //examples:delay
#include <fmt/core.h>

#include <utility>

#include "needle/needle.h"

using ndl::Tensor;
namespace nn = ndl::nn;

namespace {

constexpr std::int64_t kLength = 200;
constexpr std::int64_t kBatch = 16;
constexpr std::int64_t kHidden = 24;
constexpr std::int64_t kDelay = 3;

struct Network {
  nn::Parameter of_state{ndl::init::xavier_normal(kHidden, kHidden)};
  nn::Parameter of_input{ndl::init::xavier_normal(1, kHidden)};
  nn::Parameter of_output{ndl::init::xavier_normal(kHidden, 1)};

  // f32[length, batch, 1], and a result of that shape.
  Tensor operator()(const Tensor& xs) const {
    const Tensor start = ndl::zeros({xs.shape()[1], kHidden}, {.requires_grad = false});
    return ndl::scan(
               [&](const Tensor& state, const Tensor& x) {
                 const Tensor next = tanh(matmul(state, of_state) + matmul(x, of_input));
                 return std::pair(next, matmul(next, of_output));
               },
               start, xs)
        .second;
  }
};

// What the outputs miss, of outputs and inputs [length, ...].
Tensor mean_error(const Tensor& ys, const Tensor& xs) {
  const Tensor late = ys[{ndl::Range{.start = kDelay}}];
  const Tensor early = xs[{ndl::Range{.stop = -kDelay}}];
  return mean(abs(late - early));
}

}  // namespace

int main() {
  ndl::manual_seed(0);
  const Network network;
  ndl::optim::Adam optimizer({network.of_state, network.of_input, network.of_output}, {.lr = 0.01});
  auto step = ndl::jit([&](const Tensor& xs) {
    const Tensor loss = mean_error(network(xs), xs);
    loss.backward();
    optimizer.step();
    return loss;
  });
  for (int i = 0; i <= 300; ++i) {
    const Tensor loss = step(ndl::init::rand({kLength, kBatch, 1}, -1, 1));
    if (i % 100 == 0) fmt::print("step {:3}  error {:.2f}\n", i, loss.item<float>());
  }

  const Tensor xs = ndl::init::rand({kLength, 4, 1}, -1, 1);
  const auto rows_first = [](const Tensor& x) { return transpose(x, {1, 0, 2}); };
  const Tensor each = ndl::vmap(mean_error)(rows_first(network(xs)), rows_first(xs));
  fmt::print("of new sequences: all below 0.1 is {}\n", all(each < 0.1).item<bool>());
}
