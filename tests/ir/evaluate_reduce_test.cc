// Reductions against the order that ir/reduction.h documents, spelled out once more without
// merging, strides or tiles, and against plain sums in long double.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "ir/reduction.h"
#include "tests/ir/evaluate_op.h"

namespace ndl::ir::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr ReduceKind kKinds[] = {ReduceKind::kSum, ReduceKind::kProd, ReduceKind::kMax,
                                 ReduceKind::kMin, ReduceKind::kAnd,  ReduceKind::kOr};

bool is_logical(ReduceKind kind) { return kind == ReduceKind::kAnd || kind == ReduceKind::kOr; }

Attributes reduce_attributes(ReduceKind kind, const Dims& axes) {
  return {{Attr::kKind, static_cast<std::int64_t>(kind)}, {Attr::kAxes, axes}};
}

Literal reduce(const Literal& x, ReduceKind kind, const Dims& axes) {
  return evaluate_one(Op::kReduce, {x}, reduce_attributes(kind, axes));
}

template <class A>
A combined(ReduceKind kind, A a, A b) {
  if constexpr (std::is_floating_point_v<A>) {
    if (kind == ReduceKind::kSum) return a + b;
    if (kind == ReduceKind::kProd) return a * b;
    if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<A>::quiet_NaN();
    if (a == b) return std::signbit(a) == (kind == ReduceKind::kMax) ? b : a;
  } else {
    const auto x = static_cast<std::uint64_t>(a);
    const auto y = static_cast<std::uint64_t>(b);
    if (kind == ReduceKind::kSum) return static_cast<A>(x + y);
    if (kind == ReduceKind::kProd) return static_cast<A>(x * y);
    if (kind == ReduceKind::kAnd) return static_cast<A>(x & y);
    if (kind == ReduceKind::kOr) return static_cast<A>(x | y);
  }
  return (kind == ReduceKind::kMax) == (a > b) ? a : b;
}

// Neighbours, level by level.
template <class A>
A pairwise(ReduceKind kind, std::vector<A> values) {
  while (values.size() > 1) {
    std::vector<A> next;
    for (std::size_t i = 0; i + 1 < values.size(); i += 2) {
      next.push_back(combined<A>(kind, values[i], values[i + 1]));
    }
    if (values.size() % 2 == 1) next.push_back(values.back());
    values = std::move(next);
  }
  return values[0];
}

// One row: a lane that has no element in a block simply takes no part in it.
template <class A>
A row_value(ReduceKind kind, const std::vector<A>& row) {
  std::vector<std::optional<A>> lanes(32);
  for (std::size_t lane = 0; lane < 32; ++lane) {
    std::vector<A> blocks;
    for (std::size_t block = 0; block + lane < row.size(); block += 1024) {
      A sum = row[block + lane];
      for (std::size_t i = lane + 32; i < 1024 && block + i < row.size(); i += 32) {
        sum = combined<A>(kind, sum, row[block + i]);
      }
      blocks.push_back(sum);
    }
    if (!blocks.empty()) lanes[lane] = pairwise(kind, blocks);
  }
  for (std::size_t half : {16, 8, 4, 2, 1}) {
    for (std::size_t j = 0; j < half; ++j) {
      if (lanes[j + half]) lanes[j] = combined(kind, *lanes[j], *lanes[j + half]);
    }
  }
  return *lanes[0];
}

template <class A>
A reduced_reference(ReduceKind kind, const std::vector<std::vector<A>>& rows) {
  const std::size_t per_block = std::max<std::size_t>(8, (rows.size() + 63) / 64);
  std::vector<A> partials;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const A value = row_value(kind, rows[i]);
    if (i % per_block == 0) {
      partials.push_back(value);
    } else {
      partials.back() = combined<A>(kind, partials.back(), value);
    }
  }
  return pairwise(kind, partials);
}

