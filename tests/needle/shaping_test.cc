#include "needle/shaping.h"

#include <gtest/gtest.h>

#include "needle/needle.h"

namespace ndl {
namespace {

using Floats = std::vector<float>;
using ir::Shape;

class ShapingTest : public testing::Test {
 protected:
  const Tensor x{{1, 2, 3}, {4, 5, 6}};
};

TEST_F(ShapingTest, Reshape) {
  EXPECT_EQ(reshape(x, {3, 2}).to_vector<float>(), (Floats{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(x.reshape({-1}).shape(), Shape({6}));
  EXPECT_EQ(x.reshape({3, -1}).shape(), Shape({3, 2}));
  EXPECT_THROW(x.reshape({4, -1}), ShapeError);
  EXPECT_THROW(x.reshape({-1, -1}), ShapeError);
  EXPECT_THROW(x.reshape({7}), ShapeError);
  EXPECT_EQ(squeeze(Tensor({1, 2}, {1, 2, 1})).shape(), Shape({2}));
  EXPECT_EQ(squeeze(Tensor({1, 2}, {1, 2, 1}), -1).shape(), Shape({1, 2}));
  EXPECT_THROW(squeeze(x, 0), ShapeError);
  EXPECT_EQ(expand_dims(x, -1).shape(), Shape({2, 3, 1}));
  EXPECT_EQ(expand_dims(x, 0).shape(), Shape({1, 2, 3}));
}

TEST_F(ShapingTest, BroadcastTo) {
  EXPECT_EQ(broadcast_to(Tensor({1, 2}), {2, 2}).to_vector<float>(), (Floats{1, 2, 1, 2}));
  EXPECT_EQ(broadcast_to(3, {2}).to_vector<int>(), (std::vector<int>{3, 3}));
  EXPECT_EQ(broadcast_to(1.5, {2}).to_vector<float>(), (Floats{1.5, 1.5}));
  EXPECT_THROW(x.broadcast_to({3, 2}), ShapeError);
}

TEST_F(ShapingTest, Transpose) {
  EXPECT_EQ(x.transpose().to_vector<float>(), (Floats{1, 4, 2, 5, 3, 6}));
  const Tensor cube = reshape(arange(24), {2, 3, 4});
  EXPECT_EQ(cube.transpose().shape(), Shape({2, 4, 3}));
  EXPECT_EQ(cube.transpose({2, 0, 1}).shape(), Shape({4, 2, 3}));
  EXPECT_EQ(cube.transpose({-1, 0, 1}).shape(), Shape({4, 2, 3}));
  EXPECT_EQ(swap_axes(cube, 0, -1).shape(), Shape({4, 3, 2}));
  EXPECT_THROW(cube.transpose({0, 0, 1}), ShapeError);
  EXPECT_THROW(transpose(Tensor({1})), ShapeError);
}

TEST_F(ShapingTest, FlipSliceAndPad) {
  EXPECT_EQ(flip(x).to_vector<float>(), (Floats{6, 5, 4, 3, 2, 1}));
  EXPECT_EQ(flip(x, -1).to_vector<float>(), (Floats{3, 2, 1, 6, 5, 4}));
  EXPECT_EQ(slice(x, {0, 1}, {2, 3}).to_vector<float>(), (Floats{2, 3, 5, 6}));
  EXPECT_EQ(slice(x, {0, 0}, {2, 3}, {1, 2}).to_vector<float>(), (Floats{1, 3, 4, 6}));
  EXPECT_THROW(slice(x, {0, 0}, {2, 4}), ShapeError);
  EXPECT_EQ(pad(Tensor({1, 2}), 0, {1}, {0}, {1}).to_vector<float>(), (Floats{0, 1, 0, 2}));
  EXPECT_EQ(pad(Tensor({1}), 7.5, {0}, {1}).to_vector<float>(), (Floats{1, 7.5}));
}

TEST_F(ShapingTest, AsType) {
  EXPECT_EQ(x.astype(DType::kI64).dtype(), DType::kI64);
  EXPECT_EQ(x.astype(DType::kI64).op(), "convert");
  EXPECT_TRUE(x.astype(DType::kF32).is(x));
}

TEST_F(ShapingTest, ConcatenateAndStack) {
  const Tensor i({7, 8, 9}, {.dtype = DType::kI32});
  EXPECT_EQ(concatenate({x, reshape(i, {1, 3})}).to_vector<float>(),
            (Floats{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(concatenate({x, x}, -1).shape(), Shape({2, 6}));
  EXPECT_THROW(concatenate({x, i}), ShapeError);
  EXPECT_THROW(concatenate({x}, 2), ShapeError);
  EXPECT_EQ(stack({i, i}).shape(), Shape({2, 3}));
  EXPECT_EQ(stack({i, i}, -1).to_vector<int>(), (std::vector<int>{7, 7, 8, 8, 9, 9}));
  EXPECT_EQ(stack({i, i}).op(), "stack");
  EXPECT_EQ(stack({i, Tensor({1, 2, 3})}).dtype(), DType::kF32);
}

TEST_F(ShapingTest, Split) {
  const TensorTuple parts = split(x, -1);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[1].to_vector<float>(), (Floats{2, 5}));
  EXPECT_EQ(parts.tensors()[2].to_vector<float>(), (Floats{3, 6}));
  EXPECT_EQ(stack(parts.tensors(), -1).to_vector<float>(), x.to_vector<float>());
}

TEST_F(ShapingTest, Take) {
  const Tensor indices({1, 0, 1}, {.dtype = DType::kI32});
  EXPECT_EQ(take(x, indices).to_vector<float>(), (Floats{4, 5, 6, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(take(x, 1, -1).to_vector<float>(), (Floats{2, 5}));
  EXPECT_EQ(gather(x, Tensor({2, 0}, {.dtype = DType::kI64}), 1, 1).to_vector<float>(),
            (Floats{3, 4}));
  EXPECT_THROW(take(x, 5).realize(), IndexError);
  EXPECT_THROW(take(x, x), DTypeError);
}

TEST_F(ShapingTest, Matmul) {
  EXPECT_EQ(matmul(x, x.transpose()).to_vector<float>(), (Floats{14, 32, 32, 77}));
  const Tensor v({1, 0, -1});
  EXPECT_EQ(matmul(x, v).to_vector<float>(), (Floats{-2, -2}));
  EXPECT_EQ(matmul(v, x.transpose()).shape(), Shape({2}));
  EXPECT_EQ(matmul(v, v).item(), 2);
  EXPECT_EQ(matmul(x, v).dtype(), DType::kF32);
  EXPECT_EQ(matmul(x, v.astype(DType::kI32)).dtype(), DType::kF32);
  EXPECT_EQ(matmul(broadcast_to(x, {4, 2, 3}), x.transpose()).shape(), Shape({4, 2, 2}));
  EXPECT_THROW(matmul(x, x), ShapeError);
  EXPECT_THROW(matmul(x, 2), ShapeError);
}

TEST_F(ShapingTest, ErrorsNameTheLineOfTheCall) {
  const int line = std::source_location::current().line() + 2;
  try {
    x.reshape({5});
    FAIL();
  } catch (const ShapeError& error) {
    EXPECT_EQ(error.diagnostic().location.line, line);
  }
}

}  // namespace
}  // namespace ndl
