// backward() and gradients(): what reaches which tensor, and what is refused.
#include "needle/autograd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "examples/lecture8_models.h"
#include "needle/needle.h"
#include "tests/sanitized.h"

namespace ndl {
namespace {

std::string text(const Tensor& x) { return x.to_string(); }

// The message of what f throws; "" if it throws nothing, or something else.
template <class E, class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const E& error) {
    return error.message();
  } catch (...) {
  }
  return "";
}

// The loss and its ten values as the lecture prints them.
TEST(Lecture, TrainingLossesToTheLastDigit) {
  const Tensor x({2});
  const Tensor y({2});
  const examples::MultiPathScaleAdd model;
  const char* const losses[] = {"[4.]",         "[2.5600004]", "[1.6384]",     "[1.0485764]",
                                "[0.6710887]",  "[0.4294967]", "[0.27487785]", "[0.17592174]",
                                "[0.11258985]", "[0.07205748]"};
  for (const char* want : losses) {
    const Tensor loss = examples::L2Loss()(model(x), y);
    EXPECT_EQ(text(loss), want);
    loss.backward();
    for (Tensor& w : nn::parameters(model)) w.set_data(w.data() + (-0.01) * w.grad().data());
  }
}

TEST(Lecture, StepsOfARebinding) {
  Tensor w({1, 2, 3});
  const Tensor grad({1, 1, 1});
  for (int i = 0; i < 5; ++i) w.set_data(w.data() + (-0.1) * grad.data());
  EXPECT_EQ(w.repr(), "needle.Tensor([0.4999999 1.4999999 2.5000005])");
  w.set_data(w.data() + (-0.1) * grad.data());
  EXPECT_EQ(w.repr(), "needle.Tensor([0.39999992 1.3999999  2.4000006 ])");
}

TEST(Backward, ReachesEveryTensorThatIsHeld) {
  const Tensor x({1, 2, 3});
  const Tensor w({4, 5, 6});
  const Tensor product = x * w;
  const Tensor loss = (product * product).sum();
  loss.backward();
  EXPECT_EQ(text(product.grad()), "[ 8. 20. 36.]");
  EXPECT_EQ(text(x.grad()), "[ 32. 100. 216.]");
  EXPECT_EQ(text(w.grad()), "[  8.  40. 108.]");
  EXPECT_EQ(text(loss.grad()), "1.0");
}

TEST(Backward, ReplacesWhatWasThere) {
  const Tensor x({1, 2});
  (x * 3).backward();
  (x * 5).backward();
  EXPECT_EQ(text(x.grad()), "[5. 5.]");
  const Tensor y = x * x;
  y.backward();
  y.backward();
  EXPECT_EQ(text(x.grad()), "[2. 4.]");
}

TEST(Backward, TakesTheGradientThatComesIn) {
  const Tensor x({1, 2});
  (x * x).backward(Tensor({10, 100}));
  EXPECT_EQ(text(x.grad()), "[ 20. 400.]");
}

TEST(Backward, BroadcastOperandsSumTheirGradients) {
  const Tensor x({{1, 2, 3}, {4, 5, 6}});
  const Tensor row({1, 2, 3});
  const Tensor column({1, 2}, {2, 1});
  const Tensor one = Tensor::scalar(2);
  (x * row + column / Tensor({2}) - one).sum().backward();
  EXPECT_EQ(text(row.grad()), "[5. 7. 9.]");
  EXPECT_EQ(text(column.grad()), "[[1.5]\n [1.5]]");
  EXPECT_FALSE(one.has_grad());  // i32
}

TEST(Backward, ThroughTuplesIsOneGradientAnElement) {
  const Tensor x({1, 2});
  const TensorTuple parts = fused_add_scalars(x, 1, 2);
  (parts[0] * parts[1]).backward();
  EXPECT_EQ(text(x.grad()), "[5. 7.]");
  const Tensor y({{1, 2}, {3, 4}});
  const TensorTuple rows = split(y);
  (rows[1] * rows[1]).backward();
  EXPECT_EQ(text(y.grad()), "[[0. 0.]\n [6. 8.]]");
}

TEST(Backward, StopsAtWhatHasNoHistory) {
  const Tensor x({1, 2});
  const Tensor frozen({3, 4}, {.requires_grad = false});
  const Tensor y = x * frozen * x.detach();
  y.backward();
  EXPECT_EQ(text(x.grad()), "[3. 8.]");
  EXPECT_FALSE(frozen.has_grad());
}

