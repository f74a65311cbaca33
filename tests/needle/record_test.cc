#include "needle/record.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "needle/needle.h"
#include "runtime/counters.h"
#include "tests/sanitized.h"

namespace ndl {
namespace {

TEST(Record, KeepsOpAttributesInputsTypeAndLine) {
  const Tensor x({{1, 2}, {3, 4}});
  const int line = std::source_location::current().line() + 1;
  const Tensor y = sum(x, 1);
  const Record& record = *y.record();
  EXPECT_EQ(record.op, ir::Op::kReduce);
  EXPECT_EQ(record.attributes.integers(ir::Attr::kAxes), ir::Dims{1});
  EXPECT_EQ(record.inputs.front(), x.record());
  EXPECT_EQ(record.type->to_string(), "f32[2]");
  EXPECT_EQ(y.location().line, line);
  EXPECT_EQ(x.location().line, 0);
}

TEST(Record, AreNeitherFoldedNorMerged) {
  const Tensor x({1});
  const Tensor a = x * 1;
  const Tensor b = x * 1;
  EXPECT_EQ(a.op(), "mul");
  EXPECT_FALSE(a.is(b));
}

// A chain of a million ops is recorded, lowered, and freed, all without recursion.
TEST(Record, AMillionOps) {
  constexpr int kOps = test::kIsSanitized ? 100'000 : 1'000'000;
  const Tensor x({1});
  const ir::Graph graph = trace(
      [](Tensor y) {
        for (int i = 0; i < kOps; ++i) y = y + 1;
        return y;
      },
      x);
  EXPECT_EQ(graph.size(), 2u * kOps + 1);

  Tensor y = x;
  for (int i = 0; i < kOps; ++i) y = y + x;
  EXPECT_EQ(y.op(), "add");
  y = x;
}

TEST(Record, AMillionRebindings) {
  Tensor w({1});
  const Tensor step({1}, {.requires_grad = false});
  constexpr int kRebindings = test::kIsSanitized ? 100'000 : 1'000'000;
  for (int i = 0; i < kRebindings; ++i) w.set_data(w.data() + step);
}

TEST(Record, FreesWhatOnlyItHeld) {
  runtime::Buffer buffer = runtime::Buffer::allocate(4);
  {
    const Tensor x(make_leaf({DType::kF32, ir::Shape({1})}, buffer, true));
    const Tensor y = x + x;
    EXPECT_FALSE(buffer.unique());
  }
  EXPECT_TRUE(buffer.unique());
}

TEST(Record, DeadOnesAreFreedAtOnce) {
  const std::int64_t before = live_records();
  {
    const Tensor x({1, 2});
    Tensor y = x;
    for (int i = 0; i < 10; ++i) y = exp(y) * 0.5 + x;
    EXPECT_EQ(live_records(), before + 1 + 10 * 4);
    y.realize();
    const TensorTuple t = split(y);
    EXPECT_EQ(t[0].size(), 1);
    EXPECT_THROW(take(x, 7).realize(), IndexError);
    static_cast<void>(t.detach().repr());
  }
  EXPECT_EQ(live_records(), before);
}

// Training without end holds what one step holds.
TEST(Record, StepsOfALoopLeaveNothingBehind) {
  Tensor w({1, 2});
  const auto step = [&] {
    const Tensor loss = sum(w * w);
    w.set_data(w.data() * 0.9 + 0.01);
    return loss.item();
  };
  step();
  step();
  const std::int64_t before = live_records();
  const std::int64_t bytes = runtime::counters().live_bytes;
  for (int i = 0; i < 100; ++i) step();
  EXPECT_EQ(live_records(), before);
  EXPECT_EQ(runtime::counters().live_bytes, bytes);
}

// What needs no gradient is freed as soon as it is computed, handles or not.
TEST(Record, RealizingFreesWhatNoGradientNeeds) {
  const NoGradGuard guard;
  const Tensor x({1, 2});
  const std::int64_t before = live_records();
  Tensor y = x;
  for (int i = 0; i < 10; ++i) y = y * y + 0.25;
  EXPECT_GT(live_records(), before + 20);
  y.realize();
  EXPECT_EQ(live_records(), before + 1);
}

// The thread contract of needle/tensor.h: record on, realize, read, copy and let go of one tensor.
TEST(Record, ThreadsShareTensors) {
  const std::int64_t before = live_records();
  for (int round = 0; round < 20; ++round) {
    const Tensor x({1, 2, 3});
    const Tensor pending = exp(x) * 0.5 + x;
    const TensorTuple parts = split(pending);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        std::vector<Tensor> copies(8, pending);
        copies.push_back(pending.detach());
        for (const Tensor& copy : copies) {
          const Tensor mine = copy + t;
          EXPECT_EQ((mine - pending).to_vector<float>()[2], static_cast<float>(t));
        }
        EXPECT_EQ(parts[t % 3].shape(), ir::Shape({}));
        EXPECT_TRUE(pending.inputs()[1].is(x));
        static_cast<void>(pending.is_realized());
        EXPECT_EQ(parts[-1].item(), pending.to_vector<float>()[2]);
        EXPECT_THROW(take(pending, 3 + t).realize(), IndexError);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(live_records(), before);
}

TEST(Record, ThreadsRealizeOneTensor) {
  const Tensor x({1, 2, 3});
  for (int round = 0; round < 50; ++round) {
    const Tensor shared = exp(x) + x;
    const Tensor element = fused_add_scalars(shared.detach(), 1, 2)[1];
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        EXPECT_EQ(element.size(), 3);
        EXPECT_EQ((element * 0).to_vector<float>(), (std::vector<float>{0, 0, 0}));
        EXPECT_EQ(shared.inputs().size(), 2u);
        shared.realize();
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

}  // namespace
}  // namespace ndl
