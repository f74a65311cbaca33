#include "needle/no_grad.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "needle/needle.h"

namespace ndl {
namespace {

TEST(NoGrad, ResultsHaveNoHistory) {
  const Tensor x({1});
  {
    const NoGradGuard guard;
    EXPECT_FALSE(grad_enabled());
    const Tensor y = x + 1;
    EXPECT_FALSE(y.requires_grad());
    EXPECT_TRUE(y.inputs().empty());
    EXPECT_EQ(y.item(), 2);
    EXPECT_TRUE(Tensor({1}).requires_grad());
  }
  EXPECT_TRUE(grad_enabled());
  EXPECT_TRUE((x + 1).requires_grad());
}

TEST(NoGrad, AsAFunction) {
  const Tensor x({1});
  const Tensor y = no_grad([&] { return x + 1; });
  EXPECT_FALSE(y.requires_grad());
  EXPECT_EQ(no_grad([] { return 3; }), 3);
}

TEST(NoGrad, NestsAndEndsWithAnException) {
  const NoGradGuard outer;
  {
    const NoGradGuard inner;
  }
  EXPECT_FALSE(grad_enabled());
  EXPECT_THROW(no_grad([]() -> int { throw std::runtime_error(""); }), std::runtime_error);
  EXPECT_FALSE(grad_enabled());
}

TEST(NoGrad, HoldsForOneThread) {
  const NoGradGuard guard;
  bool enabled = false;
  std::thread([&] { enabled = grad_enabled(); }).join();
  EXPECT_TRUE(enabled);
}

}  // namespace
}  // namespace ndl
