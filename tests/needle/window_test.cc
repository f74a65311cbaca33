#include "needle/window.h"

#include <gtest/gtest.h>

#include "needle/needle.h"

namespace ndl {
namespace {

using Floats = std::vector<float>;
using ir::ReduceKind;
using ir::Shape;

TEST(Window, Conv) {
  const Tensor x = reshape(arange(16, DType::kF32), {1, 4, 4, 1});
  const Tensor kernel({1, 0, 0, -1}, {2, 2, 1, 1});
  const Tensor y = conv(x, kernel);
  EXPECT_EQ(y.shape(), Shape({1, 3, 3, 1}));
  EXPECT_EQ(y.to_vector<float>(), Floats(9, -5));
  EXPECT_EQ(conv(x, kernel, {.stride = {2, 2}}).shape(), Shape({1, 2, 2, 1}));
  EXPECT_EQ(conv(x, kernel, {.low = {1, 1}, .high = {1, 1}}).shape(), Shape({1, 5, 5, 1}));
  EXPECT_EQ(conv(x, kernel, {.dilation = {3, 3}}).to_vector<float>(), Floats{-15});
  EXPECT_EQ(conv(x, kernel, {.base_dilation = {2, 2}}).shape(), Shape({1, 6, 6, 1}));
  EXPECT_EQ(conv(x.astype(DType::kI32), kernel).dtype(), DType::kF32);
  const Tensor two = reshape(arange(8, DType::kF32), {1, 2, 2, 2});
  EXPECT_EQ(conv(two, Tensor({1, 10}, {1, 1, 1, 2}), {.groups = 2}).to_vector<float>(),
            (Floats{0, 10, 2, 30, 4, 50, 6, 70}));
  EXPECT_THROW(conv(x, two), ShapeError);
  EXPECT_THROW(conv(x, kernel, {.stride = {0, 1}}), ShapeError);
  EXPECT_THROW(conv(x, kernel, {.stride = {1}}), ShapeError);
}

TEST(Window, Reduce) {
  const Tensor x({{1, 5, 2}, {4, 3, 6}});
  EXPECT_EQ(reduce_window(x, ReduceKind::kMax, {2, 2}).to_vector<float>(), (Floats{5, 6}));
  EXPECT_EQ(reduce_window(x, ReduceKind::kSum, {1, 2}, {.stride = {1, 2}}).to_vector<float>(),
            (Floats{6, 7}));
  EXPECT_EQ(reduce_window(x, ReduceKind::kMin, {1, 3}, {.low = {0, 1}, .high = {0, 1}})
                .to_vector<float>(),
            (Floats{1, 1, 2, 3, 3, 3}));
  EXPECT_EQ(reduce_window(x, ReduceKind::kProd, {1, 2}, {.dilation = {1, 2}}).to_vector<float>(),
            (Floats{2, 24}));
  EXPECT_EQ(reduce_window(x, ReduceKind::kMax, {3, 1}).shape(), Shape({0, 3}));
  EXPECT_THROW(reduce_window(x, ReduceKind::kMax, {1}), ShapeError);
}

}  // namespace
}  // namespace ndl
