// Layers, losses, optimizers and compiled steps, against loops of plain arithmetic.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <thread>
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

void expect_close(const Tensor& x, const std::vector<double>& want, double tolerance = 1e-5) {
  const std::vector<double> got = x.to_vector<double>();
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i], want[i], tolerance * std::max(1.0, std::abs(want[i]))) << "element " << i;
  }
}

// A parameter with gradients g_k = c_k * w, step after step, and what a reference makes of them.
template <class Optimizer, class Options, class Reference>
void expect_steps(const Options& options, Reference&& reference) {
  const nn::Parameter w(Tensor({1, -2, 3}));
  Optimizer opt({w}, options);
  std::vector<double> want = {1, -2, 3};
  for (int step = 1; step <= 5; ++step) {
    (w * w * (0.5 * step)).sum().backward();
    opt.step();
    for (std::size_t i = 0; i < want.size(); ++i)
      want[i] = reference(i, step, want[i], step * want[i]);
    expect_close(w, want);
  }
}

TEST(Optimizers, SgdIsItsFormula) {
  expect_steps<optim::SGD>(optim::SGDOptions{.lr = 0.1},
                           [](std::size_t, int, double w, double g) { return w - 0.1 * g; });
  double u[3] = {};
  expect_steps<optim::SGD>(optim::SGDOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01},
                           [&](std::size_t i, int, double w, double g) {
                             u[i] = 0.9 * u[i] + (1 - 0.9) * (g + 0.01 * w);
                             return w - 0.1 * u[i];
                           });
}

TEST(Optimizers, AdamIsItsFormula) {
  for (const bool is_decoupled : {false, true}) {
    double m[3] = {};
    double v[3] = {};
    const auto reference = [&](std::size_t i, int t, double w, double g) {
      if (is_decoupled) {
        w -= 0.1 * 0.01 * w;
      } else {
        g += 0.01 * w;
      }
      m[i] = 0.8 * m[i] + 0.2 * g;
      v[i] = 0.95 * v[i] + 0.05 * g * g;
      const double mean = m[i] / (1 - std::pow(0.8, t));
      const double square = v[i] / (1 - std::pow(0.95, t));
      return w - 0.1 * mean / (std::sqrt(square) + 1e-8);
    };
    const optim::AdamOptions options{.lr = 0.1, .beta1 = 0.8, .beta2 = 0.95, .weight_decay = 0.01};
    if (is_decoupled) {
      expect_steps<optim::AdamW>(options, reference);
    } else {
      expect_steps<optim::Adam>(options, reference);
    }
  }
}

TEST(Optimizers, LeaveParametersWithoutGradientAlone) {
  const nn::Parameter used(Tensor({1}));
  const nn::Parameter unused(Tensor({2}));
  optim::Adam opt({used, unused}, {.weight_decay = 1});
  (used * 2).backward();
  opt.step();
  EXPECT_NE(used.item(), 1);
  EXPECT_EQ(unused.item(), 2);
  opt.reset_grad();
  EXPECT_FALSE(used.has_grad());
  EXPECT_THROW(optim::SGD({}), ShapeError);
}

TEST(Optimizers, StepASharedParameterOnce) {
  const nn::Parameter w(Tensor({1}));
  optim::SGD opt({w, w.share()}, {.lr = 0.5});
  (w * 1).backward();
  opt.step();
  EXPECT_EQ(w.item(), 0.5);
}

// In 16 bits, squares of gradients would be 0.
TEST(Optimizers, AdamOfSixteenBits) {
  const nn::Parameter w(Tensor({1}, {.dtype = DType::kF16}));
  optim::Adam opt({w}, {.lr = 0.01});
  (w * 1e-3).sum().backward();
  opt.step();
  EXPECT_EQ(w.dtype(), DType::kF16);
  EXPECT_NEAR(w.item(), 0.99, 1e-3);
}

TEST(Layers, LinearIsXWPlusB) {
  manual_seed(1);
  const nn::Linear layer(3, 2);
  const Tensor x({{1, 2, 3}, {4, 5, 6}});
  const Floats w = layer.weight.to_vector<float>();
  const Floats b = layer.bias->to_vector<float>();
  std::vector<double> want;
  for (int n = 0; n < 2; ++n) {
    for (std::size_t j = 0; j < 2; ++j) {
      double sum = b[j];
      for (std::size_t k = 0; k < 3; ++k)
        sum += (1 + 3 * n + static_cast<double>(k)) * w[2 * k + j];
      want.push_back(sum);
    }
  }
  expect_close(layer(x), want);
  const double bound = std::sqrt(2.0) * std::sqrt(3.0 / 3);
  for (const float value : w) EXPECT_LE(std::abs(value), bound);
  EXPECT_EQ(nn::parameters(nn::Linear(3, 2, false)).size(), 1U);
}

