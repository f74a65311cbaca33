#include "needle/jit.h"

#include <gtest/gtest.h>

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
  EXPECT_EQ(f(Tensor({1, 2})).to_vector<float>(), (Floats{2, 5}));
  EXPECT_EQ(f(Tensor({3, 4})).to_vector<float>(), (Floats{10, 17}));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(f(Tensor({3})).to_vector<float>(), (Floats{10}));
  EXPECT_EQ(calls, 2);
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
}

TEST(Jit, KindsOfResults) {
  auto tuple = jit([](Tensor x) { return fused_add_scalars(x, 1, 2); });
  EXPECT_EQ(tuple(Tensor({1}))[1].item(), 3);
  auto vector = jit([](Tensor x) { return std::vector<Tensor>{x, x + 1}; });
  EXPECT_EQ(vector(Tensor({1}))[1].item(), 2);
  auto identity = jit([](Tensor x) { return x; });
  EXPECT_EQ(identity(Tensor({7})).item(), 7);
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

}  // namespace
}  // namespace ndl