void expect_reference(const Literal& x, ReduceKind kind, const Dims& axes) {
  const Shape& shape = x.shape();
  const auto reduced = [&](std::size_t i) {
    return std::ranges::find(axes, static_cast<std::int64_t>(i)) != axes.end();
  };
  // Axes from `inner` on make the rows.
  std::size_t inner = shape.rank();
  while (inner > 0 && (reduced(inner - 1) || shape[inner - 1] == 1)) --inner;
  Dims kept_dims;
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (!reduced(i)) kept_dims.push_back(shape[i]);
  }
  visit_accumulator(x.dtype(), [&]<class A>(std::type_identity<A>) {
    const Shape kept_shape(kept_dims);
    struct Rows {
      std::vector<Dims> outer;
      std::vector<std::vector<A>> values;
    };
    std::vector<Rows> elements(static_cast<std::size_t>(kept_shape.num_elements()));
    for (const Dims& index : indices_of(shape)) {
      Dims kept;
      Dims outer;
      for (std::size_t i = 0; i < index.size(); ++i) {
        if (!reduced(i)) kept.push_back(index[i]);
        if (reduced(i) && i < inner) outer.push_back(index[i]);
      }
      Rows& rows = elements[static_cast<std::size_t>(position_of(kept_shape, kept))];
      if (rows.outer.empty() || rows.outer.back() != outer) {
        rows.outer.push_back(outer);
        rows.values.emplace_back();
      }
      visit_dtype(x.dtype(), [&]<class T>(std::type_identity<T>) {
        const T element = x.at<T>(position_of(shape, index));
        rows.values.back().push_back(math::convert_element<A>(element));
      });
    }
    Literal want = Literal::uninitialized({x.dtype(), kept_shape});
    visit_dtype(x.dtype(), [&]<class T>(std::type_identity<T>) {
      for (std::size_t i = 0; i < elements.size(); ++i) {
        const A value = reduced_reference(kind, elements[i].values);
        want.mutable_data<T>()[i] = math::convert_element<T>(value);
      }
    });
    SCOPED_TRACE(fmt::format("{} kind {} axes {}", x.type().to_string(), static_cast<int>(kind),
                             to_string(axes)));
    expect_same(reduce(x, kind, axes), want);
  });
}

TEST(EvaluateReduceTest, TreeOfEveryDTypeAndKind) {
  const std::pair<Shape, Dims> cases[] = {
      {{}, {}},
      {{1}, {0}},
      {{7}, {0}},
      {{33}, {}},
      {{5, 7}, {0}},
      {{5, 7}, {1}},
      {{3, 4, 5}, {0, 2}},
      {{3, 4, 5}, {1}},
      {{20, 3}, {0}},
      {{3, 1, 70}, {2}},
      {{2, 3, 4, 5}, {1, 3}},
      {{2, 3, 4, 5}, {0, 2}},
      {{2, 40, 1}, {1}},
      {{2, 1, 40}, {0, 1}},
  };
  for (const DType dtype : dtypes_in(kAllDTypes)) {
    for (const ReduceKind kind : kKinds) {
      if (is_logical(kind) ? is_float(dtype) : dtype == DType::kBool) continue;
      for (const auto& [shape, axes] : cases) {
        expect_reference(random_numbers(dtype, shape), kind, axes);
        expect_reference(random_bits(dtype, shape), kind, axes);
      }
    }
  }
}

TEST(EvaluateReduceTest, TreeOfLargeShapes) {
  const std::pair<Shape, Dims> cases[] = {
      {{5000}, {0}},         {{1024}, {0}},
      {{1025}, {0}},         {{2, 3100}, {1}},
      {{70, 1500}, {0, 1}},  {{600, 3}, {0}},
      {{513, 5}, {0}},       {{3, 2100}, {0}},
      {{90, 2, 40}, {0, 2}}, {{12, 2, 50, 3}, {0, 2}},
  };
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kBF16, DType::kI32}) {
    for (const auto& [shape, axes] : cases) {
      Literal x = random_numbers(dtype, shape, -100, 100);
      if (dtype == DType::kF32) {
        // Many exponents, so that another order gives other bits.
        for (std::int64_t i = 0; i < x.size(); ++i) {
          x.mutable_data<float>()[i] *= std::exp2(static_cast<float>(i * 7919 % 20)) / 3;
        }
      }
      expect_reference(x, ReduceKind::kSum, axes);
      expect_reference(x, ReduceKind::kMax, axes);
    }
  }
}

