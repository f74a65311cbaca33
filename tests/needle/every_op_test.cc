// Every op that is not elementwise is a function that records it. (needle/elementwise.h has the
// others, from their table.)
#include <gtest/gtest.h>

#include <map>

#include "ir/interpreter.h"
#include "needle/lower.h"
#include "needle/needle.h"

namespace ndl {
namespace {

using ir::Op;

class EveryOp : public testing::TestWithParam<Op> {};

// What an element was taken from.
Value tuple_behind(const Tensor& element) { return Value(element.record()->inputs.front()); }

const std::map<Op, Value>& examples() {
  static const auto& all = *new std::map<Op, Value>([] {
    const Tensor x({{1, 2, 3}, {4, 5, 6}});
    const Tensor image = reshape(arange(16, DType::kF32), {1, 4, 4, 1}) * x[{0, 0}];
    const Tensor indices({1, 0}, {.dtype = DType::kI32});
    const Tensor state({3, 5}, {.dtype = DType::kI64});
    return std::map<Op, Value>{
        {Op::kIota, iota({2, 3}, 1)},
        {Op::kRngBits, rng_bits(state, {4}, DType::kI32)},
        {Op::kConvert, astype(x, DType::kI32)},
        {Op::kBitcast, bitcast(x, DType::kI32)},
        {Op::kReshape, reshape(x, {3, 2})},
        {Op::kBroadcast, broadcast_to(x, {2, 2, 3})},
        {Op::kTranspose, transpose(x)},
        {Op::kReverse, flip(x, 1)},
        {Op::kSlice, slice(x, {0, 1}, {2, 3})},
        {Op::kDynamicSlice, dynamic_slice(x, indices, {1, 2})},
        {Op::kDynamicUpdateSlice, dynamic_update_slice(x, Tensor({{7, 8}}), indices)},
        {Op::kPad, pad(x, 0, {1, 1}, {0, 0})},
        {Op::kConcatenate, concatenate({x, x})},
        {Op::kAfter, after(x, indices)},
        {Op::kGather, gather(x, indices, 0)},
        {Op::kScatterAdd, scatter_add(x, indices, x)},
        {Op::kReduce, sum(x, 0)},
        {Op::kArgmax, argmax(x, 0)},
        {Op::kArgmin, argmin(x, 0)},
        {Op::kCumsum, cumsum(x, 0)},
        {Op::kSort, sort({x, x})},
        {Op::kReduceWindow, reduce_window(x, ir::ReduceKind::kMax, {2, 2})},
        {Op::kMatmul, matmul(x, transpose(x))},
        {Op::kConv, conv(image, Tensor({1, 2}, {2, 1, 1, 1}))},
        {Op::kMakeTuple, make_tuple({x * 2, x})},
        {Op::kGetTupleElement, split(x)[0]},
        {Op::kCustom,
         custom_op(
             "custom", [](const Tensor& t) { return -t; },
             [](const CustomGradient& at) { return std::vector{-at.gradients[0]}; })(x)},
        {Op::kCond, cond(
                        sum(x) > 0, [&] { return x * 2; }, [&] { return -x; })},
        {Op::kWhile, tuple_behind(while_loop([](const Tensor& t) { return sum(t) < 100; },
                                             [](const Tensor& t) { return t * 2; }, x))},
        {Op::kScan,
         tuple_behind(scan([](const Tensor& a, const Tensor& b) { return std::pair(a + b, a * b); },
                           Tensor({1, 2, 3}), x)
                          .first)},
        {Op::kFusedAddScalars, fused_add_scalars(x, 1, 2)},
        {Op::kSplit, split(x)},
        {Op::kStack, stack({x, x})},
        {Op::kSoftmax, softmax(x)},
        {Op::kLogSoftmax, log_softmax(x)},
        {Op::kLogsumexp, logsumexp(x, 1)},
        {Op::kSigmoid, sigmoid(x)},
        {Op::kSoftplus, softplus(x)},
        {Op::kLogaddexp, logaddexp(x, x)},
    };
  }());
  return all;
}

TEST_P(EveryOp, IsAFunction) {
  const Op op = GetParam();
  ASSERT_TRUE(examples().contains(op)) << "no function of needle/ records " << name_of(op);
  const Value y = examples().at(op);
  EXPECT_EQ(y.record()->op, op);
  EXPECT_EQ(y.op(), y.requires_grad() ? name_of(op) : "");
  EXPECT_TRUE(y.location().file.ends_with("every_op_test.cc"));
}

std::vector<ir::Literal> interpreted(const Value& y) {
  Garbage garbage;
  Lowered lowered;
  {
    const std::lock_guard lock(record_mutex());
    lowered = lower(std::span(&y.record(), 1), garbage);
  }
  std::vector<ir::Literal> inputs;
  for (const RecordRef& input : lowered.inputs) inputs.push_back(Tensor(input).to_literal());
  return ir::interpret(lowered.graph, inputs);
}

TEST_P(EveryOp, GivesWhatTheInterpreterDoes) {
  const Value y = examples().at(GetParam());
  const std::vector<ir::Literal> expected = interpreted(y);
  y.realize();
  const std::vector<Tensor> results =
      y.is_tuple() ? y.tuple().tensors() : std::vector<Tensor>{y.tensor()};
  ASSERT_EQ(results.size(), expected.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].to_literal(), expected[i].dense());
  }
}

// The rows of the table, but for what only graphs have.
std::vector<Op> structural_ops() {
  std::vector<Op> ops = {
#define NDL_STRUCTURAL(enumerator, ...) Op::enumerator,
#define NDL_COMPOSED NDL_STRUCTURAL
#define NDL_GRAPH_OP NDL_STRUCTURAL
#include "ir/structural.def"
#undef NDL_GRAPH_OP
#undef NDL_COMPOSED
#undef NDL_STRUCTURAL
  };
  std::erase_if(
      ops, [](Op op) { return op == Op::kParameter || op == Op::kConstant || op == Op::kFusion; });
  return ops;
}

INSTANTIATE_TEST_SUITE_P(Table, EveryOp, testing::ValuesIn(structural_ops()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace ndl
