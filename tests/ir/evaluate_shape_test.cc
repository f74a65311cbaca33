// Ops that make, convert and move data, against a formula for each element.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "ir/math/philox.h"
#include "tests/ir/evaluate_op.h"

namespace ndl::ir::test {
namespace {

// Of ranks 0 to 4, with and without an empty axis.
const Shape kShapes[] = {{}, {1}, {5}, {0}, {3, 4}, {2, 0, 3}, {1, 4, 1}, {2, 3, 4}, {2, 1, 3, 2}};

// The element of x that one index of the result shows, or nothing for what is not from x.
using Source = std::function<std::optional<Dims>(const Dims&)>;

void expect_moved(const Literal& result, const Literal& x, const Source& source,
                  const Literal& other = {}) {
  for (const Dims& index : indices_of(result.shape())) {
    const std::int64_t at = position_of(result.shape(), index);
    const std::optional<Dims> from = source(index);
    const bool same = from ? same_element(result, at, x, position_of(x.shape(), *from))
                           : same_element(result, at, other, 0);
    ASSERT_TRUE(same) << result.type().to_string() << " at " << to_string(index);
  }
}

// f(x) for every dtype and shape.
void for_each_x(const std::function<void(const Literal&)>& f) {
  for (const DType dtype : dtypes_in(kAllDTypes)) {
    for (const Shape& shape : kShapes) f(random_bits(dtype, shape));
  }
}

TEST(EvaluateShapeTest, Iota) {
  for (const DType dtype : dtypes_in(kNumeric)) {
    for (const Shape& shape : kShapes) {
      for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
        const Literal result = evaluate_one(
            Op::kIota, {}, {{Attr::kAxis, static_cast<std::int64_t>(axis)}}, Type(dtype, shape));
        for (const Dims& index : indices_of(shape)) {
          EXPECT_EQ(result.as_double(position_of(shape, index)), double(index[axis]));
        }
      }
    }
  }
  // Wraps as convert does, and rounds: 2049 is a tie in f16.
  const Attributes axis{{Attr::kAxis, std::int64_t{0}}};
  EXPECT_EQ(evaluate_one(Op::kIota, {}, axis, Type(DType::kI8, {300})).as_double(299), 43);
  EXPECT_EQ(evaluate_one(Op::kIota, {}, axis, Type(DType::kF16, {2100})).as_double(2049), 2048);
}

TEST(EvaluateShapeTest, RngBits) {
  const Literal state = vector_of<std::int64_t>({0x0123456789abcdef, -2});
  const auto words = [](std::uint64_t block) {
    const std::uint64_t counter = block - 2;
    return math::philox4x32<std::uint32_t>(
        {std::uint32_t(counter), std::uint32_t(counter >> 32), 0, 0}, {0x89abcdef, 0x01234567});
  };
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{3}, Shape{5, 3}}) {
    const Literal narrow = evaluate_one(Op::kRngBits, {state}, {}, Type(DType::kI32, shape));
    const Literal wide = evaluate_one(Op::kRngBits, {state}, {}, Type(DType::kI64, shape));
    for (std::int64_t i = 0; i < narrow.size(); ++i) {
      const auto index = static_cast<std::size_t>(i);
      EXPECT_EQ(std::uint32_t(narrow.at<std::int32_t>(i)), words(index / 4)[index % 4]);
      const auto block = words(index / 2);
      const std::size_t low = index % 2 * 2;
      EXPECT_EQ(std::uint64_t(wide.at<std::int64_t>(i)),
                block[low] | std::uint64_t{block[low + 1]} << 32);
    }
  }
}

// What a number becomes in a dtype, in long double.
double converted_reference(double x, DType from, DType to) {
  if (to == DType::kBool) return x != 0;
  if (is_float(to)) return x;  // the samples are exact in every float
  const int bits = 8 * static_cast<int>(size_of(to));
  const bool is_signed = to != DType::kU8;
  const long double low = is_signed ? -std::pow(2.0L, bits - 1) : 0;
  const long double high = is_signed ? std::pow(2.0L, bits - 1) - 1 : 255;
  if (is_float(from)) {
    return std::isnan(x) ? 0 : double(std::min(std::max(std::trunc((long double)x), low), high));
  }
  const long double period = std::pow(2.0L, bits);
  return double(x - period * std::floor((x - low) / period));
}

