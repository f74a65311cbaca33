// Every elementwise op of the table, on every dtype: values against tests/ir/elementwise_reference,
// shapes, operands that are broadcast, dtypes that are not allowed, and wide evaluation.
#include "ir/elementwise.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/number.h"
#include "ir/builder.h"
#include "ir/interpreter.h"
#include "tests/ir/element_values.h"
#include "tests/ir/elementwise_judge.h"
#include "tests/ir/elementwise_reference.h"
#include "tests/ir/evaluate_op.h"

namespace ndl::ir::test {
namespace {

Literal broadcast(const Literal& literal, const Shape& shape) {
  return visit_dtype(literal.dtype(), [&]<class T>(std::type_identity<T>) {
    std::vector<T> values;
    for (const Dims& index : indices_of(shape)) {
      Dims from(index.end() - static_cast<std::ptrdiff_t>(literal.shape().rank()), index.end());
      for (std::size_t i = 0; i < from.size(); ++i) {
        if (literal.shape()[i] == 1) from[i] = 0;
      }
      values.push_back(literal.at<T>(position_of(literal.shape(), from)));
    }
    return literal_of(shape, values);
  });
}

Literal widened(const Literal& literal) {
  return visit_dtype(literal.dtype(), [&]<class T>(std::type_identity<T>) {
    if constexpr (is_float_type<T>) {
      std::vector<double> wide;
      for (std::int64_t i = 0; i < literal.size(); ++i) wide.push_back(to_double(literal.at<T>(i)));
      return literal_of(literal.shape(), wide);
    } else {
      return literal;
    }
  });
}

class ElementwiseTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    ASSERT_NE(reference_, nullptr) << "no row for " << def_.name << " in elementwise_reference.cc";
  }

  bool is_mask(std::size_t operand) const {
    return def_.kind == ElementwiseKind::kSelect && operand == 0;
  }

  // Runs the op on literals, each first broadcast to `shape`.
  Literal run(const std::vector<Literal>& operands, const Shape& shape, bool wide = false) const {
    Graph graph;
    Builder b(graph);
    std::vector<Value> values;
    for (const Literal& operand : operands) values.push_back(b.parameter(operand.type()));
    for (Value& value : values) {
      if (b.type(value).shape() != shape) value = b.broadcast(value, shape);
    }
    b.set_result(b.add_node(def_.op, values));
    InterpretOptions options;
    options.wide = wide;
    const Literal result = interpret(graph, operands, options).front();
    EXPECT_EQ(result.shape(), shape);
    return result;
  }

  // One element for each operand of type T from the op's sample range, or a mask.
  template <class T>
  T sample() {
    const double unit = static_cast<double>(random_() >> 11) * 0x1p-53;
    return from_double<T>(def_.sample_low + (def_.sample_high - def_.sample_low) * unit);
  }
  Literal sampled(DType dtype, const Shape& shape) {
    return visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
      std::vector<T> values;
      for (std::int64_t i = 0; i < shape.num_elements(); ++i) values.push_back(sample<T>());
      return literal_of(shape, values);
    });
  }
  DType dtype_of_operand(std::size_t operand, DType dtype) const {
    return is_mask(operand) ? DType::kBool : dtype;
  }

  // All combinations of special values, then samples of the range and of all bit patterns.
  template <class T>
  std::vector<Literal> points() {
    constexpr int kSamples = 1000;
    const std::vector<T> specials = special_values<T>();
    const std::size_t numbers = def_.operands.size() - (is_mask(0) ? 1 : 0);
    std::array<std::vector<T>, 3> columns;
    std::vector<bool> mask;
    std::size_t combinations = 1;
    for (std::size_t k = 0; k < numbers; ++k) combinations *= specials.size();
    for (std::size_t i = 0; i < combinations; ++i) {
      std::size_t rest = i;
      for (std::size_t k = 0; k < numbers; ++k) {
        columns[k].push_back(specials[rest % specials.size()]);
        rest /= specials.size();
      }
    }
    for (int i = 0; i < kSamples; ++i) {
      for (std::size_t k = 0; k < numbers; ++k) columns[k].push_back(sample<T>());
    }
    for (int i = 0; i < kSamples; ++i) {
      for (std::size_t k = 0; k < numbers; ++k) columns[k].push_back(random_element<T>(random_));
    }
    std::vector<Literal> operands;
    if (is_mask(0)) {
      operands.push_back(sampled(DType::kBool, {static_cast<std::int64_t>(columns[0].size())}));
    }
    for (std::size_t k = 0; k < numbers; ++k) operands.push_back(literal_of(columns[k]));
    return operands;
  }

  const OpDef& def_ = *find_op(GetParam());
  const Reference* reference_ = find_reference(GetParam());
  std::mt19937_64 random_{5};
};

TEST_P(ElementwiseTest, ValuesAreThoseOfTheReference) {
  Judge judge(def_, *reference_);
  for (const DType dtype : dtypes_in(def_.dtypes)) {
    const std::vector<Literal> operands =
        visit_dtype(dtype, [&]<class T>(std::type_identity<T>) { return points<T>(); });
    judge.expect_right(operands, run(operands, operands[0].shape()));
  }
}

// In f64 for every float; integers and booleans are those of the typed run.
TEST_P(ElementwiseTest, WideValuesAreThoseOfTheReferenceInF64) {
  Judge judge(def_, *reference_);
  for (const DType dtype : dtypes_in(def_.dtypes)) {
    const std::vector<Literal> operands =
        visit_dtype(dtype, [&]<class T>(std::type_identity<T>) { return points<T>(); });
    std::vector<Literal> wide;
    for (const Literal& operand : operands) wide.push_back(widened(operand));
    judge.expect_right(wide, run(operands, operands[0].shape(), true));
  }
}

