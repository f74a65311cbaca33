#include "needle/indexing.h"

#include <gtest/gtest.h>

#include "needle/needle.h"

namespace ndl {
namespace {

using Floats = std::vector<float>;
using ir::Shape;

class IndexingTest : public testing::Test {
 protected:
  static Tensor indices(std::initializer_list<float> values) {
    return Tensor(values, {.dtype = DType::kI32});
  }

  const Tensor x{{1, 2, 3}, {4, 5, 6}};
};

TEST_F(IndexingTest, Take) {
  const Tensor indices({1, 0, 1}, {.dtype = DType::kI32});
  EXPECT_EQ(take(x, indices).to_vector<float>(), (Floats{4, 5, 6, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(take(x, 1, -1).to_vector<float>(), (Floats{2, 5}));
  EXPECT_EQ(gather(x, Tensor({2, 0}, {.dtype = DType::kI64}), 1, 1).to_vector<float>(),
            (Floats{3, 4}));
  EXPECT_THROW(take(x, 5).realize(), IndexError);
  EXPECT_THROW(take(x, x), DTypeError);
}

TEST_F(IndexingTest, ScatterAdd) {
  EXPECT_EQ(
      scatter_add(Tensor({1, 2, 3}), indices({2, 0, 2}), Tensor({10, 20, 30})).to_vector<float>(),
      (Floats{21, 2, 43}));
  EXPECT_EQ(scatter_add(x, 1, Tensor({10, 20}), -1).to_vector<float>(),
            (Floats{1, 12, 3, 4, 25, 6}));
  EXPECT_EQ(scatter_add(Tensor({1, 2}), 0, 5).to_vector<float>(), (Floats{6, 2}));
  EXPECT_EQ(scatter_add(x, indices({2, 0}), Tensor({10, 20}), 1, 1).to_vector<float>(),
            (Floats{1, 2, 13, 24, 5, 6}));
  EXPECT_THROW(scatter_add(x, 1, Tensor({10, 20})), ShapeError);
  EXPECT_THROW(scatter_add(x, 7, Tensor({1, 2, 3})).realize(), IndexError);
}

TEST_F(IndexingTest, Windows) {
  EXPECT_EQ(dynamic_slice(x, indices({0, 1}), {2, 2}).to_vector<float>(), (Floats{2, 3, 5, 6}));
  EXPECT_EQ(dynamic_update_slice(x, Tensor({{0, 9}}), indices({1, 1})).to_vector<float>(),
            (Floats{1, 2, 3, 4, 0, 9}));
  EXPECT_THROW(dynamic_slice(x, indices({0, 1}), {2, 4}), ShapeError);
  EXPECT_THROW(dynamic_slice(x, indices({0}), {2, 2}), ShapeError);
  EXPECT_THROW(dynamic_slice(x, indices({0, 2}), {2, 2}).realize(), IndexError);
  EXPECT_THROW(
      dynamic_update_slice(x, Tensor({1}, {1, 1}, {.dtype = DType::kF64}), indices({0, 0})),
      DTypeError);
}

TEST_F(IndexingTest, Sort) {
  EXPECT_EQ(sort(x, 0).type().to_string(), "f32[2,3]");
  EXPECT_EQ(sort(x, 0).op(), "sort");
  const TensorTuple both = sort({x, x.astype(DType::kI64)}, -1, true);
  EXPECT_EQ(both.type().to_string(), "(f32[2,3], i64[2,3])");
  EXPECT_TRUE(both.record()->attributes.boolean(ir::Attr::kDescending));
  EXPECT_EQ(both.record()->attributes.integer(ir::Attr::kAxis), 1);
  EXPECT_EQ(sort({x}).size(), 1u);
  EXPECT_EQ(argsort(x).type().to_string(), "i64[2,3]");
  EXPECT_THROW(sort(x, 2), ShapeError);
  EXPECT_THROW(sort({x, Tensor({1})}), ShapeError);
}

// An index out of range: the lowest position, whatever the number of threads, with the line of the
// call; and everything is as it was.
TEST_F(IndexingTest, ErrorsNameTheLowestPositionAndTheLine) {
  std::vector<std::int32_t> many(100'000, 1);
  many[70'001] = -3;
  many[90'000] = 2;
  const Tensor wrong(many);
  Tensor state({1, 2});
  state.set_data(state + 1);
  const int line = std::source_location::current().line() + 1;
  const Tensor y = take(state, wrong);
  for (int attempt = 0; attempt < 3; ++attempt) {
    try {
      realize(y, state);
      FAIL();
    } catch (const IndexError& error) {
      EXPECT_EQ(error.message(),
                "gather: index -3 at position 70001 is out of range for axis 0 of extent 2");
      EXPECT_EQ(error.diagnostic().location.line, line);
      EXPECT_NE(error.diagnostic().location.file.find("indexing_test.cc"), std::string::npos);
    }
  }
  EXPECT_FALSE(state.is_realized());
  EXPECT_EQ(state.to_string(), "[2. 3.]");
}

TEST_F(IndexingTest, ErrorsOfWindowsAndUpdates) {
  const auto message = [](const Tensor& y) {
    try {
      y.realize();
    } catch (const IndexError& error) {
      return error.message();
    }
    return std::string();
  };
  EXPECT_EQ(
      message(dynamic_slice(x, indices({0, 2}), {2, 2})),
      "dynamic_slice: on axis 1 a window of 2 that starts at 2 is not inside the extent of 3");
  EXPECT_EQ(
      message(dynamic_update_slice(x, Tensor({{1, 2}}), indices({-1, 5}))),
      "dynamic_update_slice: on axis 0 a window of 1 that starts at -1 is not inside the extent "
      "of 2");
  EXPECT_EQ(message(scatter_add(x, indices({0, 2, 9}), Tensor({1}).broadcast_to({3, 3}))),
            "scatter_add: index 2 at position 1 is out of range for axis 0 of extent 2");
  EXPECT_EQ(x.to_vector<float>(), (Floats{1, 2, 3, 4, 5, 6}));
}

// Indices that the graph computes, in the middle of other ops.
TEST_F(IndexingTest, ErrorsOfComputedIndices) {
  const Tensor i = indices({0, 1});
  const int line = std::source_location::current().line() + 1;
  const Tensor y = exp(take(x, i * 2)) + 1;
  try {
    y.realize();
    FAIL();
  } catch (const IndexError& error) {
    EXPECT_EQ(error.message(),
              "gather: index 2 at position 1 is out of range for axis 0 of extent 2");
    EXPECT_EQ(error.diagnostic().location.line, line);
  }
}

// The second of two equal graphs runs the code of the first, and names its own line.
TEST_F(IndexingTest, EqualGraphsNameTheirOwnLines) {
  const Tensor table({1, 2, 3});
  const int line = std::source_location::current().line() + 1;
  const Tensor first = take(table, indices({3}));
  const Tensor second = take(table, indices({5}));
  const auto line_of_error = [](const Tensor& y) {
    try {
      y.realize();
    } catch (const IndexError& error) {
      return error.diagnostic().location.line;
    }
    return 0;
  };
  EXPECT_EQ(line_of_error(first), line);
  EXPECT_EQ(line_of_error(second), line + 1);
  EXPECT_EQ(line_of_error(first), line);
}

}  // namespace
}  // namespace ndl