TEST(Layers, ActivationsAreTheirFormulas) {
  const Tensor x({-2, -0.5, 0, 1});
  expect_close(nn::Sigmoid()(x),
               {1 / (1 + std::exp(2.0)), 1 / (1 + std::exp(0.5)), 0.5, 1 / (1 + std::exp(-1.0))});
  std::vector<double> gelu;
  for (const double v : {-2.0, -0.5, 0.0, 1.0}) {
    gelu.push_back(v * 0.5 * (1 + std::erf(v / std::sqrt(2.0))));
  }
  expect_close(nn::GELU()(x), gelu);
  expect_close(nn::Residual(nn::ReLU())(x), {-2, -0.5, 0, 2});
  EXPECT_EQ(nn::Flatten()(zeros({4, 3, 2})).shape(), ir::Shape({4, 6}));
  EXPECT_EQ(nn::Flatten()(zeros({0, 3, 2})).shape(), ir::Shape({0, 6}));
}

TEST(Layers, NormalizationsHaveMeanZeroAndVarianceOne) {
  const Tensor x({{1, 2, 6}, {-1, 0, 4}});
  const nn::LayerNorm norm(3);
  const Tensor y = norm(x);
  expect_close(y.mean(1), {0, 0}, 1e-5);
  expect_close((y * y).mean(1), {1, 1}, 1e-4);
  const nn::BatchNorm1d batch(3, 1e-5, 0.1);
  expect_close(batch(x).mean(0), {0, 0, 0}, 1e-5);
  expect_close(batch.running_mean, {0, 0.1, 0.5});
  expect_close(batch.running_var, {1, 1, 1});
  nn::eval(batch);
  const double scale = 1 / std::sqrt(1 + 1e-5);
  expect_close(batch(x), {scale, 1.9 * scale, 5.5 * scale, -scale, -0.1 * scale, 3.5 * scale});
  expect_close(batch.running_mean, {0, 0.1, 0.5});
}

TEST(Layers, RefuseWhatDoesNotFit) {
  EXPECT_THROW(nn::Dropout(1.5), UsageError);
  const nn::BatchNorm1d batch(3);
  EXPECT_THROW(batch(zeros({2, 4})), ShapeError);
  EXPECT_THROW(batch(zeros({2, 3, 1})), ShapeError);
  EXPECT_EQ(batch(zeros({2, 3}, {.dtype = DType::kF64, .requires_grad = false})).dtype(),
            DType::kF64);
  EXPECT_EQ(batch.running_mean.dtype(), DType::kF32);
}