TEST(EvaluateShapeTest, Convert) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double samples[] = {0.0, -0.0, 1, -1, 1.5, -1.5, 100, -128, 127, 0.25, 3.75, 200, -200};
  const double extremes[] = {kInfinity, -kInfinity, std::nan(""), 32768};
  for (const DType from : dtypes_in(kAllDTypes)) {
    for (const DType to : dtypes_in(kAllDTypes)) {
      for (const auto& values :
           {std::span<const double>(samples), std::span<const double>(extremes)}) {
        if (values.data() == extremes && (!is_float(from) || is_half(to))) continue;
        for (const double value : values) {
          const Literal x = Literal::filled({from, {}}, value).dense();
          const Literal y = evaluate_one(Op::kConvert, {x}, {}, Type(to, Shape{}));
          const double want = converted_reference(x.as_double(0), from, to);
          expect_same(y, Literal::filled({to, {}}, want).dense());
        }
      }
    }
  }
  for_each_x([](const Literal& x) {
    expect_same(evaluate_one(Op::kConvert, {x}, {}, Type(x.type())), x);
    EXPECT_EQ(evaluate_one(Op::kConvert, {x}, {}, Type(DType::kF64, x.shape())).size(), x.size());
  });
}

TEST(EvaluateShapeTest, BitcastAndReshapeKeepBits) {
  const Literal ones = vector_of<float>({1.0F, -0.0F});
  EXPECT_EQ(evaluate_one(Op::kBitcast, {ones}, {}, Type(DType::kI32, {2})),
            vector_of<std::int32_t>({0x3f800000, std::numeric_limits<std::int32_t>::min()}));
  for_each_x([](const Literal& x) {
    Dims dims(x.shape().begin(), x.shape().end());
    std::ranges::reverse(dims);
    dims.push_back(1);
    const Literal y = evaluate_one(Op::kReshape, {x}, {}, Type(x.dtype(), Shape(dims)));
    EXPECT_EQ(std::memcmp(x.bytes(), y.bytes(), static_cast<std::size_t>(x.type().bytes())), 0);
  });
}

TEST(EvaluateShapeTest, Broadcast) {
  for_each_x([](const Literal& x) {
    for (const Dims& added : {Dims{}, Dims{3}, Dims{2, 1}, Dims{0}}) {
      for (const std::int64_t stretched : {1, 3, 0}) {
        Dims dims = added;
        for (const std::int64_t dim : x.shape()) dims.push_back(dim == 1 ? stretched : dim);
        const Literal y = evaluate_one(Op::kBroadcast, {x}, {}, Type(x.dtype(), Shape(dims)));
        expect_moved(y, x, [&](const Dims& index) {
          Dims from(index.begin() + static_cast<std::ptrdiff_t>(added.size()), index.end());
          for (std::size_t i = 0; i < from.size(); ++i) from[i] = x.shape()[i] == 1 ? 0 : from[i];
          return from;
        });
      }
    }
  });
}

TEST(EvaluateShapeTest, Transpose) {
  for_each_x([](const Literal& x) {
    Dims permutation(x.shape().rank());
    for (std::size_t i = 0; i < permutation.size(); ++i) {
      permutation[i] = static_cast<std::int64_t>(i);
    }
    do {
      const Literal y = evaluate_one(Op::kTranspose, {x}, {{Attr::kPermutation, permutation}});
      expect_moved(y, x, [&](const Dims& index) {
        Dims from(index.size());
        for (std::size_t i = 0; i < index.size(); ++i) {
          from[static_cast<std::size_t>(permutation[i])] = index[i];
        }
        return from;
      });
    } while (std::ranges::next_permutation(permutation).found);
  });
}

TEST(EvaluateShapeTest, Reverse) {
  for_each_x([](const Literal& x) {
    for (unsigned set = 0; set < 1U << x.shape().rank(); ++set) {
      Dims axes;
      for (std::size_t i = 0; i < x.shape().rank(); ++i) {
        if ((set >> i & 1) != 0) axes.push_back(static_cast<std::int64_t>(i));
      }
      expect_moved(evaluate_one(Op::kReverse, {x}, {{Attr::kAxes, axes}}), x, [&](Dims index) {
        for (const std::int64_t axis : axes) {
          const auto i = static_cast<std::size_t>(axis);
          index[i] = x.shape()[i] - 1 - index[i];
        }
        return index;
      });
    }
  });
}

TEST(EvaluateShapeTest, Slice) {
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  for_each_x([](const Literal& x) {
    for (const std::int64_t step : {std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, kHuge}) {
      Dims start;
      Dims limit;
      for (const std::int64_t dim : x.shape()) {
        start.push_back(dim / 3);
        limit.push_back(dim);
      }
      const Dims stride(start.size(), step);
      const Literal y = evaluate_one(
          Op::kSlice, {x}, {{Attr::kStart, start}, {Attr::kLimit, limit}, {Attr::kStride, stride}});
      expect_moved(y, x, [&](Dims index) {
        for (std::size_t i = 0; i < index.size(); ++i) {
          index[i] = start[i] + (index[i] == 0 ? 0 : index[i] * step);
        }
        return index;
      });
    }
  });
}

