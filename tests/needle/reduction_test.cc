#include "needle/reduction.h"

#include <gtest/gtest.h>

#include <cmath>

#include "needle/needle.h"

namespace ndl {
namespace {

using Floats = std::vector<float>;
using ir::Shape;

class ReductionTest : public testing::Test {
 protected:
  const Tensor x{{1, 2, 3}, {4, 5, 6}};
};

TEST_F(ReductionTest, Axes) {
  EXPECT_EQ(sum(x).type().to_string(), "f32[]");
  EXPECT_EQ(sum(x).item(), 21);
  EXPECT_EQ(sum(x, 0).to_vector<float>(), (Floats{5, 7, 9}));
  EXPECT_EQ(sum(x, -1).to_vector<float>(), (Floats{6, 15}));
  EXPECT_EQ(sum(x, {-1, 0}).item(), 21);
  EXPECT_EQ(sum(x, ir::Dims()).to_vector<float>(), x.to_vector<float>());
  EXPECT_EQ(sum(x, 1, true).shape(), Shape({2, 1}));
  EXPECT_EQ(sum(x, {}, true).shape(), Shape({1, 1}));
  EXPECT_THROW(sum(x, 2), ShapeError);
  EXPECT_THROW(sum(x, {0, -2}), ShapeError);
}

TEST_F(ReductionTest, Kinds) {
  EXPECT_EQ(prod(x, 1).to_vector<float>(), (Floats{6, 120}));
  EXPECT_EQ(mean(x, 1).to_vector<float>(), (Floats{2, 5}));
  EXPECT_EQ(mean(x).item(), 3.5);
  EXPECT_EQ(amax(x, 0).to_vector<float>(), (Floats{4, 5, 6}));
  EXPECT_EQ(x.max(0).to_vector<float>(), (Floats{4, 5, 6}));
  EXPECT_EQ(amin(x, 0).to_vector<float>(), (Floats{1, 2, 3}));
  EXPECT_EQ(x.min().item(), 1);
  EXPECT_EQ(x.mean(1, true).shape(), Shape({2, 1}));
  EXPECT_EQ(x.prod().item(), 720);
  EXPECT_EQ(x.sum().item(), 21);
  EXPECT_TRUE(all(x > 0).item<bool>());
  EXPECT_FALSE(any(x > 6).item<bool>());
  EXPECT_EQ(argmax(x, 1).to_vector<int>(), (std::vector<int>{2, 2}));
  EXPECT_EQ(argmin(x, -2).to_vector<int>(), (std::vector<int>{0, 0, 0}));
  EXPECT_EQ(cumsum(x, 1).to_vector<float>(), (Floats{1, 3, 6, 4, 9, 15}));
}

TEST_F(ReductionTest, PlacesOfExtremes) {
  EXPECT_EQ(argmax(x).item<int>(), 5);
  EXPECT_EQ(argmax(x).type().to_string(), "i64[]");
  EXPECT_EQ(argmin(x, {}, true).shape(), Shape({1, 1}));
  EXPECT_EQ(argmax(x, -1, true).shape(), Shape({2, 1}));
  EXPECT_EQ(argmax(x > 4).item<int>(), 4);
  EXPECT_EQ(cumsum(x).to_vector<float>(), (Floats{1, 3, 6, 10, 15, 21}));
  EXPECT_EQ(cumsum(x > 2, 0).to_vector<int>(), (std::vector<int>{0, 0, 1, 1, 1, 2}));
  EXPECT_THROW(argmax(x, 2), ShapeError);
  EXPECT_THROW(cumsum(x, -3), ShapeError);
}

// 70,000 elements: neither their sum nor their number is an f16.
TEST_F(ReductionTest, MeanOfManyHalves) {
  for (const DType dtype : {DType::kF16, DType::kBF16}) {
    const Tensor ones = broadcast_to(Tensor({1}, {.dtype = dtype}), {70'000});
    EXPECT_EQ(mean(ones).dtype(), dtype);
    EXPECT_EQ(mean(ones).item(), 1);
  }
}

TEST_F(ReductionTest, IntegersAndBools) {
  const Tensor i({1, 2}, {.dtype = DType::kI32});
  EXPECT_EQ(sum(i).dtype(), DType::kI32);
  EXPECT_EQ(mean(i).item(), 1.5);
  EXPECT_EQ(sum(x > 2).item<int>(), 4);
  EXPECT_EQ(mean(x > 2).item(), 4 / 6.f);
  EXPECT_THROW(all(x), DTypeError);
  EXPECT_TRUE(amax(x > 5).item<bool>());
  EXPECT_FALSE(amin(x > 1).item<bool>());
}

TEST_F(ReductionTest, Softmax) {
  EXPECT_EQ(softmax(Tensor({1000, 10000, 100})).to_string(), "[0. 1. 0.]");
  EXPECT_EQ(softmax(x).op(), "softmax");
  EXPECT_NEAR(sum(softmax(x, 0), 0).to_vector<float>()[1], 1, 1e-6);
  EXPECT_EQ(log_softmax(Tensor({1000, 0})).to_vector<float>(), (Floats{0, -1000}));
  EXPECT_EQ(logsumexp(Tensor({1000, 0})).item(), 1000);
  EXPECT_EQ(logsumexp(x, 1, true).shape(), Shape({2, 1}));
  EXPECT_EQ(softmax(Tensor({0, 0}, {.dtype = DType::kI32})).to_vector<float>(), (Floats{0.5, 0.5}));
}

// As the lecture writes it; what is done about its overflow is the compiler's business.
TEST_F(ReductionTest, NaiveSoftmaxIsWhatIsWritten) {
  const auto naive = [](const Tensor& logits) {
    const Tensor z = exp(logits);
    return z / sum(z);
  };
  EXPECT_EQ(naive(Tensor({0, 0})).to_string(), "[0.5 0.5]");
}

}  // namespace
}  // namespace ndl
