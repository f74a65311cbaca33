// Steps of training: gradients that compute nothing twice, compiled steps and what they change,
// memory over thousands of steps.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "codegen/counters.h"
#include "needle/lower.h"
#include "needle/needle.h"
#include "runtime/counters.h"
#include "tests/resident_memory.h"
#include "tests/sanitized.h"

namespace ndl {
namespace {

using Floats = std::vector<float>;

int count_matmuls(const Tensor& x) {
  Garbage garbage;
  const std::lock_guard lock(record_mutex());
  const ir::Graph graph = lower(std::span(&x.record(), 1), garbage).graph;
  int count = 0;
  for (std::uint32_t id = 0; id < graph.size(); ++id) count += graph.op({id}) == ir::Op::kMatmul;
  return count;
}

// The loss leaves what the gradients need.
TEST(Backward, ComputesNoProductTwice) {
  manual_seed(1);
  const nn::Sequential model(nn::Linear(4, 8), nn::ReLU(), nn::Linear(8, 8), nn::Tanh(),
                             nn::Linear(8, 3));
  const Tensor x = init::randn({5, 4});
  const Tensor y(std::vector<int>{0, 1, 2, 0, 1});
  const auto loss_of = [&] { return nn::SoftmaxLoss()(model(x), y); };
  const auto gradients_of = [&](const Tensor& loss) {
    loss.backward();
    std::vector<Tensor> all;
    for (const Tensor& w : nn::parameters(model)) all.push_back(w.grad());
    return stack({all[0].sum(), all[2].sum(), all[4].sum()});
  };
  const Tensor unseen = loss_of();
  EXPECT_EQ(count_matmuls(unseen), 3);
  const Tensor at_once = gradients_of(unseen);
  EXPECT_EQ(count_matmuls(at_once), 3 + 3 + 2);
  const Tensor seen = loss_of();
  EXPECT_GT(seen.item(), 0);
  const Tensor after = gradients_of(seen);
  EXPECT_EQ(count_matmuls(after), 3 + 2);
  EXPECT_EQ(after.to_vector<float>(), at_once.to_vector<float>());
}

// A model, what it learns from, and a step of training.
struct Training {
  Training() {
    manual_seed(11);
    x = init::randn({16, 8}).detach();
    y = Tensor(std::vector<int>{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0});
  }

  Tensor step(const Tensor& images, const Tensor& labels) {
    const Tensor loss = nn::SoftmaxLoss()(model(images), labels);
    loss.backward();
    opt.step();
    return loss;
  }

  Tensor x = zeros({1});
  Tensor y = zeros({1});
  nn::Sequential<nn::Linear, nn::ReLU, nn::Dropout, nn::Linear> model{
      nn::Linear(8, 16), nn::ReLU(), nn::Dropout(0.1), nn::Linear(16, 3)};
  optim::Adam opt{nn::parameters(model), {.lr = 0.01}};
};

TEST(JitStep, IsTheStep) {
  Training lazy;
  Training compiled;
  nn::load_state_dict(compiled.model, nn::state_dict(lazy.model));
  manual_seed(2);
  std::vector<float> want;
  for (int i = 0; i < 10; ++i) want.push_back(lazy.step(lazy.x, lazy.y).item());
  manual_seed(2);
  auto step = jit([&](const Tensor& x, const Tensor& y) { return compiled.step(x, y); });
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(step(compiled.x, compiled.y).item(), want[static_cast<std::size_t>(i)]) << i;
  EXPECT_LT(want.back(), want.front());
  EXPECT_EQ(step.recordings(), 1U);
  const auto a = nn::parameters(lazy.model);
  const auto b = nn::parameters(compiled.model);
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].to_vector<float>(), b[i].to_vector<float>());
    EXPECT_FALSE(b[i].has_grad());
  }
}

TEST(JitStep, ANewLearningRateCompilesNothing) {
  Training training;
  auto step = jit([&](const Tensor& x, const Tensor& y) { return training.step(x, y); });
  (void)step(training.x, training.y);
  (void)step(training.x, training.y);
  const auto before = codegen::compile_counters();
  training.opt.set_lr(0);
  const Floats weights = nn::parameters(training.model)[0].to_vector<float>();
  (void)step(training.x, training.y);
  EXPECT_EQ(nn::parameters(training.model)[0].to_vector<float>(), weights);
  EXPECT_EQ(codegen::compile_counters().programs_compiled, before.programs_compiled);
  EXPECT_EQ(step.recordings(), 1U);
}

TEST(JitStep, TheModeOfModulesIsNoticed) {
  Training training;
  auto predict = jit([&](const Tensor& x) { return training.model(x); });
  nn::train(training.model);
  EXPECT_NE(predict(training.x).to_vector<float>(), predict(training.x).to_vector<float>());
  nn::eval(training.model);
  EXPECT_EQ(predict(training.x).to_vector<float>(), predict(training.x).to_vector<float>());
  EXPECT_EQ(predict.recordings(), 2U);
  EXPECT_EQ(predict.recorded_because(), "a module's mode has changed");
}

TEST(JitStep, ReturnsNothing) {
  Tensor count = Tensor::scalar(0, {.requires_grad = false});
  auto step = jit([&](const Tensor& by) { count.set_data(count.data() + by); });
  step(Tensor::scalar(2));
  step(Tensor::scalar(3));
  EXPECT_EQ(count.item<int>(), 5);
}

