// Composed ops through the interpreter, against their definition in double.
#include <cmath>
#include <limits>

#include "ir/builder.h"
#include "ir/interpreter.h"
#include "tests/ir/evaluate_op.h"

namespace ndl::ir::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The results of a composed op on literals, by way of a graph that holds its expansion.
std::vector<Literal> expand_and_run(Op op, const std::vector<Literal>& operands,
                                    Attributes attributes) {
  Graph graph;
  Builder builder(graph);
  std::vector<Value> parameters;
  std::vector<const Type*> types;
  std::vector<Type> operand_types;
  for (const Literal& operand : operands) operand_types.emplace_back(operand.type());
  for (const Type& type : operand_types) {
    types.push_back(&type);
    parameters.push_back(builder.parameter(type));
  }
  const Type type = infer_type(op_def(op), types, attributes, nullptr);
  builder.set_result(op_def(op).expand(builder, parameters, attributes));
  EXPECT_EQ(graph.result_type(), type);
  return interpret(graph, operands);
}

TEST(ExpandTest, FusedAddScalars) {
  for (const DType dtype : dtypes_in(kNumeric)) {
    const Literal x = random_numbers(dtype, {2, 3}, 0);
    const auto sums =
        expand_and_run(Op::kFusedAddScalars, {x}, {{Attr::kScalars, std::vector<double>{1, 3}}});
    ASSERT_EQ(sums.size(), 2);
    for (std::int64_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(sums[0].as_double(i), x.as_double(i) + 1);
      EXPECT_EQ(sums[1].as_double(i), x.as_double(i) + 3);
    }
  }
}

TEST(ExpandTest, SplitAndStackAreInverse) {
  for (const DType dtype : dtypes_in(kAllDTypes)) {
    for (const Shape& shape : {Shape{3}, Shape{2, 3}, Shape{2, 0, 4}, Shape{2, 3, 4}}) {
      const Literal x = random_bits(dtype, shape);
      for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
        if (shape[axis] == 0) continue;
        const Attributes attributes{{Attr::kAxis, static_cast<std::int64_t>(axis)}};
        const auto parts = expand_and_run(Op::kSplit, {x}, attributes);
        ASSERT_EQ(std::int64_t(parts.size()), shape[axis]);
        EXPECT_EQ(parts[0].shape().rank(), shape.rank() - 1);
        EXPECT_EQ(expand_and_run(Op::kStack, parts, attributes).front(), x);
      }
    }
  }
}

TEST(ExpandTest, SoftmaxFamily) {
  const std::pair<Shape, Dims> cases[] = {
      {{5}, {0}}, {{3, 4}, {1}}, {{3, 4}, {0}}, {{2, 3, 4}, {0, 2}}, {{3, 4}, {}}, {{}, {}},
  };
  for (const DType dtype : dtypes_in(kFloats)) {
    const double tolerance = dtype == DType::kBF16  ? 0x1p-8
                             : dtype == DType::kF16 ? 0x1p-11
                             : dtype == DType::kF32 ? 1e-6
                                                    : 1e-14;
    for (const auto& [shape, axes] : cases) {
      const Literal x = random_numbers(dtype, shape, -20, 20);
      const Attributes attributes{{Attr::kAxes, axes}};
      const Literal softmax = expand_and_run(Op::kSoftmax, {x}, attributes).front();
      const Literal log_softmax = expand_and_run(Op::kLogSoftmax, {x}, attributes).front();
      const Literal logsumexp = expand_and_run(Op::kLogsumexp, {x}, attributes).front();
      const auto group_of = [&, &axes = axes](Dims index) {
        for (auto it = axes.rbegin(); it != axes.rend(); ++it) index.erase(index.begin() + *it);
        return position_of(logsumexp.shape(), index);
      };
      std::vector<double> sums(static_cast<std::size_t>(logsumexp.size()));
      for (const Dims& index : indices_of(shape)) {
        sums[static_cast<std::size_t>(group_of(index))] +=
            std::exp(x.as_double(position_of(shape, index)));
      }
      for (const Dims& index : indices_of(shape)) {
        const std::int64_t at = position_of(shape, index);
        const double log_sum = std::log(sums[static_cast<std::size_t>(group_of(index))]);
        const double log_share = x.as_double(at) - log_sum;
        const double share = std::exp(log_share);
        EXPECT_NEAR(softmax.as_double(at), share, tolerance * share + 0x1p-25);
        EXPECT_NEAR(log_softmax.as_double(at), log_share, tolerance * (1 + std::abs(log_share)));
        EXPECT_NEAR(logsumexp.as_double(group_of(index)), log_sum,
                    tolerance * (1 + std::abs(log_sum)));
      }
    }
  }
}

TEST(ExpandTest, SpecialRows) {
  const double nan = std::nan("");
  const struct {
    std::vector<double> row;
    double logsumexp;
    bool softmax_is_nan;
  } cases[] = {
      {{-kInfinity, -kInfinity}, -kInfinity, true},
      {{-kInfinity, 1}, 1, false},
      {{kInfinity, 1}, kInfinity, true},
      {{kInfinity, -kInfinity}, kInfinity, true},
      {{nan, 1}, nan, true},
      {{30000, -30000}, 30000, false},
  };
  const Attributes axis{{Attr::kAxes, Dims{0}}};
  for (const DType dtype : dtypes_in(kFloats)) {
    for (const auto& c : cases) {
      Literal x = Literal::uninitialized({dtype, {2}});
      visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
        for (int i = 0; i < 2; ++i) {
          x.mutable_data<T>()[i] = math::convert_element<T>(c.row[static_cast<std::size_t>(i)]);
        }
      });
      expect_same(expand_and_run(Op::kLogsumexp, {x}, axis).front(),
                  Literal::filled({dtype, {}}, c.logsumexp).dense());
      for (const Op op : {Op::kSoftmax, Op::kLogSoftmax}) {
        const double first = expand_and_run(op, {x}, axis).front().as_double(0);
        EXPECT_EQ(std::isnan(first), c.softmax_is_nan);
      }
    }
  }
}

TEST(ExpandTest, EmptyAxes) {
  const Literal x = random_bits(DType::kF32, {2, 0});
  for (const Dims& axes : {Dims{0}, Dims{1}, Dims{0, 1}}) {
    const Attributes attributes{{Attr::kAxes, axes}};
    EXPECT_EQ(expand_and_run(Op::kSoftmax, {x}, attributes).front(), x);
    EXPECT_EQ(expand_and_run(Op::kLogSoftmax, {x}, attributes).front(), x);
    const Literal y = expand_and_run(Op::kLogsumexp, {x}, attributes).front();
    for (std::int64_t i = 0; i < y.size(); ++i) EXPECT_EQ(y.as_double(i), -kInfinity);
  }
}

}  // namespace
}  // namespace ndl::ir::test
