// Gather, scatter, sort and the indices of extrema, against a formula for each element.
#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "tests/ir/evaluate_op.h"

namespace ndl::ir::test {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct IndexCase {
  Shape x;
  Shape indices;
  std::int64_t axis;
  std::int64_t batch_dims;

  Attributes attributes() const { return {{Attr::kAxis, axis}, {Attr::kBatchDims, batch_dims}}; }
  std::int64_t extent() const { return x[static_cast<std::size_t>(axis)]; }
  Shape gathered() const {
    Dims dims(x.begin(), x.begin() + axis);
    dims.insert(dims.end(), indices.begin() + batch_dims, indices.end());
    dims.insert(dims.end(), x.begin() + axis + 1, x.end());
    return Shape(dims);
  }
  // The index into x that an index of the gathered array stands for.
  Dims source(const Literal& data, const Dims& index) const {
    const auto count = static_cast<std::ptrdiff_t>(indices.rank()) - batch_dims;
    Dims at(index.begin(), index.begin() + batch_dims);
    at.insert(at.end(), index.begin() + axis, index.begin() + axis + count);
    Dims from(index.begin(), index.begin() + axis);
    from.push_back(std::int64_t(data.as_double(position_of(indices, at))));
    from.insert(from.end(), index.begin() + axis + count, index.end());
    return from;
  }
};

const IndexCase kIndexCases[] = {
    {{5}, {}, 0, 0},        {{5}, {3}, 0, 0},          {{5}, {0}, 0, 0},
    {{0}, {0}, 0, 0},       {{4, 3}, {2, 3}, 0, 0},    {{4, 3}, {6}, 1, 0},
    {{4, 0}, {2}, 0, 0},    {{3, 4}, {3, 2}, 1, 1},    {{2, 3, 4, 2}, {2, 5}, 2, 1},
    {{2, 3, 4}, {2}, 2, 1}, {{2, 3, 4}, {2, 3}, 2, 2}, {{2, 2, 3, 2}, {2, 2}, 1, 0},
};

TEST(EvaluateIndexTest, Gather) {
  for (const DType dtype : dtypes_in(kAllDTypes)) {
    for (const IndexCase& c : kIndexCases) {
      for (const DType index_dtype : {DType::kI32, DType::kI64}) {
        const Literal x = random_bits(dtype, c.x);
        const auto last = static_cast<int>(std::max<std::int64_t>(c.extent() - 1, 0));
        const Literal at = random_numbers(index_dtype, c.indices, 0, last);
        const Literal y = evaluate_one(Op::kGather, {x, at}, c.attributes());
        for (const Dims& index : indices_of(y.shape())) {
          EXPECT_TRUE(same_element(y, position_of(y.shape(), index), x,
                                   position_of(x.shape(), c.source(at, index))));
        }
      }
    }
  }
}

TEST(EvaluateIndexTest, ScatterAdd) {
  for (const DType dtype : dtypes_in(kNumeric)) {
    for (const IndexCase& c : kIndexCases) {
      const Literal x = random_numbers(dtype, c.x, dtype == DType::kU8 ? 0 : -8);
      const Literal updates = random_numbers(dtype, c.gathered(), dtype == DType::kU8 ? 0 : -8);
      const auto last = static_cast<int>(std::max<std::int64_t>(c.extent() - 1, 0));
      const Literal at = random_numbers(DType::kI64, c.indices, 0, last);
      const Literal y = evaluate_one(Op::kScatterAdd, {x, at, updates}, c.attributes());
      std::vector<double> sums;
      for (std::int64_t i = 0; i < x.size(); ++i) sums.push_back(x.as_double(i));
      for (const Dims& index : indices_of(updates.shape())) {
        sums[static_cast<std::size_t>(position_of(x.shape(), c.source(at, index)))] +=
            updates.as_double(position_of(updates.shape(), index));
      }
      for (std::int64_t i = 0; i < y.size(); ++i) {
        EXPECT_EQ(y.as_double(i), sums[static_cast<std::size_t>(i)]);
      }
    }
  }
}

TEST(EvaluateIndexTest, ScatterAddKeepsOrderAndRoundsOnce) {
  const Attributes axis{{Attr::kAxis, std::int64_t{0}}};
  const Literal at = vector_of<std::int32_t>({0, 0, 0});
  EXPECT_EQ(
      evaluate_one(Op::kScatterAdd,
                   {vector_of<float>({1, -0.0F}), at, vector_of<float>({1e20F, -1e20F, 1})}, axis),
      vector_of<float>({1, -0.0F}));
  // 2048 + 0.5 + 0.5 is 2048 when each sum is rounded to f16, and 2050 is next.
  const auto half = [](float x) { return Float16::from(x); };
  EXPECT_EQ(evaluate_one(
                Op::kScatterAdd,
                {vector_of({half(2048)}), at, vector_of({half(0.5), half(0.5), half(0.5)})}, axis),
            vector_of({half(2050)}));
  EXPECT_EQ(
      evaluate_one(Op::kScatterAdd,
                   {vector_of<std::int8_t>({127}), at, vector_of<std::int8_t>({1, 1, 1})}, axis),
      vector_of<std::int8_t>({-126}));
}

std::string index_error(Op op, const std::vector<Literal>& operands, const Attributes& attributes) {
  try {
    evaluate_op(op, operands, attributes);
  } catch (const IndexError& error) {
    return error.message();
  }
  return "";
}

TEST(EvaluateIndexTest, IndexOutOfRange) {
  const Literal x = random_bits(DType::kF32, {5, 2});
  const Attributes axis{{Attr::kAxis, std::int64_t{0}}};
  EXPECT_EQ(index_error(Op::kGather, {x, vector_of<std::int32_t>({4, 0, 1, 7, -1})}, axis),
            "gather: index 7 at position 3 is out of range for axis 0 of extent 5");
  EXPECT_EQ(index_error(Op::kGather, {x, vector_of<std::int64_t>({4, -1, 5})}, axis),
            "gather: index -1 at position 1 is out of range for axis 0 of extent 5");
  EXPECT_EQ(index_error(Op::kScatterAdd,
                        {x, vector_of<std::int64_t>({5}), random_bits(DType::kF32, {1, 2})}, axis),
            "scatter_add: index 5 at position 0 is out of range for axis 0 of extent 5");
  // Also where nothing would be read, and past the first batch.
  EXPECT_EQ(
      index_error(Op::kGather, {random_bits(DType::kF32, {0}), vector_of<std::int64_t>({0})}, axis),
      "gather: index 0 at position 0 is out of range for axis 0 of extent 0");
  EXPECT_EQ(index_error(Op::kGather,
                        {random_bits(DType::kF32, {2, 3}),
                         Literal::dense<std::int64_t>({2, 2}, {0, 2, 1, 3})},
                        {{Attr::kAxis, std::int64_t{1}}, {Attr::kBatchDims, std::int64_t{1}}}),
            "gather: index 3 at position 3 is out of range for axis 1 of extent 3");
}

// The lines of x along an axis: the positions of their elements.
std::vector<std::vector<std::int64_t>> lines_of(const Shape& shape, std::size_t axis) {
  std::vector<std::vector<std::int64_t>> lines;
  for (Dims index : indices_of(shape)) {
    if (index[axis] != 0) continue;
    lines.emplace_back();
    for (; index[axis] < shape[axis]; ++index[axis]) {
      lines.back().push_back(position_of(shape, index));
    }
  }
  return lines;
}

// Few values, so that many are equal, and a NaN now and then.
Literal with_ties(DType dtype, const Shape& shape) {
  Literal x = random_numbers(dtype, shape, 0, dtype == DType::kBool ? 1 : 2, 7);
  const double specials[] = {kNan, -0.0, 0.0, kInfinity, -kInfinity};
  for (std::int64_t i = 0; is_float(dtype) && i < x.size(); ++i) {
    if (i % 3 == 0) continue;
    visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
      x.mutable_data<T>()[i] = math::convert_element<T>(specials[i % 5]);
    });
  }
  return x;
}