TEST(JitStep, AFailureWhileRecordingChangesNothing) {
  Tensor w({1, 2});
  auto step = jit([&](const Tensor& x) {
    w.set_data(w.data() * x);
    return matmul(w, Tensor({1, 2, 3}));
  });
  EXPECT_THROW(step(Tensor({3, 4})), ShapeError);
  EXPECT_EQ(w.to_vector<float>(), (Floats{1, 2}));
}

TEST(JitStep, AFailureWhileRunningChangesNothing) {
  Tensor w({1, 2});
  auto step = jit([&](const Tensor& x, const Tensor& i) {
    w.set_data(w.data() * x);
    return take(w, i);
  });
  EXPECT_THROW(step(Tensor({3, 4}), Tensor(std::vector<int>{5})), IndexError);
  EXPECT_EQ(w.to_vector<float>(), (Floats{1, 2}));
  EXPECT_EQ(step(Tensor({3, 4}), Tensor(std::vector<int>{1})).item(), 8);
}

TEST(JitStep, GradientsFromOutsideAreRefused) {
  const nn::Parameter w(Tensor({1, 2}));
  optim::SGD opt({w});
  (w * w).backward();
  auto step = jit([&] { opt.step(); });
  EXPECT_THROW(step(), TraceError);
  EXPECT_TRUE(w.has_grad());
}

const void* data_of(const Tensor& x) {
  x.realize();
  return x.record()->view().data;
}

TEST(JitStep, ChangesParametersAndStateInPlace) {
  Training training;
  auto step = jit([&](const Tensor& x, const Tensor& y) { return training.step(x, y); });
  (void)step(training.x, training.y);
  const std::vector<Tensor> parameters = nn::parameters(training.model);
  std::vector<const void*> before;
  for (const Tensor& w : parameters) before.push_back(data_of(w));
  const std::int64_t bytes = runtime::counters().live_bytes;
  for (int i = 0; i < 3; ++i) (void)step(training.x, training.y);
  for (std::size_t i = 0; i < parameters.size(); ++i) EXPECT_EQ(data_of(parameters[i]), before[i]);
  EXPECT_EQ(runtime::counters().live_bytes, bytes);
}

TEST(JitStep, WhatSomebodyHoldsKeepsItsValue) {
  Tensor w({1, 2}, {.requires_grad = false});
  auto step = jit([&] { w.set_data(w.data() * 2); });
  step();
  const void* const place = data_of(w);
  step();
  EXPECT_EQ(data_of(w), place);
  const Tensor held = w.data();
  const Tensor pending = w + 1;
  step();
  EXPECT_NE(data_of(w), place);
  EXPECT_EQ(w.to_vector<float>(), (Floats{8, 16}));
  EXPECT_EQ(held.to_vector<float>(), (Floats{4, 8}));
  EXPECT_EQ(pending.to_vector<float>(), (Floats{5, 9}));
  // An argument is what it was, even if it is the tensor that changes.
  auto add = jit([&](const Tensor& x) {
    w.set_data(w.data() + x);
    return x * 1;
  });
  EXPECT_EQ(add(w).to_vector<float>(), (Floats{8, 16}));
  EXPECT_EQ(w.to_vector<float>(), (Floats{16, 32}));
}

// Two tensors that change places cannot both be written over the other.
TEST(JitStep, ChangesThatReadEachOther) {
  Tensor a({1, 2, 3}, {.requires_grad = false});
  Tensor b({10, 20, 30}, {.requires_grad = false});
  auto step = jit([&] {
    const Tensor next = a.data() + b.data();
    b.set_data(flip(a.data() * 2, 0));
    a.set_data(next);
  });
  step();
  step();
  EXPECT_EQ(a.to_vector<float>(), (Floats{11 + 6, 22 + 4, 33 + 2}));
  EXPECT_EQ(b.to_vector<float>(), (Floats{66, 44, 22}));
}

TEST(JitStep, AnOptimizerStepIsOneLaunch) {
  manual_seed(1);
  std::vector<Tensor> parameters;
  std::vector<Tensor> targets;
  for (std::int64_t i = 0; i < 50; ++i) {
    const ir::Shape shape = i % 3 == 0 ? ir::Shape({i + 1}) : ir::Shape({7 * i, 13});
    parameters.push_back(nn::Parameter(init::randn(shape)));
    targets.push_back(init::randn(shape).detach());
  }
  optim::Adam opt(parameters, {.weight_decay = 0.1});
  auto step = jit([&] {
    Tensor loss = Tensor::scalar(0);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      loss = loss + (parameters[i] * targets[i]).sum();
    }
    loss.backward();
    opt.step();
  });
  step();
  const std::int64_t before = runtime::counters().launches;
  step();
  EXPECT_EQ(runtime::counters().launches - before, 1);
}

TEST(JitStep, StepsLeaveNothingBehind) {
  Training training;
  auto step = jit([&](const Tensor& x, const Tensor& y) { return training.step(x, y); });
  for (int i = 0; i < 3; ++i) (void)step(training.x, training.y);
  const std::int64_t before = live_records();
  for (int i = 0; i < 100; ++i) (void)step(training.x, training.y);
  EXPECT_EQ(live_records(), before);
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

TEST(LongTraining, CompiledStepsKeepMemoryFlat) {
  Training training;
  auto step = jit([&](const Tensor& x, const Tensor& y) { return training.step(x, y); });
  expect_flat_memory(10'000, [&] { (void)step(training.x, training.y).item(); });
}

TEST(LongTraining, LazyStepsKeepMemoryFlat) {
  Training training;
  expect_flat_memory(2'000, [&] { (void)training.step(training.x, training.y).item(); });
}

}  // namespace
}  // namespace ndl
