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
  EXPECT_THROW(pad(arange(2), 7.5, {0}, {1}), DTypeError);
  EXPECT_THROW(pad(x, 0, {0}, {1}), ShapeError);
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

TEST_F(ShapingTest, IotaAndBitcast) {
  EXPECT_EQ(iota({2, 3}, -1).to_vector<int>(), (std::vector<int>{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(arange(3, DType::kF32).to_vector<float>(), (Floats{0, 1, 2}));
  EXPECT_EQ(arange(0).shape(), Shape({0}));
  EXPECT_THROW(iota({2}, 1), ShapeError);
  EXPECT_EQ(bitcast(Tensor({1}), DType::kI32).item<int>(), 0x3f800000);
  EXPECT_THROW(bitcast(x, DType::kF64), DTypeError);
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

// f throws an E with that message and the line after `line`.
template <class E, class F>
void expect_error(int line, const std::string& message, F&& f) {
  try {
    f();
    ADD_FAILURE() << message;
  } catch (const E& error) {
    EXPECT_EQ(error.message(), message);
    EXPECT_EQ(error.diagnostic().location.line, line + 1) << message;
    EXPECT_NE(error.diagnostic().location.file.find("shaping_test.cc"), std::string::npos);
  }
}

TEST_F(ShapingTest, ErrorsNameTheLineOfTheCall) {
  const auto here = [](const std::source_location& at = std::source_location::current()) {
    return static_cast<int>(at.line());
  };
  expect_error<ShapeError>(here(), "reshape: f32[2,3] has 6 elements and f32[5] has 5",
                           [&] { x.reshape({5}); });
  expect_error<ShapeError>(here(), "reshape: shape [-2] has the negative extent -2",
                           [&] { x.reshape({-2}); });
  expect_error<ShapeError>(here(), "reshape: shape [1,-1] has the negative extent -1",
                           [&] { reshape(x, {-1, -1}); });
  expect_error<ShapeError>(here(), "arange: shape [-1] has the negative extent -1",
                           [&] { arange(-1); });
  const std::vector<Tensor> none;
  expect_error<ShapeError>(here(), "concatenate: takes at least 1 operand, got 0",
                           [&] { concatenate(none); });
  expect_error<ShapeError>(here(), "stack: takes at least 1 operand, got 0",
                           [&] { stack(none, 0); });
  const Tensor wide = broadcast_to(Tensor({1}), {std::int64_t{1} << 32, 1});
  const Tensor deep = broadcast_to(Tensor({1}), {1, std::int64_t{1} << 32});
  const char* const message =
      "add: shape [4294967296,4294967296] is too large: its size in bytes does not fit 63 bits";
  const int before = here();
  expect_error<ShapeError>(before, message, [&] { wide + deep; });
}

}  // namespace
}  // namespace ndl