TEST(Backward, ConvertsBetweenDTypes) {
  const Tensor x({1, 2}, {.dtype = DType::kF64});
  const Tensor w({3, 4});
  (x * w).backward();
  EXPECT_EQ(x.grad().dtype(), DType::kF64);
  EXPECT_EQ(w.grad().dtype(), DType::kF32);
  EXPECT_EQ(text(w.grad()), "[1. 2.]");
}

TEST(Backward, GradientsHaveGradients) {
  const Tensor x({2, 3});
  (x * x * x).backward();
  const Tensor first = x.grad();
  first.backward();
  EXPECT_EQ(text(first), "[12. 27.]");
  EXPECT_EQ(text(x.grad()), "[12. 18.]");
}

TEST(Backward, PrintingChangesNothing) {
  const auto gradient_of = [](bool prints) {
    const Tensor x({0.5, -1, 2});
    const Tensor y = exp(x) * sin(x);
    const Tensor z = y / (1 + y * y);
    if (prints) {
      (void)text(y);
      (void)text(z);
    }
    z.sum().backward();
    return text(x.grad());
  };
  EXPECT_EQ(gradient_of(false), gradient_of(true));
}

// The other side of a where is not multiplied by what is infinite there.
TEST(Backward, TheUntakenSideOfAWhereAddsNothing) {
  const Tensor x({0, 1, 4});
  where(x > 0, log(x), 0).sum().backward();
  EXPECT_EQ(text(x.grad()), "[0.   1.   0.25]");
  where(x > 0, sqrt(x) * log(x), x).sum().backward();
  EXPECT_EQ(x.grad()[{0}].item(), 1);
  max(log(x), -1).sum().backward();
  EXPECT_EQ(text(x.grad()), "[0.   1.   0.25]");
  // Moving and summing on the way makes no difference.
  const Tensor m = (x > 0).reshape({1, 3});
  where(m, broadcast_to(log(x).reshape({1, 3}), {2, 3}), 0).sum().backward();
  EXPECT_EQ(text(x.grad()), "[0.  2.  0.5]");
}

TEST(Backward, TheUntakenSideThroughEveryKindOfOp) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x({nan, 0});
  where(is_nan(x), 0, sigmoid(x)).sum().backward();
  EXPECT_EQ(text(x.grad()), "[0.   0.25]");
  const Tensor y({0, 1});
  const Tensor off = Tensor::scalar(false);
  where(off, amax(log(y)), 0).backward();
  EXPECT_EQ(text(y.grad()), "[0. 0.]");
  const Tensor i(std::vector<int>{0, 1, 1});
  where(take(y, i) > 0, take(log(y), i), 0).sum().backward();
  EXPECT_EQ(text(y.grad()), "[0. 2.]");
}

TEST(Backward, AtTies) {
  const Tensor x({-1, 0, 1});
  relu(x).sum().backward();
  EXPECT_EQ(text(x.grad()), "[0. 0. 1.]");
  abs(x).sum().backward();
  EXPECT_EQ(text(x.grad()), "[-1.  0.  1.]");
  clamp(x, -1, 0).sum().backward();
  EXPECT_EQ(text(x.grad()), "[1. 1. 0.]");
  const Tensor y({3, 1, 3});
  amax(y).backward();
  EXPECT_EQ(text(y.grad()), "[0.5 0.  0.5]");
  const Tensor z({2, 0, 5});
  z.prod().backward();
  EXPECT_EQ(text(z.grad()), "[ 0. 10.  0.]");
  const Tensor base({0, 2});
  pow(base, 0).sum().backward();
  EXPECT_EQ(text(base.grad()), "[0. 0.]");
}

TEST(Backward, OfLogsumexpOverNothing) {
  const float inf = std::numeric_limits<float>::infinity();
  const Tensor x({{-inf, -inf}, {0, 0}});
  logsumexp(x, 1).sum().backward();
  EXPECT_EQ(text(x.grad()), "[[0.  0. ]\n [0.5 0.5]]");
}

TEST(Backward, WithinATrace) {
  const auto derivative = [](const Tensor& x) { return gradient(sin(x) * x, x); };
  const Tensor x({0.5, 1});
  auto compiled = jit(derivative);
  EXPECT_EQ(text(compiled(x)), text(derivative(x)));
}

TEST(Backward, OfAMillionOps) {
  constexpr int kOps = test::kIsSanitized ? 30'000 : 1'000'000;
  const Tensor x({1});
  Tensor y = x;
  for (int i = 0; i < kOps; ++i) y = y + x;
  y.backward();
  EXPECT_EQ(x.grad().item(), kOps + 1);
}

