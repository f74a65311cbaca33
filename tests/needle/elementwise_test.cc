#include "needle/elementwise.h"

#include <gtest/gtest.h>

#include <source_location>

#include "ir/interpreter.h"
#include "ir/printer.h"
#include "needle/needle.h"

namespace ndl {
namespace {

using Floats = std::vector<float>;

Floats values(const Tensor& x) { return x.to_vector<float>(); }

TEST(Elementwise, NumbersOnEitherSide) {
  const Tensor x({1, 2, 4});
  EXPECT_EQ(values(x + 1), (Floats{2, 3, 5}));
  EXPECT_EQ(values(1 + x), (Floats{2, 3, 5}));
  EXPECT_EQ(values(x - 1), (Floats{0, 1, 3}));
  EXPECT_EQ(values(1 - x), (Floats{0, -1, -3}));
  EXPECT_EQ(values(x * 3), (Floats{3, 6, 12}));
  EXPECT_EQ(values(3 * x), (Floats{3, 6, 12}));
  EXPECT_EQ(values(x / 4), (Floats{0.25, 0.5, 1}));
  EXPECT_EQ(values(4 / x), (Floats{4, 2, 1}));
  EXPECT_EQ(values(-x), (Floats{-1, -2, -4}));
  EXPECT_EQ(values(pow(x, 2)), (Floats{1, 4, 16}));
  EXPECT_EQ(values(pow(2, x)), (Floats{2, 4, 16}));
  EXPECT_EQ(values(x + x * 0.3f), (Floats{1 + 1 * 0.3f, 2 + 2 * 0.3f, 4 + 4 * 0.3f}));
}

TEST(Elementwise, Comparisons) {
  const Tensor x({1, 2, 3});
  const std::vector<bool> below{true, false, false};
  EXPECT_EQ((x < 2).to_vector<bool>(), below);
  EXPECT_EQ((2 > x).to_vector<bool>(), below);
  EXPECT_EQ((x >= 2).to_vector<bool>(), (std::vector<bool>{false, true, true}));
  EXPECT_EQ((x <= 2).to_vector<bool>(), (std::vector<bool>{true, true, false}));
  EXPECT_EQ(eq(x, 2).to_vector<bool>(), (std::vector<bool>{false, true, false}));
  EXPECT_EQ(lt(x, x).dtype(), DType::kBool);
  EXPECT_EQ(values(where(x > 1, x, 0)), (Floats{0, 2, 3}));
  EXPECT_EQ(values(relu(x - 2)), (Floats{0, 0, 1}));
  EXPECT_EQ(values(square(x)), (Floats{1, 4, 9}));
  EXPECT_EQ(values(clamp(x, 2, 2.5)), (Floats{2, 2, 2.5}));
}

TEST(Elementwise, Broadcasting) {
  const Tensor matrix({{1, 2, 3}, {4, 5, 6}});
  const Tensor row({10, 20, 30});
  const Tensor column({100, 200}, {2, 1});
  EXPECT_EQ(values(matrix + row), (Floats{11, 22, 33, 14, 25, 36}));
  EXPECT_EQ(values(row + column), (Floats{110, 120, 130, 210, 220, 230}));
  EXPECT_EQ(values(where(matrix > 3, row, column)), (Floats{100, 100, 100, 10, 20, 30}));
  EXPECT_EQ((matrix + Tensor::scalar(1.0)).shape(), matrix.shape());
  EXPECT_EQ((Tensor({1}) + Tensor(std::vector<float>{})).shape(), ir::Shape({0}));
  // The record is as written; the graph says what happens.
  const Tensor y = matrix + row;
  EXPECT_TRUE(y.inputs()[1].is(row));
  EXPECT_EQ(ir::print(trace([](Tensor a, Tensor b) { return a + b; }, matrix, row)),
            "needle 1\n\n"
            "graph main(%0: f32[2,3], %1: f32[3]) -> f32[2,3] {\n"
            "  %2 = broadcast(%1) : f32[2,3]\n"
            "  %3 = add(%0, %2) : f32[2,3]\n"
            "  return %3\n"
            "}\n");
}

TEST(Elementwise, DTypesMeet) {
  const Tensor i({1, 2}, {.dtype = DType::kI32});
  const Tensor h({1, 2}, {.dtype = DType::kF16});
  const Tensor m({1, 0}, {.dtype = DType::kBool});
  EXPECT_EQ((i + 1).dtype(), DType::kI32);
  EXPECT_EQ((i + 0.5).dtype(), DType::kF32);
  EXPECT_EQ((i + h).dtype(), DType::kF16);
  EXPECT_EQ((h * 2.5).dtype(), DType::kF16);
  EXPECT_EQ((m + 1).dtype(), DType::kI32);
  EXPECT_EQ((i / i).dtype(), DType::kF32);
  EXPECT_EQ((i / 2).to_vector<float>(), (Floats{0.5, 1}));
  EXPECT_EQ(exp(i).dtype(), DType::kF32);
  EXPECT_EQ((i < 1.5).to_vector<bool>(), (std::vector<bool>{true, false}));
  EXPECT_EQ(and_(m, true).dtype(), DType::kBool);
  EXPECT_EQ(where(m, i, 0.5).to_vector<float>(), (Floats{1, 0.5}));
}

void expect_is_node(ir::Op op, const Tensor& y) {
  EXPECT_EQ(y.op(), name_of(op));
  std::vector<ir::Literal> operands;
  for (const Value& input : y.inputs()) operands.push_back(input.tensor().to_literal());
  const ir::Literal expected = ir::evaluate_node(op, {}, y.type(), operands).front();
  EXPECT_EQ(y.to_literal().to_string(), expected.dense().to_string()) << name_of(op);
}

// Every row of the table is a function that gives what the row's node gives.
TEST(Elementwise, EveryOp) {
#define NDL_RUN_kUnary(function) function(a)
#define NDL_RUN_kPredicate(function) function(a)
#define NDL_RUN_kBinary(function) function(a, b)
#define NDL_RUN_kCompare(function) function(a, b)
#define NDL_RUN_kTernary(function) function(a, b, b)
#define NDL_RUN_kSelect(function) function(mask, a, b)
#define NDL_ELEMENTWISE(enumerator, function, kind, ...)                                         \
  {                                                                                              \
    const auto op = ir::Op::enumerator;                                                          \
    const DType dtype = ir::op_def(op).dtypes.contains(DType::kF32) ? DType::kF32 : DType::kI32; \
    const Tensor a({0.5, 1, 3}, {.dtype = dtype});                                               \
    const Tensor b({2, 1, 0.25}, {.dtype = dtype});                                              \
    const Tensor mask({1, 0, 1}, {.dtype = DType::kBool});                                       \
    expect_is_node(op, NDL_RUN_##kind(function));                                                \
  }
#include "ir/elementwise.def"
#undef NDL_ELEMENTWISE
}

TEST(Elementwise, ErrorsNameTheLineOfTheCall) {
  const Tensor a({1, 2});
  const Tensor b({1, 2, 3});
  int line = 0;
  try {
    line = std::source_location::current().line() + 1;
    const Tensor c = a * 2 + b;
    FAIL();
  } catch (const ShapeError& error) {
    EXPECT_EQ(error.diagnostic().location.line, line);
    EXPECT_NE(error.diagnostic().location.file.find("elementwise_test.cc"), std::string::npos);
    EXPECT_EQ(error.message(),
              "add: shapes [2] and [3] do not broadcast: axes align at the end and must be equal "
              "or 1");
  }
  try {
    line = std::source_location::current().line() + 1;
    const Tensor c = and_(a, a);
    FAIL();
  } catch (const DTypeError& error) {
    EXPECT_EQ(error.diagnostic().location.line, line);
  }
  const Tensor bytes({1}, {.dtype = DType::kU8});
  EXPECT_THROW(bytes + 300, DTypeError);
  EXPECT_THROW(bytes * -1, DTypeError);
  const std::uint64_t huge = 18446744073709551615u;
  EXPECT_THROW(Tensor({1}, {.dtype = DType::kI64}) + huge, DTypeError);
  EXPECT_EQ((Tensor({0}) + huge).item(), 18446744073709551615.f);
  EXPECT_THROW(Tensor({1}, {.dtype = DType::kI32}) + 3'000'000'000, DTypeError);
  EXPECT_THROW(where(a, a, a), DTypeError);
}

}  // namespace
}  // namespace ndl