const Shape kShapes[] = {{1}, {9}, {0}, {4, 5}, {3, 0}, {2, 7, 3}, {2, 3, 2, 4}};

TEST(EvaluateIndexTest, Argmax) {
  for (const DType dtype : dtypes_in(kNumeric)) {
    for (const Shape& shape : kShapes) {
      const Literal x = with_ties(dtype, shape);
      for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
        if (shape[axis] == 0) continue;
        const Attributes attributes{{Attr::kAxis, static_cast<std::int64_t>(axis)}};
        const Literal largest = evaluate_one(Op::kArgmax, {x}, attributes);
        const Literal smallest = evaluate_one(Op::kArgmin, {x}, attributes);
        std::int64_t at = 0;
        for (const auto& line : lines_of(shape, axis)) {
          const auto value = [&](std::int64_t i) { return x.as_double(i); };
          const auto nan = std::ranges::find_if(line, [](double v) { return v != v; }, value);
          const bool has_nan = nan != line.end();
          const auto max = has_nan ? nan : std::ranges::max_element(line, {}, value);
          const auto min = has_nan ? nan : std::ranges::min_element(line, {}, value);
          EXPECT_EQ(largest.at<std::int64_t>(at), max - line.begin());
          EXPECT_EQ(smallest.at<std::int64_t>(at++), min - line.begin());
        }
        EXPECT_EQ(at, largest.size());
      }
    }
  }
}