TEST(EvaluateShapeTest, DynamicSliceAndUpdate) {
  for_each_x([](const Literal& x) {
    Dims window;
    Dims start;
    for (const std::int64_t dim : x.shape()) {
      window.push_back(dim - dim / 3);
      start.push_back(dim / 3);
    }
    const Literal at = Literal::dense<std::int64_t>(Shape{std::int64_t(start.size())}, start);
    const Literal y = evaluate_one(Op::kDynamicSlice, {x, at}, {}, Type(x.dtype(), Shape(window)));
    expect_moved(y, x, [&](Dims index) {
      for (std::size_t i = 0; i < index.size(); ++i) index[i] += start[i];
      return index;
    });
    const Literal update = random_bits(x.dtype(), Shape(window), 2);
    const Literal z = evaluate_one(Op::kDynamicUpdateSlice, {x, update, at});
    for (const Dims& index : indices_of(x.shape())) {
      Dims inside = index;
      bool is_inside = true;
      for (std::size_t i = 0; i < index.size(); ++i) {
        inside[i] -= start[i];
        is_inside = is_inside && inside[i] >= 0 && inside[i] < window[i];
      }
      const std::int64_t position = position_of(x.shape(), index);
      EXPECT_TRUE(is_inside ? same_element(z, position, update, position_of(update.shape(), inside))
                            : same_element(z, position, x, position));
    }
  });
}

TEST(EvaluateShapeTest, DynamicSliceOutside) {
  const Literal x = random_bits(DType::kF32, {4, 6});
  const auto message = [&](std::int32_t row, std::int32_t column) -> std::string {
    try {
      evaluate_op(Op::kDynamicSlice, {x, vector_of<std::int32_t>({row, column})}, {},
                  Type(DType::kF32, {2, 3}));
    } catch (const IndexError& error) {
      return error.message();
    }
    return "";
  };
  EXPECT_EQ(message(2, 3), "");
  EXPECT_EQ(
      message(0, 4),
      "dynamic_slice: on axis 1 a window of 3 that starts at 4 is not inside the extent of 6");
  EXPECT_EQ(message(-1, 9),
            "dynamic_slice: on axis 0 a window of 2 that starts at -1 is not inside the extent of "
            "4");
  EXPECT_THROW(evaluate_op(Op::kDynamicUpdateSlice,
                           {x, random_bits(DType::kF32, {0, 6}), vector_of<std::int64_t>({5, 0})}),
               IndexError);
}

TEST(EvaluateShapeTest, Pad) {
  for_each_x([](const Literal& x) {
    const std::size_t rank = x.shape().rank();
    const Literal value = random_bits(x.dtype(), {}, 3);
    for (const std::int64_t interior : {0, 2}) {
      const Dims low(rank, 1 + interior);
      const Literal y = evaluate_one(Op::kPad, {x, value},
                                     {{Attr::kLow, low},
                                      {Attr::kHigh, Dims(rank, 2)},
                                      {Attr::kInterior, Dims(rank, interior)}});
      expect_moved(
          y, x,
          [&](const Dims& index) -> std::optional<Dims> {
            Dims from(rank);
            for (std::size_t i = 0; i < rank; ++i) {
              const std::int64_t at = index[i] - low[i];
              from[i] = at / (interior + 1);
              if (at < 0 || at % (interior + 1) != 0 || from[i] >= x.shape()[i]) return {};
            }
            return from;
          },
          value);
    }
  });
  const Dims huge{std::numeric_limits<std::int64_t>::max()};
  const Literal one = vector_of<float>({1});
  EXPECT_EQ(evaluate_one(Op::kPad, {one, Literal().dense()}, {{Attr::kInterior, huge}}), one);
}

TEST(EvaluateShapeTest, Concatenate) {
  for_each_x([](const Literal& x) {
    for (std::size_t axis = 0; axis < x.shape().rank(); ++axis) {
      Dims dims = x.shape().dims();
      dims[axis] = 2;
      const Literal y = random_bits(x.dtype(), Shape(dims), 2);
      const Attributes attributes{{Attr::kAxis, static_cast<std::int64_t>(axis)}};
      const Literal z = evaluate_one(Op::kConcatenate, {x, y, x}, attributes);
      for (const Dims& index : indices_of(z.shape())) {
        Dims from = index;
        const std::int64_t n = x.shape()[axis];
        const bool in_y = index[axis] >= n && index[axis] < n + 2;
        from[axis] -= index[axis] >= n + 2 ? n + 2 : in_y ? n : 0;
        const Literal& source = in_y ? y : x;
        EXPECT_TRUE(same_element(z, position_of(z.shape(), index), source,
                                 position_of(source.shape(), from)));
      }
    }
  });
}

}  // namespace
}  // namespace ndl::ir::test
