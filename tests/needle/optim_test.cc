// Optimizers, against loops of plain arithmetic.
#include "needle/optim.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "needle/needle.h"
#include "tests/needle/expect_close.h"

namespace ndl {
namespace {

using test::expect_close;

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

}  // namespace
}  // namespace ndl