TEST(Layers, DropoutKeepsTheMean) {
  manual_seed(3);
  const nn::Dropout dropout(0.25);
  const Tensor x = ones({10'000});
  const Tensor y = dropout(x);
  EXPECT_NEAR(y.mean().item(), 1, 0.03);
  for (const float value : y.to_vector<float>()) {
    EXPECT_TRUE(value == 0 || std::abs(value - 1 / 0.75F) < 1e-6);
  }
  nn::eval(dropout);
  EXPECT_EQ(dropout(x).mean().item(), 1);
}

TEST(Random, NumbersHaveTheirMoments) {
  manual_seed(7);
  const Tensor u = init::rand({20'000}, -1, 3);
  EXPECT_NEAR(u.mean().item(), 1, 0.03);
  EXPECT_GE(amin(u).item(), -1);
  EXPECT_LT(amax(u).item(), 3);
  const Tensor n = init::randn({20'000}, 2, 0.5);
  EXPECT_NEAR(n.mean().item(), 2, 0.02);
  EXPECT_NEAR(square(n - 2).mean().item(), 0.25, 0.01);
  manual_seed(7);
  EXPECT_EQ(init::rand({20'000}, -1, 3).to_vector<float>(), u.to_vector<float>());
  EXPECT_NE(init::rand({20'000}, -1, 3).to_vector<float>(), u.to_vector<float>());
}

// The first draw of a thread, in a function that is being recorded.
TEST(Random, JittedFunctionsDrawAnewOnEveryThread) {
  std::thread([] {
    auto draw = jit([] { return init::rand({4}); });
    const auto first = draw().to_vector<float>();
    EXPECT_NE(draw().to_vector<float>(), first);
  }).join();
}

// K. He et al., 2015: the variance of what a deep network of ReLUs computes neither explodes nor
// dies when its weights are normal with variance 2 / fan_in.
TEST(Init, KaimingKeepsTheVarianceOfADeepNetwork) {
  manual_seed(5);
  constexpr std::int64_t kWidth = 256;
  Tensor x = init::randn({64, kWidth});
  for (int layer = 0; layer < 20; ++layer) {
    x = relu(matmul(x, init::kaiming_normal(kWidth, kWidth)));
  }
  const double second_moment = square(x).mean().item();
  EXPECT_GT(second_moment, 0.3);
  EXPECT_LT(second_moment, 3);
}

TEST(Init, OneHot) {
  const Tensor i(std::vector<int>{2, 0, 5});
  EXPECT_EQ(init::one_hot(i, 3).to_vector<float>(), (Floats{0, 0, 1, 1, 0, 0, 0, 0, 0}));
  const Tensor narrow(std::vector<std::uint8_t>{0});
  EXPECT_EQ(init::one_hot(narrow, 300).sum().item(), 1);
}

TEST(Losses, SoftmaxLossIsCrossEntropy) {
  const Tensor logits({{1, 2, 3}, {1000, 0, -1000}});
  const Tensor labels(std::vector<int>{0, 1});
  const double first = std::log(std::exp(1.0) + std::exp(2.0) + std::exp(3.0)) - 1;
  const Tensor loss = nn::SoftmaxLoss()(logits, labels);
  expect_close(loss, {(first + 1000) / 2});
  loss.backward();
  const double sum = std::exp(1.0) + std::exp(2.0) + std::exp(3.0);
  expect_close(logits.grad(), {std::exp(1.0) / sum / 2 - 0.5, std::exp(2.0) / sum / 2,
                               std::exp(3.0) / sum / 2, 0.5, -0.5, 0});
  EXPECT_THROW(nn::SoftmaxLoss()(logits, Tensor(std::vector<int>{0, 3})).item(), IndexError);
  EXPECT_THROW(nn::SoftmaxLoss()(logits, Tensor(std::vector<int>{0})), ShapeError);
}

TEST(StateDict, ComesAndGoes) {
  manual_seed(1);
  const nn::Sequential from(nn::Linear(3, 2), nn::BatchNorm1d(2));
  const nn::Sequential to(nn::Linear(3, 2), nn::BatchNorm1d(2));
  std::vector<std::string> names;
  for (const nn::NamedTensor& entry : nn::state_dict(from)) names.push_back(entry.name);
  EXPECT_EQ(names, (std::vector<std::string>{"modules.0.weight", "modules.0.bias",
                                             "modules.1.weight", "modules.1.bias",
                                             "modules.1.running_mean", "modules.1.running_var"}));
  const Tensor x({{1, 2, 3}, {-1, 5, 2}});
  (void)from(x).to_vector<float>();
  nn::load_state_dict(to, nn::state_dict(from));
  nn::eval(from);
  nn::eval(to);
  EXPECT_EQ(from(x).to_vector<float>(), to(x).to_vector<float>());
  const std::vector<nn::NamedTensor> state = nn::state_dict(from);
  EXPECT_THROW(nn::load_state_dict(to, std::span(state).first(3)), UsageError);
  std::vector<nn::NamedTensor> wrong = state;
  wrong[0].tensor = zeros({2, 3});
  EXPECT_THROW(nn::load_state_dict(to, wrong), ShapeError);
}

TEST(StateDict, ConvertsAModel) {
  const nn::Sequential model(nn::Linear(3, 2), nn::BatchNorm1d(2));
  auto predict = jit([&](const Tensor& x) { return model(x); });
  const Tensor x({{1, 2, 3}, {4, 5, 7}});
  EXPECT_EQ(predict(x).dtype(), DType::kF32);
  nn::convert(model, DType::kF64);
  for (const nn::NamedTensor& entry : nn::state_dict(model)) {
    EXPECT_EQ(entry.tensor.dtype(), DType::kF64) << entry.name;
  }
  EXPECT_EQ(predict(x).dtype(), DType::kF64);
  EXPECT_TRUE(nn::parameters(model)[0].requires_grad());
  EXPECT_THROW(nn::convert(model, DType::kI32), DTypeError);
  Tensor labels(std::vector<int>{1});
  EXPECT_THROW(labels.set_dtype(DType::kF32), DTypeError);
}

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