TEST(EvaluateReduceTest, MergingAxesChangesNothing) {
  const Literal x = random_numbers(DType::kF32, {6, 50, 8, 1, 9}, -1000, 1000);
  const auto reshaped = [&](Shape shape) { return x.with_type({DType::kF32, std::move(shape)}); };
  const Literal sum = reduce(x, ReduceKind::kSum, {2, 3, 4});
  EXPECT_EQ(reduce(reshaped({6, 50, 72}), ReduceKind::kSum, {2}), sum);
  EXPECT_EQ(reduce(reshaped({300, 72}), ReduceKind::kSum, {1}).with_type(sum.type()), sum);
  EXPECT_EQ(reduce(reshaped({300, 8, 9}), ReduceKind::kSum, {1, 2}).with_type(sum.type()), sum);
  const Literal columns = reduce(x, ReduceKind::kSum, {0, 1});
  EXPECT_EQ(reduce(reshaped({300, 72}), ReduceKind::kSum, {0}).with_type(columns.type()), columns);
  EXPECT_EQ(reduce(x, ReduceKind::kSum, {0, 1, 2, 3, 4}),
            reduce(reshaped({21600}), ReduceKind::kSum, {0}));
}

TEST(EvaluateReduceTest, ExtentOneIsTheIdentity) {
  for (const DType dtype : dtypes_in(kAllDTypes)) {
    for (const ReduceKind kind : kKinds) {
      if (is_logical(kind) ? is_float(dtype) : dtype == DType::kBool) continue;
      const Literal x = random_bits(dtype, {3, 1, 50, 1});
      expect_same(reduce(x, kind, {1, 3}), x.with_type({dtype, {3, 50}}));
      expect_same(reduce(x, kind, {}), x);
    }
  }
  const Literal zero = Literal::filled({DType::kF32, {1}}, -0.0).dense();
  EXPECT_EQ(reduce(zero, ReduceKind::kSum, {0}), Literal::filled({DType::kF32, {}}, -0.0));
}

TEST(EvaluateReduceTest, EmptyReductions) {
  for (const DType dtype : dtypes_in(kAllDTypes)) {
    for (const ReduceKind kind : kKinds) {
      if (is_logical(kind) ? is_float(dtype) : dtype == DType::kBool) continue;
      double want = 0;
      visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
        using Limits = std::numeric_limits<std::conditional_t<math::is_half_v<T>, float, T>>;
        if (kind == ReduceKind::kProd) want = 1;
        if (kind == ReduceKind::kMax) want = is_float(dtype) ? -kInfinity : double(Limits::min());
        if (kind == ReduceKind::kMin) want = is_float(dtype) ? kInfinity : double(Limits::max());
        if (kind == ReduceKind::kAnd) want = Limits::is_signed ? -1 : double(Limits::max());
      });
      const Literal got = reduce(random_bits(dtype, {2, 0, 3}), kind, {1});
      EXPECT_EQ(got.shape(), Shape({2, 3}));
      for (std::int64_t i = 0; i < got.size(); ++i) {
        EXPECT_EQ(got.as_double(i), want);
        EXPECT_FALSE(want == 0 && std::signbit(got.as_double(i)));
      }
      EXPECT_EQ(reduce(random_bits(dtype, {2, 0, 3}), kind, {0}).size(), 0);
    }
  }
}

TEST(EvaluateReduceTest, SpecialValues) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto inf = static_cast<float>(kInfinity);
  const auto of = [](std::initializer_list<float> values, ReduceKind kind) {
    return reduce(vector_of(values), kind, {0}).at<float>(0);
  };
  EXPECT_TRUE(std::isnan(of({1, nan, 3}, ReduceKind::kMax)));
  EXPECT_TRUE(std::isnan(of({nan, inf}, ReduceKind::kMin)));
  EXPECT_TRUE(std::isnan(of({inf, -inf}, ReduceKind::kSum)));
  EXPECT_FALSE(std::signbit(of({-0.0F, 0.0F}, ReduceKind::kMax)));
  EXPECT_TRUE(std::signbit(of({0.0F, -0.0F}, ReduceKind::kMin)));
  EXPECT_TRUE(std::signbit(of({-0.0F, -0.0F}, ReduceKind::kSum)));
}

TEST(EvaluateReduceTest, WiderAccumulator) {
  Attributes attributes = reduce_attributes(ReduceKind::kSum, {0});
  attributes.set(Attr::kAccumulator, static_cast<std::int64_t>(DType::kF64));
  const Literal x = vector_of<float>({1e8F, 1, 1, 1, 1, -1e8F});
  EXPECT_EQ(evaluate_one(Op::kReduce, {x}, attributes).at<float>(0), 4);
  attributes.set(Attr::kAccumulator, static_cast<std::int64_t>(DType::kI64));
  // 127 * 3 wraps once, at the end.
  EXPECT_EQ(evaluate_one(Op::kReduce, {vector_of<std::int8_t>({127, 127, 127})}, attributes)
                .at<std::int8_t>(0),
            125);
}

