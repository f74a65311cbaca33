#include "needle/jit.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "codegen/counters.h"
#include "needle/needle.h"

namespace ndl {
namespace {

using Floats = std::vector<float>;

TEST(Jit, RecordsOnceForEachCombinationOfTypes) {
  int calls = 0;
  auto f = jit([&](Tensor x) {
    ++calls;
    return x * x + 1;
  });
  EXPECT_EQ(f.recorded_because(), "");
  EXPECT_EQ(f(Tensor({1, 2})).to_vector<float>(), (Floats{2, 5}));
  EXPECT_EQ(f(Tensor({3, 4})).to_vector<float>(), (Floats{10, 17}));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(f.recorded_because(), "the first call");
  EXPECT_EQ(f(Tensor({3})).to_vector<float>(), (Floats{10}));
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(f.recorded_because(), "argument 0 is f32[1], not f32[2]");
  EXPECT_EQ(f.recordings(), 2u);
}

TEST(Jit, ResultsAreComputedAndHaveNoHistory) {
  auto f = jit([](Tensor x, Tensor y) { return x - y; });
  const Tensor z = f(Tensor({3}), Tensor({1}) + 1);
  EXPECT_TRUE(z.is_realized());
  EXPECT_FALSE(z.requires_grad());
  EXPECT_EQ(z.item(), 1);
}

TEST(Jit, CapturedTensorsAreReadAtEachCall) {
  Tensor w({1});
  auto f = jit([&](Tensor x) { return x * w; });
  EXPECT_EQ(f(Tensor({2})).item(), 2);
  w.set_data(w.data() * 10);
  EXPECT_EQ(f(Tensor({2})).item(), 20);
  EXPECT_EQ(f.recordings(), 1u);
  // Another shape is another function.
  w.set_data(Tensor({1, 2}));
  EXPECT_EQ(f(Tensor({2})).to_vector<float>(), (Floats{2, 4}));
  EXPECT_EQ(f.recordings(), 2u);
  EXPECT_EQ(f.recorded_because(), "a tensor that the function captures is f32[2], not f32[1]");
}

TEST(Jit, KindsOfResults) {
  auto tuple = jit([](Tensor x) { return fused_add_scalars(x, 1, 2); });
  EXPECT_EQ(tuple(Tensor({1}))[1].item(), 3);
  auto vector = jit([](Tensor x) { return std::vector<Tensor>{x, x + 1}; });
  EXPECT_EQ(vector(Tensor({1}))[1].item(), 2);
  const nn::Parameter p({5});
  auto parameter = jit([&](Tensor) -> const nn::Parameter& { return p; });
  EXPECT_EQ(parameter(Tensor({1})).item(), 5);
  auto identity = jit([](Tensor x) { return x; });
  EXPECT_EQ(identity(Tensor({7})).item(), 7);
}

TEST(Jit, ResultsThatAreCaptured) {
  const Tensor w({3});
  const TensorTuple t = split(Tensor({4, 5}));
  auto f = jit([&](Tensor x) { return std::vector<Tensor>{x, w, t[1]}; });
  EXPECT_EQ(f(Tensor({1}))[1].item(), 3);
  EXPECT_EQ(f(Tensor({1}))[2].item(), 5);
  auto g = jit([&](Tensor) { return t; });
  EXPECT_EQ(g(Tensor({1}))[0].item(), 4);
  EXPECT_EQ(g(Tensor({1}))[1].item(), 5);
}

TEST(Jit, WithinATraceItIsTheFunction) {
  auto f = jit([](Tensor x) { return x + 1; });
  const ir::Graph graph = trace([&](Tensor x) { return f(f(x)); }, Tensor({1}));
  EXPECT_EQ(graph.num_parameters(), 1u);
  EXPECT_EQ(f.recordings(), 0u);
}

TEST(Jit, AskingForDataIsAnError) {
  auto f = jit([](Tensor x) { return x * x.item(); });
  EXPECT_THROW(f(Tensor({1})), TraceError);
}

TEST(Jit, CompilesOnceForEachCombinationOfTypes) {
  auto f = jit([](Tensor x, Tensor y) { return tanh(x) * 3 + y; });
  const auto compiled = [&](const Tensor& x, const Tensor& y) {
    const std::int64_t before = codegen::compile_counters().programs_compiled;
    f(x, y);
    return codegen::compile_counters().programs_compiled - before;
  };
  const Tensor one({1});
  const Tensor two({1, 2});
  EXPECT_EQ(compiled(two, two), 1);
  EXPECT_EQ(compiled(two * 1.0, two), 1);  // to compute the argument
  EXPECT_EQ(compiled(two, one), 1);
  EXPECT_EQ(compiled(two.astype(DType::kF64).data(), two), 2);
  EXPECT_EQ(f.recordings(), 3u);
  EXPECT_EQ(compiled(two, two) + compiled(two, one), 0);
  EXPECT_EQ(f.recordings(), 3u);
}

TEST(Jit, IsCalledByThreads) {
  const Tensor w({1, 2});
  auto f = jit([&](Tensor x) { return x * w; });
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const Tensor x = broadcast_to(Tensor({static_cast<float>(t)}), {i % 3 + 1, 2});
        EXPECT_EQ(f(x).to_vector<float>().back(), 2 * t);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(f.recordings(), 3u);
}

TEST(Jit, AFailureLeavesItUsable) {
  bool fails = true;
  auto f = jit([&](Tensor x) {
    if (fails) throw std::runtime_error("mine");
    return x + 1;
  });
  EXPECT_THROW(f(Tensor({1})), std::runtime_error);
  EXPECT_EQ(f.recordings(), 0u);
  EXPECT_EQ(current_trace(), 0u);
  EXPECT_TRUE(grad_enabled());
  fails = false;
  EXPECT_EQ(f(Tensor({1})).item(), 2);
}

TEST(Jit, ARunTimeErrorNamesTheLineInTheFunction) {
  const int line = __LINE__ + 1;
  auto f = jit([](Tensor x, Tensor i) { return take(x, i); });
  const Tensor x({1, 2});
  const auto index = [](float i) { return Tensor({i}, {.dtype = DType::kI32}); };
  EXPECT_EQ(f(x, index(1)).item(), 2);
  try {
    f(x, index(2));
    FAIL();
  } catch (const IndexError& error) {
    EXPECT_EQ(error.diagnostic().location.line, line);
  }
  EXPECT_EQ(f(x, index(0)).item(), 1);
}

TEST(Jit, KeepsTheCombinationsUsedLast) {
  auto f = jit([](Tensor x) { return x + 1; });
  const Tensor first({0, 0});
  for (std::int64_t n = 1; n <= 70; ++n) {
    f(broadcast_to(Tensor({1}), {n}));
    f(first);
  }
  EXPECT_EQ(f.recordings(), 70u);
  f(broadcast_to(Tensor({1}), {1}));
  EXPECT_EQ(f.recordings(), 71u);
}

}  // namespace
}  // namespace ndl
