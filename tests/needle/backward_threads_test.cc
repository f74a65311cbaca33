// Threads that differentiate what they share.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "needle/needle.h"

namespace ndl {
namespace {

// Each thread has a loss of its own; the model, and a pending value of it, are shared.
TEST(BackwardThreads, ShareAModel) {
  manual_seed(1);
  const nn::Parameter w(init::randn({4, 4}));
  const Tensor x = init::randn({3, 4}).detach();
  const std::vector<Tensor> wrt{w};
  std::vector<std::vector<float>> want(4);
  for (int k = 0; k < 4; ++k) {
    want[static_cast<std::size_t>(k)] =
        gradients(sum(tanh(matmul(x, w)) * (k + 1)), wrt).front().to_vector<float>();
  }
  for (int round = 0; round < 20; ++round) {
    const Tensor shared = tanh(matmul(x, w));
    std::vector<std::vector<float>> found(4);
    {
      std::vector<std::jthread> threads;
      for (int k = 0; k < 4; ++k) {
        threads.emplace_back([&, k] {
          const Tensor loss = sum(shared * (k + 1));
          if (k % 2 == 0) (void)loss.item();
          found[static_cast<std::size_t>(k)] = gradients(loss, wrt).front().to_vector<float>();
        });
      }
    }
    EXPECT_EQ(found, want);
  }
}

}  // namespace
}  // namespace ndl
