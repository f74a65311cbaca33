// Ops with gradients of their own, and checkpoints.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "ir/printer.h"
#include "needle/needle.h"

namespace ndl {
namespace {

const auto round_through = custom_op(
    "round_through", [](const Tensor& x) { return round(x); },
    [](const CustomGradient& at) { return std::vector{at.gradients[0]}; });

TEST(CustomOpTest, HasItsOwnGradient) {
  const Tensor x({0.4, 1.6, -2.7});
  const Tensor y = round_through(x);
  EXPECT_EQ(y.op(), "round_through");
  EXPECT_EQ(y.inputs().size(), 1u);
  EXPECT_EQ(y.to_string(), "[ 0.  2. -3.]");
  sum(y * y).backward();
  EXPECT_EQ(x.grad().to_string(), "[ 0.  4. -6.]");
}

TEST(CustomOpTest, GradientSeesInputsAndResults) {
  const auto product = custom_op(
      "product", [](const Tensor& a, const Tensor& b) { return a * b; },
      [](const CustomGradient& at) {
        return std::vector{at.gradients[0] * at.inputs[1],
                           at.gradients[0] * at.results[0] / at.inputs[1]};
      });
  const Tensor a({2., 3.});
  const Tensor b({5., 7.});
  sum(product(a, b)).backward();
  EXPECT_EQ(a.grad().to_string(), "[5. 7.]");
  EXPECT_EQ(b.grad().to_string(), "[2. 3.]");
}

TEST(CustomOpTest, GradientsHaveGradients) {
  const auto cube = custom_op(
      "cube", [](const Tensor& x) { return x * x * x; },
      [](const CustomGradient& at) {
        return std::vector{3 * at.gradients[0] * at.inputs[0] * at.inputs[0]};
      });
  const Tensor x = full({}, 2.0);
  EXPECT_EQ(grad(grad([&](const Tensor& t) { return cube(t); }))(x).item<double>(), 12);
}

TEST(CustomOpTest, TuplesAndIntegers) {
  const auto parts = custom_op(
      "parts",
      [](const Tensor& x, const Tensor& i) { return make_tuple({floor(x), x - floor(x), i + 1}); },
      [](const CustomGradient& at) { return std::vector{10 * at.gradients[0] + at.gradients[1]}; });
  const Tensor x({1.25, 2.5});
  const TensorTuple result = parts(x, Tensor({1, 2}, {.dtype = DType::kI32}));
  EXPECT_EQ(result[2].to_string(), "[2 3]");
  sum(2 * result[0] + 3 * result[1]).backward();
  EXPECT_EQ(x.grad().to_string(), "[23. 23.]");
}

TEST(CustomOpTest, WorksInJitAndTrace) {
  auto step = jit([](const Tensor& x) { return 2 * round_through(x + 0.25); });
  EXPECT_EQ(step(Tensor({0.4, 1.3})).to_string(), "[2. 4.]");
  EXPECT_NE(ir::print(trace([](const Tensor& x) { return round_through(x); }, Tensor({1., 2.})))
                .find("custom(%0)"),
            std::string::npos);
}

TEST(CustomOpTest, SaysWhatIsWrong) {
  const Tensor outside({1., 2.});
  const auto reads = custom_op(
      "reads", [&](const Tensor& x) { return x + outside; },
      [](const CustomGradient& at) { return at.gradients; });
  EXPECT_THROW(
      {
        try {
          reads(Tensor({1., 2.}));
        } catch (const UsageError& error) {
          EXPECT_NE(error.message().find("custom op 'reads'"), std::string::npos);
          throw;
        }
      },
      UsageError);
  const auto wrong = custom_op(
      "wrong", [](const Tensor& x) { return exp(x); },
      [](const CustomGradient& at) { return std::vector{sum(at.gradients[0])}; });
  EXPECT_THROW(wrong(Tensor({1., 2.})), VerifyError);
  EXPECT_THROW(custom_op(
                   "no name", [](const Tensor& x) { return x; },
                   [](const CustomGradient& at) { return at.gradients; }),
               UsageError);
}

TEST(CheckpointTest, ChangesNoBitOfValueOrGradient) {
  manual_seed(3);
  const nn::Parameter w(init::randn({8, 8}));
  const nn::Parameter x(init::randn({4, 8}));
  const auto block = [&](const Tensor& t) { return tanh(matmul(t, w)); };
  const auto run = [&](const auto& f) {
    const Tensor loss = mean(f(f(x)) * f(x));
    loss.backward();
    return std::vector{loss.data(), w.grad().data(), x.grad().data()};
  };
  const std::vector<Tensor> plain = run(block);
  const std::vector<Tensor> again = run(checkpoint(block));
  for (std::size_t i = 0; i < plain.size(); ++i) {
    EXPECT_EQ(plain[i].repr(), again[i].repr());
  }
}

// Bodies come and go, and the next one may lie where the last one did: what was worked out for
// that is not taken for it.
TEST(CheckpointTest, FunctionsOnOneLineAreTheirOwn) {
  const nn::Parameter x(Tensor({1, 2}));
  const std::vector<std::function<Tensor(const Tensor&)>> functions = {
      [](const Tensor& t) { return sin(t); }, [](const Tensor& t) { return cos(t); },
      [](const Tensor& t) { return t * t; }};
  for (std::size_t i = 0; i < 300; ++i) {
    const auto& f = functions[i % 7 % 3];
    const Tensor y = checkpoint(f)(x);
    const Tensor want = f(x);
    ASSERT_EQ(y.to_vector<float>(), want.to_vector<float>()) << i;
    if (i % 5 != 0) continue;
    y.sum().backward();
    const std::vector<float> got = x.grad().to_vector<float>();
    want.sum().backward();
    ASSERT_EQ(got, x.grad().to_vector<float>()) << i;
  }
}

TEST(CheckpointTest, NeedsLessMemory) {
  const Tensor x = init::randn({64, 64});
  const auto peak = [&](bool checkpoints) {
    const auto program = codegen::compile(trace(
        grad([&](const Tensor& t) {
          const auto block = [](const Tensor& u) { return tanh(matmul(sin(matmul(u, u)), u)); };
          Tensor y = t;
          for (int i = 0; i < 16; ++i) y = checkpoints ? checkpoint(block)(y) : block(y);
          return sum(y);
        }),
        x));
    return program->executable()->arena_bytes();
  };
  EXPECT_LT(peak(true), peak(false) * 2 / 3);
}

}  // namespace
}  // namespace ndl