TEST_P(ElementwiseTest, EveryShape) {
  Judge judge(def_, *reference_);
  for (const DType dtype : dtypes_in(def_.dtypes)) {
    for (const Shape& shape : {Shape{}, Shape{1}, Shape{7}, Shape{0}, Shape{2, 3}, Shape{3, 0, 2},
                               Shape{2, 3, 4}, Shape{5, 1, 300}}) {
      std::vector<Literal> operands;
      for (std::size_t k = 0; k < def_.operands.size(); ++k) {
        operands.push_back(sampled(dtype_of_operand(k, dtype), shape));
      }
      judge.expect_right(operands, run(operands, shape));
    }
  }
}

TEST_P(ElementwiseTest, OperandsThatAreBroadcast) {
  Judge judge(def_, *reference_);
  const Shape shape = {4, 3, 5};
  const std::array<Shape, 6> narrower = {Shape{},     Shape{5},       Shape{3, 1},
                                         Shape{1, 5}, Shape{4, 1, 1}, shape};
  for (const DType dtype : dtypes_in(def_.dtypes)) {
    for (std::size_t first = 0; first < narrower.size(); ++first) {
      std::vector<Literal> operands;
      std::vector<Literal> full;
      for (std::size_t k = 0; k < def_.operands.size(); ++k) {
        const Shape& from = narrower[(first + k) % narrower.size()];
        operands.push_back(sampled(dtype_of_operand(k, dtype), from));
        full.push_back(broadcast(operands.back(), shape));
      }
      judge.expect_right(full, run(operands, shape));
    }
  }
}

TEST_P(ElementwiseTest, OtherDTypesAreRejected) {
  for (const DType dtype : dtypes_in(kAllDTypes)) {
    if (def_.dtypes.contains(dtype)) continue;
    Graph graph;
    Builder b(graph);
    std::vector<Value> values;
    for (std::size_t k = 0; k < def_.operands.size(); ++k) {
      values.push_back(b.parameter(Type(dtype_of_operand(k, dtype), {2, 3})));
    }
    try {
      b.add_node(def_.op, values);
      ADD_FAILURE() << def_.name << " takes " << name_of(dtype);
    } catch (const DTypeError& error) {
      EXPECT_EQ(error.message(), fmt::format("{}: {} is not allowed; allowed are: {}", def_.name,
                                             name_of(dtype), def_.dtypes.to_string()));
    }
    EXPECT_EQ(graph.size(), values.size());
  }
}

std::vector<std::string> elementwise_names() {
  std::vector<std::string> names;
  for (const OpDef& def : all_ops()) {
    if (def.is_elementwise()) names.emplace_back(def.name);
  }
  return names;
}

// The result of `op` on literals of one shape.
Literal run(Op op, const std::vector<Literal>& operands) {
  Graph graph;
  Builder b(graph);
  std::vector<Value> values;
  for (const Literal& operand : operands) values.push_back(b.parameter(operand.type()));
  b.set_result(b.add_node(op, values));
  return interpret(graph, operands).front();
}

TEST(ElementwiseExactnessTest, Exp2AndLog2OfPowersOfTwo) {
  for (const DType dtype : dtypes_in(kFloats)) {
    visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
      if constexpr (is_float_type<T>) {
        constexpr auto kFormat = ndl::test::kFloatFormat<T>;
        std::vector<T> exponents;
        std::vector<T> powers;
        for (auto e = kFormat.lowest - 1; e < kFormat.highest; ++e) {
          // bf16 does not hold every exponent.
          const T exponent = from_double<T>(static_cast<double>(e));
          exponents.push_back(exponent);
          powers.push_back(from_double<T>(std::ldexp(1.0, static_cast<int>(to_double(exponent)))));
        }
        expect_same(run(Op::kExp2, {literal_of(exponents)}), literal_of(powers));
        expect_same(run(Op::kLog2, {literal_of(powers)}), literal_of(exponents));
      }
    });
  }
}

TEST(ElementwiseExactnessTest, NegAndAbsChangeTheSignOfNan) {
  for (const DType dtype : dtypes_in(kFloats)) {
    visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
      if constexpr (is_float_type<T>) {
        using Bits = BitsOf<T>;
        const T nan = from_double<T>(NAN);
        const T other = std::bit_cast<T>(
            static_cast<Bits>(std::bit_cast<Bits>(nan) ^ Bits(1) << (8 * sizeof(T) - 1)));
        const auto is_negative = [](const Literal& literal, std::int64_t i) {
          return std::signbit(to_double(literal.at<T>(i)));
        };
        const Literal negated = run(Op::kNeg, {literal_of<T>({nan, other})});
        EXPECT_NE(is_negative(negated, 0), std::signbit(to_double(nan))) << name_of(dtype);
        EXPECT_EQ(is_negative(negated, 1), std::signbit(to_double(nan))) << name_of(dtype);
        const Literal magnitude = run(Op::kAbs, {literal_of<T>({nan, other})});
        EXPECT_FALSE(is_negative(magnitude, 0) || is_negative(magnitude, 1)) << name_of(dtype);
      }
    });
  }
}

INSTANTIATE_TEST_SUITE_P(All, ElementwiseTest, testing::ValuesIn(elementwise_names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ndl::ir::test