TEST(EvaluateReduceTest, Cumsum) {
  for (const DType dtype : dtypes_in(kNumeric)) {
    for (const Shape& shape :
         {Shape{6}, Shape{0}, Shape{3, 0}, Shape{2, 5, 3}, Shape{1, 2, 3, 4}}) {
      const Literal x = random_numbers(dtype, shape, dtype == DType::kU8 ? 0 : -8);
      for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
        const Literal y =
            evaluate_one(Op::kCumsum, {x}, {{Attr::kAxis, static_cast<std::int64_t>(axis)}});
        for (Dims index : indices_of(shape)) {
          const std::int64_t at = position_of(shape, index);
          double sum = 0;
          for (std::int64_t i = index[axis]; i >= 0; --i) {
            index[axis] = i;
            sum += x.as_double(position_of(shape, index));
          }
          EXPECT_EQ(y.as_double(at), sum);
        }
      }
    }
  }
  const Attributes axis{{Attr::kAxis, std::int64_t{0}}};
  EXPECT_EQ(evaluate_one(Op::kCumsum, {vector_of<float>({-0.0F, 1e20F, 1, -1e20F})}, axis),
            vector_of<float>({-0.0F, 1e20F, 1e20F, 0}));
  const auto half = [](float x) { return Float16::from(x); };
  EXPECT_EQ(evaluate_one(Op::kCumsum, {vector_of({half(2048), half(0.75), half(0.75)})}, axis),
            vector_of({half(2048), half(2048), half(2050)}));
}

TEST(EvaluateReduceTest, ReduceWindow) {
  struct Case {
    Shape shape;
    Dims size, stride, low, high, dilation;
  };
  const Case cases[] = {
      {{}, {}, {}, {}, {}, {}},
      {{7}, {3}, {1}, {0}, {0}, {1}},
      {{7}, {3}, {2}, {4}, {5}, {2}},
      {{0}, {2}, {1}, {1}, {2}, {1}},
      {{2}, {5}, {1}, {0}, {0}, {1}},
      {{5, 6}, {2, 3}, {2, 1}, {1, 0}, {0, 2}, {1, 2}},
      {{2, 5, 4, 3}, {1, 3, 2, 1}, {1, 2, 1, 1}, {0, 1, 0, 0}, {0, 1, 1, 0}, {1, 1, 2, 1}},
      {{3}, {1}, {std::numeric_limits<std::int64_t>::max()}, {1}, {0}, {1}},
  };
  for (const DType dtype : dtypes_in(kNumeric)) {
    for (const Case& c : cases) {
      const Literal x = random_numbers(dtype, c.shape, 1, 3);
      for (const ReduceKind kind : kKinds) {
        if (is_logical(kind)) continue;
        const Literal y = evaluate_one(Op::kReduceWindow, {x},
                                       {{Attr::kKind, static_cast<std::int64_t>(kind)},
                                        {Attr::kSize, c.size},
                                        {Attr::kStride, c.stride},
                                        {Attr::kLow, c.low},
                                        {Attr::kHigh, c.high},
                                        {Attr::kDilation, c.dilation}});
        const Literal identity = reduce(random_bits(dtype, {0}), kind, {0});
        for (const Dims& index : indices_of(y.shape())) {
          double want = identity.as_double(0);
          for (const Dims& tap : indices_of(Shape(c.size))) {
            Dims from(index.size());
            bool inside = true;
            for (std::size_t i = 0; i < index.size(); ++i) {
              from[i] =
                  (index[i] == 0 ? 0 : index[i] * c.stride[i]) + tap[i] * c.dilation[i] - c.low[i];
              inside = inside && from[i] >= 0 && from[i] < c.shape[i];
            }
            if (!inside) continue;
            want = combined(kind, want, x.as_double(position_of(c.shape, from)));
          }
          const double rounded = Literal::filled({dtype, {}}, want).as_double(0);
          const bool wraps = is_integer(dtype) && rounded != want;
          if (!wraps) {
            EXPECT_EQ(y.as_double(position_of(y.shape(), index)), rounded);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace ndl::ir::test
