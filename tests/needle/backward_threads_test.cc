// Threads that differentiate what they share, and training that goes on for long.
#include <gtest/gtest.h>

#include <cstdint>
#include <thread>
#include <vector>

#include "needle/needle.h"
#include "tests/resident_memory.h"
#include "tests/sanitized.h"

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

// From a tenth of the steps on: as many live records, and no more memory.
template <class Step>
void expect_flat_memory(int steps, Step&& step) {
  const int count = test::kIsSanitized ? steps / 20 : steps;
  for (int i = 0; i < count / 10; ++i) step();
  const std::int64_t records = live_records();
  const std::int64_t bytes = test::resident_bytes();
  for (int i = count / 10; i < count; ++i) step();
  EXPECT_EQ(live_records(), records);
  if (!test::kIsSanitized) {
    EXPECT_LT(test::resident_bytes() - bytes, std::int64_t{1} << 20);
  }
}

struct Training {
  Tensor step() {
    const Tensor loss = nn::SoftmaxLoss()(model(x), y);
    loss.backward();
    opt.step();
    return loss;
  }

  Tensor x = init::randn({16, 8}).detach();
  Tensor y = Tensor(std::vector<int>{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0});
  nn::Sequential<nn::Linear, nn::ReLU, nn::Dropout, nn::Linear> model{
      nn::Linear(8, 16), nn::ReLU(), nn::Dropout(0.1), nn::Linear(16, 3)};
  optim::Adam opt{nn::parameters(model), {.lr = 0.001}};
};

TEST(LongTraining, CompiledStepsKeepMemoryFlat) {
  Training training;
  auto step = jit([&] { return training.step(); });
  expect_flat_memory(10'000, [&] { (void)step().item(); });
}

TEST(LongTraining, LazyStepsKeepMemoryFlat) {
  Training training;
  expect_flat_memory(2'000, [&] { (void)training.step().item(); });
}

}  // namespace
}  // namespace ndl