TEST(Backward, StepsLeaveNothingBehind) {
  Tensor w({1, 2, 3});
  const auto step = [&] {
    ((w - 1) * (w - 1)).sum().backward();
    w.set_data(w.data() - 0.1 * w.grad().data());
    w.realize();
  };
  for (int i = 0; i < 10; ++i) step();
  const std::int64_t before = live_records();
  for (int i = 0; i < 100; ++i) step();
  EXPECT_EQ(live_records(), before);
}

// The lecture's naive functions, and gradients of what is written naively.
TEST(Stable, NaiveSoftmaxAndItsGradient) {
  const Tensor x({1000, 10000, 100});
  const Tensor z = exp(x);
  const Tensor p = z / sum(z);
  EXPECT_EQ(text(p), "[0. 1. 0.]");
  p[{1}].backward();
  EXPECT_EQ(x.grad().to_vector<float>(), (std::vector<float>{0, 0, 0}));
  // The exponentials are no part of the stable form, and infinite as written.
  EXPECT_TRUE(z.has_grad());
  // Printing them changes nothing.
  EXPECT_EQ(text(z), "[inf inf inf]");
  EXPECT_EQ(text(z / sum(z)), "[0. 1. 0.]");
}

// Whatever is asked for on the way, and in whatever order.
TEST(Stable, PrintingAnIntermediateChangesNothing) {
  const Tensor x({{1000, 999, -5}, {1, 2, 3}});
  std::vector<std::string> seen;
  for (int asked = 0; asked < 32; ++asked) {
    const Tensor z = exp(x * 2);
    const Tensor total = sum(z, 1, true);
    const Tensor p = z / total;
    const Tensor logp = log(p);
    const Tensor loss = -sum(logp * 0.5);
    const Tensor* const tensors[] = {&z, &total, &p, &logp, &loss};
    for (int i = 0; i < 5; ++i) {
      if ((asked >> i & 1) != 0) (void)text(*tensors[i]);
    }
    loss.backward();
    const std::string now = text(p) + text(logp) + text(loss) + text(x.grad());
    if (seen.empty()) seen.push_back(now);
    EXPECT_EQ(now, seen.front()) << asked;
  }
  EXPECT_EQ(seen.front().find("nan"), std::string::npos) << seen.front();
  EXPECT_EQ(seen.front().find("inf"), std::string::npos) << seen.front();
}

TEST(Stable, NaiveCrossEntropy) {
  const Tensor logits({{1e4, -1e4, 0}, {-1e4, 0, 1e4}});
  const Tensor onehot({{1, 0, 0}, {1, 0, 0}}, {.requires_grad = false});
  const Tensor z = exp(logits);
  const Tensor loss = -sum(onehot * log(z / sum(z, 1, true)));
  EXPECT_EQ(loss.item(), 20000);
  loss.backward();
  EXPECT_EQ(text(logits.grad()), "[[ 0.  0.  0.]\n [-1.  0.  1.]]");
}

TEST(Stable, LogOfOnePlusExp) {
  const Tensor x({-100, 0, 100});
  const Tensor y = log(1 + exp(x));
  EXPECT_EQ(y[{2}].item(), 100);
  EXPECT_EQ(y[{0}].item(), std::exp(-100.0F));
  y.sum().backward();
  EXPECT_EQ(x.grad()[{2}].item(), 1);
  EXPECT_EQ(x.grad()[{1}].item(), 0.5);
  EXPECT_GT(x.grad()[{0}].item(), 0);
}

TEST(Gradients, OfWhatTheyDoNotDependOnAreZero) {
  const Tensor x({1, 2});
  const Tensor w({3, 4});
  const Tensor xs[] = {x, w};
  const std::vector<Tensor> found = gradients(x * x, xs);
  EXPECT_EQ(text(found[0]), "[2. 4.]");
  EXPECT_EQ(text(found[1]), "[0. 0.]");
  EXPECT_FALSE(x.has_grad());
}

TEST(Gradients, WithRespectToWhatIsComputed) {
  const Tensor x({1, 2});
  const Tensor h = x * 3;
  EXPECT_EQ(text(gradient(h * h, h)), "[ 6. 12.]");
}

