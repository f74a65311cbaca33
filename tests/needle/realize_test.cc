#include "needle/realize.h"

#include <gtest/gtest.h>

#include <functional>

#include "codegen/counters.h"
#include "needle/lower.h"
#include "needle/needle.h"
#include "runtime/allocator.h"
#include "runtime/counters.h"
#include "tests/sanitized.h"

namespace ndl {
namespace {

using Floats = std::vector<float>;

TEST(Realize, SeveralAtOnce) {
  const Tensor x({1, 2});
  const Tensor y = exp(x);
  const Tensor a = y + 1;
  const Tensor b = y * 2;
  realize(a, b, a);
  EXPECT_TRUE(a.is_realized());
  EXPECT_TRUE(b.is_realized());
  EXPECT_FALSE(y.is_realized());
  const std::vector<Tensor> list{x - 1, x + 1};
  realize(list);
  EXPECT_TRUE(list[1].is_realized());
}

TEST(Realize, NothingToDo) {
  const Tensor x({1});
  realize(x);
  realize(std::span<const Tensor>());
  EXPECT_EQ(x.item(), 1);
}

TEST(Realize, ResultsWithoutGradientLetGoOfTheirInputs) {
  const Tensor x({1}, {.requires_grad = false});
  Tensor y = x;
  for (int i = 0; i < 3; ++i) y = y + x;
  EXPECT_EQ(y.record()->inputs.size(), 2u);
  y.realize();
  EXPECT_TRUE(y.record()->inputs.empty());
  const Tensor z = Tensor({1}) + 1;
  z.realize();
  EXPECT_EQ(z.record()->inputs.size(), 2u);
}

TEST(Realize, OneElementOfATupleRealizesAll) {
  const TensorTuple t = fused_add_scalars(Tensor({1}), 1, 2);
  t[0].realize();
  EXPECT_TRUE(t.is_realized());
  const Tensor other = t[1];
  other.realize();
  EXPECT_EQ(other.record()->storage.front(), t.record()->storage[1]);
}

TEST(Realize, DataThatIsThereNeedsNoAsking) {
  const Tensor x({1});
  const TensorTuple t = fused_add_scalars(x, 1, 2);
  const Tensor element = t[1];
  const Tensor alias = element.data();
  EXPECT_FALSE(alias.is_realized());
  t.realize();
  EXPECT_TRUE(element.is_realized());
  EXPECT_TRUE(alias.is_realized());
  EXPECT_TRUE(make_tuple({x, alias}).is_realized());
}

// Whichever allocation the system refuses, nothing is realized, and the next attempt succeeds.
TEST(Realize, EveryAllocationMayFail) {
  const Tensor x({{1, 2}, {3, 4}});
  const std::int64_t before = live_records();
  int failures = 0;
  for (bool failed = true; failed; failures += failed ? 1 : 0) {
    const Tensor y = softmax(matmul(x, x) * 0.25 + sum(x, 0));
    const Tensor z = cumsum(y, 1) + 3;
    failed = false;
    runtime::default_allocator().fail_allocation(failures + 1);
    try {
      realize(y, z);
    } catch (const ResourceError& error) {
      failed = true;
      EXPECT_TRUE(error.message().starts_with("needs ")) << error.message();
    }
    runtime::default_allocator().fail_allocation(0);
    EXPECT_EQ(y.is_realized(), !failed);
    EXPECT_EQ(z.is_realized(), !failed);
    EXPECT_EQ(sum(y).to_string(), "2.0");
    ASSERT_LT(failures, 100);
  }
  EXPECT_GE(failures, 2);
  EXPECT_EQ(live_records(), before);
}

// Doubles a weight five times, after each time a loss of it is computed; each step computes the one
// before only, although nobody asks for the weight.
void expect_short_steps(const std::function<Tensor(const Tensor&)>& loss_of) {
  Tensor w({1});
  for (int step = 0; step < 5; ++step) {
    const Tensor loss = loss_of(w);
    EXPECT_FALSE(loss.is_realized());
    loss.realize();
    w.set_data(w.data() * 2);
    Garbage garbage;
    const std::lock_guard lock(record_mutex());
    EXPECT_LE(lower(std::span(&w.record(), 1), garbage).graph.size(), 3u) << step;
  }
  EXPECT_EQ(w.item(), 32);
}

TEST(Realize, RebindingInALoopDoesNotDragTheStepsAlong) {
  expect_short_steps([](const Tensor& w) { return w * w; });
}

TEST(Realize, DataOfARebindingIsComputedOnce) {
  expect_short_steps([](const Tensor& w) { return w.data() * w.data(); });
}

TEST(Realize, EqualStructureCompilesNothing) {
  const auto compiled = [](const Tensor& x) {
    const std::int64_t compiled_before = codegen::compile_counters().programs_compiled;
    const std::int64_t runs_before = runtime::counters().executable_runs;
    x.realize();
    EXPECT_EQ(runtime::counters().executable_runs, runs_before + 1);
    return codegen::compile_counters().programs_compiled - compiled_before;
  };
  const auto step = [](const Tensor& w, double rate) { return w - rate * sin(w) * 7.25; };
  EXPECT_EQ(compiled(step(Tensor({1, 2, 3}), 0.1)), 1);
  EXPECT_EQ(compiled(step(Tensor({4, 5, 6}), 0.2)), 0);
  EXPECT_EQ(compiled(step(Tensor({4, 5}), 0.2)), 1);
  EXPECT_EQ(compiled(step(Tensor({4, 5}, {.dtype = DType::kF64}), 0.2)), 1);
  EXPECT_EQ(compiled(step(Tensor({1, 2, 3}), 0.3)), 0);
}

// What is written on one line is told apart by all that makes a difference.
TEST(Realize, WhatDiffersIsNotTakenForEqual) {
  const Tensor x({{1, 2}, {3, 4}});
  const Tensor y({{5, 6}, {7, 9}});
  const auto values = [](const Tensor& t) { return t.to_vector<float>(); };
  const auto minus = [](const Tensor& a, const Tensor& b) { return a - b; };
  const auto times = [](const Tensor& a, double b) { return a * b; };
  const auto sum_of = [](const Tensor& a, int axis) { return a.sum(axis); };
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(values(minus(x, y)), (Floats{-4, -4, -4, -5}));
    EXPECT_EQ(values(minus(y, x)), (Floats{4, 4, 4, 5}));
    EXPECT_EQ(values(minus(x, x)), (Floats{0, 0, 0, 0}));
    for (const double factor : {2.0, 0.5, -1.0, 3.0, 0.0}) {
      EXPECT_EQ(times(x, factor).to_vector<double>()[3], 4 * factor);
    }
    EXPECT_EQ(values(sum_of(x, 0)), (Floats{4, 6}));
    EXPECT_EQ(values(sum_of(x, 1)), (Floats{3, 7}));
    EXPECT_EQ(values(minus(minus(x, y), x)), (Floats{-5, -6, -7, -9}));
    EXPECT_EQ(values(minus(minus(x, y), y)), (Floats{-9, -10, -11, -14}));
  }
}

// One graph, whose equal parts are one kernel.
TEST(Realize, AMillionOps) {
  constexpr int kOps = test::kIsSanitized ? 100'000 : 1'000'000;
  const Tensor x({1}, {.requires_grad = false});
  Tensor y({0}, {.requires_grad = false});
  for (int i = 0; i < kOps; ++i) y = y + x;
  EXPECT_EQ(y.item(), kOps);
}

TEST(Realize, AFailureRealizesNothing) {
  const Tensor x({1, 2});
  const Tensor bad = take(x, 7);
  const Tensor good = x + 1;
  EXPECT_THROW(realize(good, bad), IndexError);
  EXPECT_FALSE(good.is_realized());
  EXPECT_EQ(good.to_string(), "[2. 3.]");
}

TEST(Realize, EmptyTensorsAndBools) {
  EXPECT_EQ((Tensor(std::vector<float>{}) + 1).to_string(), "[]");
  EXPECT_EQ((Tensor({1, 2}) > 1).to_string(), "[False  True]");
}

}  // namespace
}  // namespace ndl
