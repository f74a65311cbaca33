// Expected values are those of numpy.
#include "needle/index.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <source_location>

#include "codegen/counters.h"
#include "ir/printer.h"
#include "needle/needle.h"

namespace ndl {
namespace {

using Ints = std::vector<int>;
using ir::Shape;

class IndexTest : public testing::Test {
 protected:
  const Tensor v = arange(6);
  const Tensor x = reshape(arange(24), {2, 3, 4});
};

TEST_F(IndexTest, Integers) {
  EXPECT_EQ(v[2].item<int>(), 2);
  EXPECT_EQ(v[2].shape(), Shape({}));
  EXPECT_EQ(v[-1].item<int>(), 5);
  EXPECT_EQ(x[1].shape(), Shape({3, 4}));
  EXPECT_EQ(x[1][-1][0].item<int>(), 20);
  EXPECT_EQ((x[{1, -1, 0}].item<int>()), 20);
  EXPECT_EQ((x[{0, 2}].to_vector<int>()), (Ints{8, 9, 10, 11}));
  const std::size_t i = 1;
  EXPECT_EQ(v[i].item<int>(), 1);
}

TEST_F(IndexTest, Ranges) {
  EXPECT_EQ((v[Range{1, 3}].to_vector<int>()), (Ints{1, 2}));
  EXPECT_EQ((v[Range{-2}].to_vector<int>()), (Ints{4, 5}));
  EXPECT_EQ((v[Range{.stop = -4}].to_vector<int>()), (Ints{0, 1}));
  EXPECT_EQ((v[Range{.step = 2}].to_vector<int>()), (Ints{0, 2, 4}));
  EXPECT_EQ((v[Range{1, 100, 3}].to_vector<int>()), (Ints{1, 4}));
  EXPECT_EQ((v[Range{4, 2}].shape()), Shape({0}));
  EXPECT_EQ((v[Range{100}].shape()), Shape({0}));
  EXPECT_EQ((v[Range{-100, 2}].to_vector<int>()), (Ints{0, 1}));
  EXPECT_EQ((x[{kAll, Range{1, 2}, 3}].to_vector<int>()), (Ints{7, 19}));
  EXPECT_EQ((x[{kAll, Range{1, 2}, 3}].shape()), Shape({2, 1}));
}

TEST_F(IndexTest, BackwardRanges) {
  EXPECT_EQ((v[Range{.step = -1}].to_vector<int>()), (Ints{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ((v[Range{.step = -2}].to_vector<int>()), (Ints{5, 3, 1}));
  EXPECT_EQ((v[Range{4, 1, -2}].to_vector<int>()), (Ints{4, 2}));
  EXPECT_EQ((v[Range{4, -100, -3}].to_vector<int>()), (Ints{4, 1}));
  EXPECT_EQ((v[Range{100, 4, -1}].to_vector<int>()), (Ints{5}));
  EXPECT_EQ((v[Range{1, 4, -1}].shape()), Shape({0}));
  EXPECT_EQ((x[{1, Range{.step = -1}, 0}].to_vector<int>()), (Ints{20, 16, 12}));
}

// Every range over short axes, against a loop that does what Python's does.
TEST_F(IndexTest, EveryRange) {
  const auto cut = [](std::int64_t at, std::int64_t extent, std::int64_t step) {
    if (at < 0) at += extent;
    return step > 0 ? std::clamp<std::int64_t>(at, 0, extent)
                    : std::clamp<std::int64_t>(at, -1, extent - 1);
  };
  for (int extent = 0; extent < 4; ++extent) {
    const Tensor row = arange(extent);
    for (int start = -5; start <= 5; ++start) {
      for (int stop = -5; stop <= 5; ++stop) {
        for (const int step : {-5, -2, -1, 1, 2, 5}) {
          Ints expected;
          const std::int64_t end = cut(stop, extent, step);
          for (std::int64_t i = cut(start, extent, step); step > 0 ? i < end : i > end; i += step) {
            expected.push_back(static_cast<int>(i));
          }
          const Tensor part = row[Range{start, stop, step}];
          EXPECT_EQ(part.to_vector<int>(), expected) << start << ":" << stop << ":" << step;
        }
      }
    }
  }
}

TEST_F(IndexTest, ExtremeRanges) {
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ((v[Range{kLeast, kMost, kMost}].to_vector<int>()), (Ints{0}));
  EXPECT_EQ((v[Range{kMost, kLeast, kLeast}].to_vector<int>()), (Ints{5}));
}

TEST_F(IndexTest, NewAxesAndEllipses) {
  EXPECT_EQ(v[kNewAxis].shape(), Shape({1, 6}));
  EXPECT_EQ((v[{kAll, kNewAxis}].shape()), Shape({6, 1}));
  EXPECT_EQ((x[{kEllipsis, 1}].to_vector<int>()), (Ints{1, 5, 9, 13, 17, 21}));
  EXPECT_EQ((x[{0, kEllipsis, kNewAxis}].shape()), Shape({3, 4, 1}));
  EXPECT_EQ((x[{kNewAxis, 0, kAll, 0, kEllipsis}].shape()), Shape({1, 3}));
  EXPECT_EQ(Tensor::scalar(3)[kNewAxis].shape(), Shape({1}));
}

TEST_F(IndexTest, WhatChangesNothingIsTheTensor) {
  EXPECT_TRUE(x[kAll].is(x));
  EXPECT_TRUE(x[kEllipsis].is(x));
  EXPECT_TRUE((x[{Range{0, 2}, Range{.step = 1}}].is(x)));
}

TEST_F(IndexTest, ALoopOverPlacesCompilesOnce) {
  const Tensor data = reshape(arange(60, DType::kF32), {12, 5});
  const auto batch = [&](int i) { return sum(data[Range{i * 3, i * 3 + 3}] * 2).item(); };
  EXPECT_EQ(batch(0), 210);
  const std::int64_t before = codegen::compile_counters().programs_compiled;
  EXPECT_EQ(batch(1), 660);
  EXPECT_EQ(batch(2), 1110);
  EXPECT_EQ(batch(3), 1560);
  EXPECT_EQ(codegen::compile_counters().programs_compiled, before);
}

TEST_F(IndexTest, InATracePlacesAreConstants) {
  const ir::Graph graph = trace([](Tensor y) { return y[{1, Range{.start = 1}}]; }, x);
  EXPECT_EQ(ir::print(graph),
            "needle 1\n\n"
            "graph main(%0: i32[2,3,4]) -> i32[2,4] {\n"
            "  %1 = slice(%0, start=[1, 1, 0], limit=[2, 3, 4]) : i32[1,2,4]\n"
            "  %2 = reshape(%1) : i32[2,4]\n"
            "  return %2\n"
            "}\n");
}

TEST_F(IndexTest, ErrorsNameTheLine) {
  const auto expect_error = [&]<class E>(std::type_identity<E>, const Indices& indices,
                                         const char* message, int line) {
    try {
      static_cast<void>(x[indices]);
      ADD_FAILURE() << message;
    } catch (const E& error) {
      EXPECT_EQ(error.message(), message);
      EXPECT_EQ(error.diagnostic().location.line, line);
    }
  };
  const auto here = [](const std::source_location& at = std::source_location::current()) {
    return static_cast<int>(at.line());
  };
  constexpr std::type_identity<IndexError> kIndex;
  constexpr std::type_identity<ShapeError> kShape;
  expect_error(kIndex, 2, "[]: index 2 is out of range for axis 0 of extent 2", here());
  expect_error(kIndex, {0, -4}, "[]: index -4 is out of range for axis 1 of extent 3", here());
  expect_error(kShape, {0, 0, 0, 0}, "[]: too many indices for the shape [2,3,4]", here());
  expect_error(kShape, {kEllipsis, kEllipsis}, "[]: more than one ellipsis", here());
  expect_error(kShape, Range{.step = 0}, "[]: the step of a range is 0", here());
  EXPECT_THROW(Tensor::scalar(1)[0], ShapeError);
}

}  // namespace
}  // namespace ndl