// Whatever form the history takes before it is differentiated.
TEST(Gradients, OfIntermediatesAreThoseOfTheProgramAsWritten) {
  const Tensor x({1, 2});
  const Tensor z = x + 1;
  EXPECT_EQ(text(gradient(log(z) * z, z)), text((log(z) + 1).data()));
  const Tensor a = exp(x);
  const Tensor b = exp(x);
  (a * b).sum().backward();
  EXPECT_EQ(text(a.grad()), text(b.data()));
  EXPECT_EQ(text(b.grad()), text(a.data()));
  const Tensor same = x * 1;
  (x * same).sum().backward();
  EXPECT_EQ(text(same.grad()), "[1. 2.]");
  EXPECT_EQ(text(x.grad()), "[2. 4.]");
}

TEST(Gradients, OfIntermediatesSurviveAStep) {
  Tensor w({1, 2});
  const Tensor h = w * 3;
  (h * h).sum().backward();
  w.set_data(w.data() - w.grad().data());
  EXPECT_EQ(text(h.grad()), "[ 6. 12.]");
}

TEST(Gradients, WeightedByWhatTheyAreTakenOf) {
  const Tensor x({1, 2});
  const Tensor y = x * x;
  EXPECT_EQ(text(gradient(y, x, y)), "[ 2. 16.]");
  const Tensor seed({1, 1});
  y.backward(seed);
  EXPECT_FALSE(seed.has_grad());
}

TEST(Mistakes, AreNamed) {
  const Tensor x({1, 2});
  const Tensor constant({1, 2}, {.requires_grad = false});
  EXPECT_NE(error_of<GradientError>([&] { constant.backward(); }).find("requires no gradient"),
            std::string::npos);
  EXPECT_NE(error_of<GradientError>([&] { (void)x.grad(); }).find("no backward()"),
            std::string::npos);
  EXPECT_EQ(error_of<ShapeError>([&] { (x * x).backward(Tensor({1})); }),
            "backward: out_grad is f32[1], the tensor f32[2]");
  EXPECT_EQ(error_of<DTypeError>([&] { (x * x).backward(Tensor({1, 2}, {.dtype = DType::kF64})); }),
            "backward: out_grad is f64[2], the tensor f32[2]");
  EXPECT_NE(error_of<DTypeError>([&] { (x > 0).backward(); }).find("for floats"),
            std::string::npos);
}

TEST(Mistakes, AValueThatHasBeenReplaced) {
  Tensor w({1, 2});
  const Tensor loss = (w * w).sum();
  w.set_data(Tensor({5, 6}));
  EXPECT_NE(error_of<GradientError>([&] { loss.backward(); }).find("set_data() came between"),
            std::string::npos);
}

TEST(Mistakes, ResettingGradientsFromATrace) {
  Tensor w({1, 2});
  (w * w).backward();
  const auto f = [&](const Tensor& x) {
    w.reset_grad();
    return x * w;
  };
  EXPECT_NE(error_of<TraceError>([&] { (void)trace(f, w); }), "");
  EXPECT_TRUE(w.has_grad());
  auto compiled = jit(f);
  (void)compiled(w);
  EXPECT_TRUE(w.has_grad());
}

TEST(Mistakes, HistoryFromOutsideATrace) {
  const Tensor w({1, 2});
  const Tensor h = w * 2;
  const auto f = [&](const Tensor& x) { return gradient(x * h, x); };
  EXPECT_NE(error_of<GradientError>([&] { (void)trace(f, w); }).find("is being traced"),
            std::string::npos);
}

// What is written on one line is told apart by all that makes a difference.
TEST(Backward, HistoriesThatDifferAreNotTakenForEqual) {
  const auto gradients_of = [](const Tensor& a, const Tensor& b, double power) {
    const Tensor y = (a * a * power - b).sum();
    y.backward();
    return std::pair(a.grad().item(), b.has_grad() ? b.grad().item() : 0);
  };
  for (int i = 0; i < 2; ++i) {
    const Tensor a({3});
    const Tensor b({5});
    EXPECT_EQ(gradients_of(a, b, 1), std::pair(6.0F, -1.0F));
    EXPECT_EQ(gradients_of(a, b, 2), std::pair(12.0F, -1.0F));
    EXPECT_EQ(gradients_of(a, b, 7), std::pair(42.0F, -1.0F));
    EXPECT_EQ(gradients_of(a, Tensor({5}, {.requires_grad = false}), 1), std::pair(6.0F, 0.0F));
    EXPECT_EQ(gradients_of(b, b, 1), std::pair(9.0F, 9.0F));
    const Tensor y = a * b;
    y.backward(Tensor({2}));
    EXPECT_EQ(a.grad().item(), 10);
    y.backward();
    EXPECT_EQ(a.grad().item(), 5);
  }
}

}  // namespace
}  // namespace ndl
