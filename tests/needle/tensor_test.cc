#include "needle/tensor.h"

#include <gtest/gtest.h>

#include <limits>
#include <sstream>

#include "needle/needle.h"

namespace ndl {
namespace {

using Floats = std::vector<float>;

TEST(Tensor, FromLists) {
  const Tensor vector({1, 2, 3});
  EXPECT_EQ(vector.type().to_string(), "f32[3]");
  EXPECT_TRUE(vector.requires_grad());
  EXPECT_EQ(vector.op(), "");
  EXPECT_TRUE(vector.inputs().empty());
  EXPECT_EQ(vector.to_vector<float>(), (Floats{1, 2, 3}));

  const Tensor matrix({{1, 2, 3}, {4, 5, 6}});
  EXPECT_EQ(matrix.type().to_string(), "f32[2,3]");
  EXPECT_EQ(matrix.to_vector<int>(), (std::vector<int>{1, 2, 3, 4, 5, 6}));

  const Tensor cube({{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}});
  EXPECT_EQ(cube.type().to_string(), "f32[2,2,2]");
  EXPECT_EQ(cube.to_vector<float>().back(), 8);

  EXPECT_EQ(Tensor({1, 2}, {2, 1}).type().to_string(), "f32[2,1]");
  EXPECT_EQ(Tensor{5}.type().to_string(), "f32[1]");
  EXPECT_THROW(Tensor({{1, 2}, {3}}), ShapeError);
  EXPECT_THROW(Tensor({1, 2, 3}, {2, 2}), ShapeError);
}

TEST(Tensor, Options) {
  const Tensor x({1, 2}, {.dtype = DType::kI64, .requires_grad = false});
  EXPECT_EQ(x.type().to_string(), "i64[2]");
  EXPECT_FALSE(x.requires_grad());
}

TEST(Tensor, FromVectorsSpansLiteralsAndNumbers) {
  EXPECT_EQ(Tensor(std::vector<double>{1.5, 2}).type().to_string(), "f64[2]");
  EXPECT_EQ(Tensor(std::vector<std::int64_t>{1, 2, 3, 4}, {2, 2}).type().to_string(), "i64[2,2]");
  const float values[] = {1, 2};
  const Tensor x(std::span<const float>(values), ir::Shape({1, 2}), {.dtype = DType::kBF16});
  EXPECT_EQ(x.type().to_string(), "bf16[1,2]");
  EXPECT_EQ(x.to_vector<float>(), (Floats{1, 2}));
  EXPECT_EQ(Tensor(ir::Literal::filled({DType::kF16, {3}}, 2)).to_vector<float>(),
            (Floats{2, 2, 2}));
  EXPECT_EQ(Tensor(std::vector<bool>{true, false}).to_string(), "[ True False]");
  EXPECT_THROW(Tensor(std::vector<bool>{true, false}, {3}), ShapeError);
  EXPECT_EQ(Tensor::scalar(2.5).item<double>(), 2.5);
  EXPECT_EQ(Tensor::scalar(7).type().to_string(), "i32[]");
  EXPECT_EQ(Tensor::scalar(true).type().to_string(), "bool[]");
}

TEST(Tensor, ErrorsNameTheLine) {
  const auto expect_line = []<class E>(std::type_identity<E>, int line, auto&& f) {
    try {
      f();
      ADD_FAILURE() << line;
    } catch (const E& error) {
      EXPECT_EQ(error.diagnostic().location.line, line) << error.message();
      EXPECT_TRUE(error.diagnostic().location.file.ends_with("tensor_test.cc"));
    }
  };
  constexpr std::type_identity<ShapeError> kShape;
  constexpr std::type_identity<TraceError> kTrace;
  constexpr std::type_identity<DTypeError> kKind;
  const Value value = Tensor({1});
  const Value tuple = split(Tensor({1}));
  expect_line(kKind, __LINE__, [&] { value.tuple(); });
  expect_line(kKind, __LINE__, [&] { tuple.tensor(); });
  const std::vector<float> three(3);
  expect_line(kShape, __LINE__, [] { Tensor({{1, 2}, {3}}); });
  expect_line(kShape, __LINE__, [] { Tensor({{{1, 2}}, {{3, 4}, {5, 6}}}); });
  expect_line(kShape, __LINE__, [] { Tensor({1, 2, 3}, {2, 2}); });
  expect_line(kShape, __LINE__, [&] { Tensor(three, {2}); });
  expect_line(kShape, __LINE__, [] { nn::Parameter({1, 2, 3}, {2, 2}); });
  expect_line(kShape, __LINE__, [] { Tensor({1, 2}).item(); });
  const auto traced = [&](int line, auto&& ask) {
    expect_line(kTrace, line, [&] {
      trace(
          [&](Tensor x) {
            ask(x);
            return x;
          },
          Tensor({1}));
    });
  };
  traced(__LINE__, [](const Tensor& x) { x.item(); });
  traced(__LINE__, [](const Tensor& x) { (x + 1).realize(); });
  traced(__LINE__, [](const Tensor& x) { x.to_string(); });
  traced(__LINE__, [](const Tensor& x) { split(x).repr(); });
}

TEST(Tensor, NumbersThatDoNotFit) {
  EXPECT_THROW(Tensor::scalar(3'000'000'000), DTypeError);
  EXPECT_THROW(Tensor::scalar(300, {.dtype = DType::kU8}), DTypeError);
  EXPECT_THROW(Tensor::scalar(std::numeric_limits<std::uint64_t>::max(), {.dtype = DType::kI64}),
               DTypeError);
  EXPECT_EQ(Tensor::scalar(3'000'000'000, {.dtype = DType::kI64}).item<std::int64_t>(),
            3'000'000'000);
  EXPECT_THROW(Tensor::scalar(2.5, {.dtype = DType::kI32}), DTypeError);
  EXPECT_THROW(Tensor::scalar(1e10, {.dtype = DType::kI32}), DTypeError);
  EXPECT_EQ(Tensor::scalar(2.0, {.dtype = DType::kI32}).item<int>(), 2);
  EXPECT_EQ(Tensor::scalar(7, {.dtype = DType::kF16}).item(), 7);
  EXPECT_FALSE(Tensor::scalar(7, {.requires_grad = false}).requires_grad());
  try {
    Tensor::scalar(-1, {.dtype = DType::kU8});
    FAIL();
  } catch (const DTypeError& error) {
    EXPECT_EQ(error.message(), "-1 is not a value of u8");
    EXPECT_EQ(error.diagnostic().location.line, __LINE__ - 4);
  }
}

// More memory than there is: an error that says how much, and the library goes on.
TEST(Tensor, TooLarge) {
  constexpr std::int64_t kMany = std::int64_t{1} << 48;
  const auto expect_refused = [](auto&& f) {
    try {
      f();
      ADD_FAILURE();
    } catch (const ResourceError& error) {
      EXPECT_NE(error.message().find("needs 1125899906842624 bytes, limit"), std::string::npos)
          << error.message();
    }
  };
  expect_refused([] { Tensor(ir::Literal::filled({DType::kF32, {kMany}}, 1)); });
  const Tensor wide = broadcast_to(Tensor({1}), {kMany});
  expect_refused([&] { wide.realize(); });
  expect_refused([&] { static_cast<void>(wide.to_string()); });
  EXPECT_FALSE(wide.is_realized());
  EXPECT_EQ((Tensor({1}) + 1).item(), 2);
}

TEST(Tensor, ItemWantsOneElement) {
  EXPECT_EQ(Tensor({4}).item(), 4);
  EXPECT_THROW(Tensor({4, 5}).item(), ShapeError);
}

// The lecture's first cells.
TEST(Tensor, HistoryIsAsWritten) {
  Tensor w({1, 2, 3});
  const Tensor grad({1, 1, 1});
  const double lr = 0.1;
  for (int i = 0; i < 5; ++i) w = w + (-lr) * grad;
  EXPECT_EQ(w.op(), "add");
  EXPECT_EQ(w.inputs()[0].op(), "add");
  EXPECT_EQ(w.inputs()[0].inputs()[0].op(), "add");
  EXPECT_EQ(w.inputs()[1].op(), "mul");
  EXPECT_TRUE(w.inputs()[1].inputs()[1].is(grad));
  EXPECT_EQ(w.data().repr(), "needle.Tensor([0.4999999 1.4999999 2.5000005])");
  EXPECT_FALSE(w.data().requires_grad());

  const Tensor new_w = w.data() + (-lr) * grad.data();
  EXPECT_EQ(new_w.repr(), "needle.Tensor([0.39999992 1.3999999  2.4000006 ])");
  EXPECT_FALSE(new_w.requires_grad());
  EXPECT_TRUE(new_w.inputs().empty());
  EXPECT_EQ(new_w.op(), "");

  w.set_data(w.data() + (-lr) * grad.data());
  EXPECT_EQ(w.repr(), "needle.Tensor([0.39999992 1.3999999  2.4000006 ])");
  EXPECT_TRUE(w.requires_grad());
}

TEST(Tensor, RealizingKeepsTheHistoryThatAGradientNeeds) {
  const Tensor x({1, 2});
  const Tensor y = x * x;
  EXPECT_FALSE(y.is_realized());
  y.realize();
  EXPECT_TRUE(y.is_realized());
  EXPECT_EQ(y.op(), "mul");
  EXPECT_TRUE(y.inputs()[0].is(x));
}

TEST(Tensor, RebindingIsSeenByEveryHandleButNotByThePast) {
  Tensor w({1, 2});
  const Tensor alias = w;
  const Tensor before = w * 2;
  const Tensor old = w.data();
  w.set_data(Tensor({5, 6, 7}));
  EXPECT_EQ(alias.to_vector<float>(), (Floats{5, 6, 7}));
  EXPECT_EQ(before.to_vector<float>(), (Floats{2, 4}));
  EXPECT_EQ(old.to_vector<float>(), (Floats{1, 2}));
  EXPECT_TRUE(alias.is(w));
  EXPECT_FALSE(old.is(w));
  EXPECT_THROW(w.set_data(Tensor({1}, {.dtype = DType::kF64})), DTypeError);
}

TEST(Tensor, DataSharesTheBuffer) {
  const Tensor x({1, 2});
  EXPECT_EQ(x.data().record()->storage, x.record()->storage);
  const Tensor y = x + 1;
  const Tensor pending = y.data();
  EXPECT_EQ(pending.op(), "");
  y.realize();
  pending.realize();
  EXPECT_EQ(pending.record()->storage, y.record()->storage);
}

TEST(Tensor, PrintsAsNumpyDoes) {
  std::ostringstream out;
  out << Tensor({4}) << ' ' << Tensor::scalar(4.0);
  EXPECT_EQ(out.str(), "[4.] 4.0");
  EXPECT_EQ(fmt::format("{}", nn::Parameter({1, 0.5})), "[1.  0.5]");
  EXPECT_EQ(Tensor({1}).repr(), "needle.Tensor([1.])");
}

TEST(TensorTuple, ElementsAreReadByAnOp) {
  const Tensor x({1});
  const TensorTuple z = fused_add_scalars(x, 1, 2);
  EXPECT_EQ(z.size(), 2u);
  EXPECT_EQ(z.op(), "fused_add_scalars");
  const Tensor v0 = z[0];
  EXPECT_EQ(v0.op(), "get_tuple_element");
  EXPECT_TRUE(v0.inputs()[0].is(z));
  EXPECT_EQ(v0.item(), 2);
  EXPECT_EQ(z[-1].item(), 3);
  EXPECT_EQ(fmt::format("{}", z), "needle.TensorTuple(needle.Tensor([2.]), needle.Tensor([3.]))");
  EXPECT_THROW(z[2], IndexError);
}

TEST(TensorTuple, ElementsOfMakeTupleAreTheTensors) {
  const Tensor x({1});
  const Tensor y = x + 1;
  const TensorTuple t = make_tuple({x, y});
  EXPECT_TRUE(t[0].is(x));
  EXPECT_TRUE(t[1].is(y));
  EXPECT_EQ(t[1].op(), "add");
  t.realize();
  EXPECT_TRUE(t.is_realized());
  EXPECT_TRUE(y.is_realized());
}

TEST(TensorTuple, DetachHasNoHistory) {
  const Tensor x({1});
  const TensorTuple pending = fused_add_scalars(x, 1, 2).detach();
  EXPECT_EQ(pending.op(), "");
  EXPECT_EQ(pending[1].item(), 3);
  const TensorTuple made = make_tuple({x, x + 1}).detach();
  EXPECT_FALSE(made.requires_grad());
  EXPECT_EQ(made[1].item(), 2);
}

}  // namespace
}  // namespace ndl