TEST(EvaluateIndexTest, ExtremaOfLargeIntegers) {
  constexpr std::int64_t kHigh = std::numeric_limits<std::int64_t>::max();
  const Literal x = vector_of<std::int64_t>({kHigh - 1, kHigh, -kHigh, -kHigh - 1});
  const Attributes axis{{Attr::kAxis, std::int64_t{0}}};
  EXPECT_EQ(evaluate_one(Op::kArgmax, {x}, axis).at<std::int64_t>(0), 1);
  EXPECT_EQ(evaluate_one(Op::kArgmin, {x}, axis).at<std::int64_t>(0), 3);
  EXPECT_EQ(evaluate_one(Op::kSort, {x}, axis),
            vector_of<std::int64_t>({-kHigh - 1, -kHigh, kHigh - 1, kHigh}));
}

TEST(EvaluateIndexTest, Sort) {
  for (const DType dtype : dtypes_in(kAllDTypes)) {
    for (const Shape& shape : kShapes) {
      const Literal keys = with_ties(dtype, shape);
      const Literal bits = random_bits(DType::kF16, shape);
      for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
        for (const bool descending : {false, true}) {
          const Attributes attributes{{Attr::kAxis, static_cast<std::int64_t>(axis)},
                                      {Attr::kDescending, std::int64_t{descending}}};
          const auto sorted = evaluate_op(Op::kSort, {keys, bits}, attributes);
          EXPECT_EQ(evaluate_one(Op::kSort, {keys}, attributes), sorted[0]);
          for (const auto& line : lines_of(shape, axis)) {
            std::vector<std::int64_t> order = line;
            // NaN beyond every number; equal ones by position.
            std::ranges::sort(order, {}, [&](std::int64_t i) {
              const double key = keys.as_double(i);
              return std::tuple(key != key, key != key ? 0 : descending ? -key : key, i);
            });
            for (std::size_t i = 0; i < line.size(); ++i) {
              EXPECT_TRUE(same_element(sorted[0], line[i], keys, order[i]));
              EXPECT_TRUE(same_element(sorted[1], line[i], bits, order[i]));
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace ndl::ir::test
