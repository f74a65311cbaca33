// matmul and conv against the sum for each element, one product at a time.
#include <cmath>

#include "ir/convert_elements.h"
#include "tests/ir/evaluate_op.h"

namespace ndl::ir::test {
namespace {

// The sum of products in the order of k: a block of 512 at a time.
template <class A>
class Contraction {
 public:
  void add(A a, A b) {
    if (count_ % 512 == 0) close_block();
    ++count_;
    if constexpr (std::is_floating_point_v<A>) {
      block_ = std::fma(a, b, block_);
    } else {
      block_ = static_cast<A>(static_cast<std::uint64_t>(block_) +
                              static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
    }
  }

  A total() {
    close_block();
    return total_.value_or(A(0));
  }

 private:
  void close_block() {
    if (count_ == 0) return;
    if constexpr (std::is_floating_point_v<A>) {
      total_ = total_ ? *total_ + block_ : block_;
    } else {
      total_ = static_cast<A>(static_cast<std::uint64_t>(total_.value_or(A(0))) +
                              static_cast<std::uint64_t>(block_));
    }
    block_ = A(0);
  }

  std::int64_t count_ = 0;
  A block_ = A(0);
  std::optional<A> total_;
};

// f(add, index) adds the products for one element of the result.
template <class F>
void expect_contraction(const Literal& got, F&& f) {
  Literal want = Literal::uninitialized(got.type());
  visit_dtype(got.dtype(), [&]<class T>(std::type_identity<T>) {
    using A = std::conditional_t<math::is_half_v<T>, float, T>;
    for (const Dims& index : indices_of(got.shape())) {
      Contraction<A> sum;
      const auto element = [](const Literal* x, std::int64_t at) {
        return x == nullptr ? A(0) : math::convert_element<A>(x->at<T>(at));
      };
      f([&](const Literal* a, std::int64_t i, const Literal& b,
            std::int64_t k) { sum.add(element(a, i), element(&b, k)); },
        index);
      want.mutable_data<T>()[position_of(got.shape(), index)] =
          math::convert_element<T>(sum.total());
    }
  });
  expect_same(got, want);
}

// Numbers whose products and sums round, in every float.
Literal sample(DType dtype, const Shape& shape, unsigned seed) {
  Literal x = random_numbers(DType::kF64, shape, -100, 100, seed);
  for (std::int64_t i = 0; i < x.size(); ++i) x.mutable_data<double>()[i] /= 7;
  return converted(x, dtype);
}

void expect_matmul(const Literal& a, const Literal& b) {
  SCOPED_TRACE(a.type().to_string() + " x " + b.type().to_string());
  const std::int64_t depth = a.shape()[a.shape().rank() - 1];
  // The index into an operand: the last axes of the batch, 0 where it has one, then row and column.
  const auto at = [](const Literal& x, const Dims& index, std::int64_t row, std::int64_t column) {
    const std::size_t rank = x.shape().rank();
    Dims from(index.end() - static_cast<std::ptrdiff_t>(rank), index.end());
    for (std::size_t i = 0; i + 2 < rank; ++i) from[i] = x.shape()[i] == 1 ? 0 : from[i];
    from[rank - 2] = row;
    from[rank - 1] = column;
    return position_of(x.shape(), from);
  };
  expect_contraction(evaluate_one(Op::kMatmul, {a, b}), [&](auto&& add, const Dims& index) {
    const std::size_t rank = index.size();
    for (std::int64_t k = 0; k < depth; ++k) {
      add(&a, at(a, index, index[rank - 2], k), b, at(b, index, k, index[rank - 1]));
    }
  });
}

TEST(EvaluateContractTest, Matmul) {
  const std::pair<Shape, Shape> cases[] = {
      {{1, 1}, {1, 1}},       {{2, 3}, {3, 4}},          {{0, 3}, {3, 2}},
      {{2, 0}, {0, 3}},       {{2, 3}, {3, 0}},          {{3, 5}, {5, 32}},
      {{2, 5}, {5, 33}},      {{2, 5}, {5, 70}},         {{4, 2, 3}, {3, 5}},
      {{2, 3}, {4, 3, 5}},    {{2, 1, 2, 3}, {3, 3, 2}}, {{1, 3, 2, 2}, {2, 1, 2, 2}},
      {{0, 2, 3}, {1, 3, 2}},
  };
  for (const DType dtype : dtypes_in(kNumeric)) {
    for (const auto& [a, b] : cases) expect_matmul(sample(dtype, a, 1), sample(dtype, b, 2));
  }
}

TEST(EvaluateContractTest, MatmulAddsBlocksOfDepth) {
  for (const DType dtype : dtypes_in(kNumeric)) {
    for (const std::int64_t depth : {511, 512, 513, 1024, 1500}) {
      expect_matmul(sample(dtype, {2, depth}, 1), sample(dtype, {depth, 35}, 2));
    }
  }
}

TEST(EvaluateContractTest, SpecialValues) {
  const Literal minus_zero = Literal::filled({DType::kF32, {1, 1}}, -0.0).dense();
  const Literal one = Literal::filled({DType::kF32, {1, 1}}, 1).dense();
  // The sum starts at +0.
  EXPECT_EQ(evaluate_one(Op::kMatmul, {minus_zero, one}), Literal::zeros(one.type()));
  const Literal infinity = Literal::filled({DType::kF32, {1, 1}}, HUGE_VAL).dense();
  EXPECT_TRUE(std::isnan(evaluate_one(Op::kMatmul, {infinity, minus_zero}).at<float>(0)));
  for (const DType dtype : dtypes_in(kNumeric)) {
    expect_matmul(random_bits(dtype, {3, 9}), random_bits(dtype, {9, 40}, 2));
  }
}

struct ConvCase {
  Shape x, kernel;
  Dims stride, low, high, dilation, base_dilation;
  std::int64_t groups = 1;
};

void expect_conv(DType dtype, const ConvCase& c) {
  const Literal x = sample(dtype, c.x, 1);
  const Literal kernel = sample(dtype, c.kernel, 2);
  SCOPED_TRACE(x.type().to_string() + " * " + kernel.type().to_string());
  const Literal got = evaluate_one(Op::kConv, {x, kernel},
                                   {{Attr::kStride, c.stride},
                                    {Attr::kLow, c.low},
                                    {Attr::kHigh, c.high},
                                    {Attr::kDilation, c.dilation},
                                    {Attr::kBaseDilation, c.base_dilation},
                                    {Attr::kGroups, c.groups}});
  const std::size_t spatial = c.x.rank() - 2;
  const std::int64_t channels = c.kernel[spatial];
  const std::int64_t features = c.kernel[spatial + 1];
  expect_contraction(got, [&](auto&& add, const Dims& index) {
    const std::int64_t group = index.back() / (features / c.groups);
    for (Dims tap : indices_of(Shape(Dims(c.kernel.begin(), c.kernel.end() - 1)))) {
      Dims from = {index[0]};
      bool inside = true;
      for (std::size_t i = 0; i < spatial; ++i) {
        const std::int64_t position =
            index[i + 1] * c.stride[i] + tap[i] * c.dilation[i] - c.low[i];
        from.push_back(position / c.base_dilation[i]);
        inside = inside && position >= 0 && position % c.base_dilation[i] == 0 &&
                 from.back() < c.x[i + 1];
      }
      from.push_back(group * channels + tap.back());
      tap.push_back(index.back());
      add(inside ? &x : nullptr, inside ? position_of(c.x, from) : 0, kernel,
          position_of(c.kernel, tap));
    }
  });
}

TEST(EvaluateContractTest, Conv) {
  const ConvCase cases[] = {
      {{2, 3}, {3, 4}, {}, {}, {}, {}, {}, 1},
      {{2, 4}, {2, 6}, {}, {}, {}, {}, {}, 2},
      {{1, 5, 1}, {3, 1, 1}, {1}, {0}, {0}, {1}, {1}, 1},
      {{2, 9, 3}, {3, 3, 2}, {2}, {1}, {2}, {2}, {1}, 1},
      {{1, 4, 2}, {3, 2, 3}, {1}, {2}, {2}, {1}, {3}, 1},
      {{2, 5, 6, 4}, {3, 2, 2, 6}, {1, 2}, {1, 0}, {0, 1}, {1, 2}, {2, 1}, 2},
      {{1, 4, 4, 3}, {2, 2, 1, 6}, {1, 1}, {0, 0}, {1, 1}, {1, 1}, {1, 1}, 3},
      {{1, 3, 3, 3, 2}, {2, 2, 2, 2, 3}, {1, 1, 1}, {0, 1, 0}, {0, 0, 1}, {1, 1, 1}, {1, 1, 1}, 1},
      {{0, 4, 2}, {2, 2, 2}, {1}, {0}, {0}, {1}, {1}, 1},
      {{1, 0, 2}, {1, 2, 2}, {1}, {1}, {1}, {1}, {1}, 1},
      {{1, 4, 0}, {2, 0, 3}, {1}, {0}, {0}, {1}, {1}, 1},
      {{1, 2, 2}, {3, 2, 2}, {1}, {0}, {0}, {1}, {1}, 1},
      {{1, 3, 200}, {3, 200, 2}, {1}, {1}, {1}, {1}, {1}, 1},  // more than one block of depth
  };
  for (const DType dtype : dtypes_in(kNumeric)) {
    for (const ConvCase& c : cases) expect_conv(dtype, c);
  }
}

}  // namespace
}  // namespace ndl::ir::test
