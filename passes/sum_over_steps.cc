#include "passes/sum_over_steps.h"

#include <algorithm>

#include "passes/cost_model.h"

namespace ndl::passes {

using ir::Attr;
using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::ReduceKind;
using ir::Shape;
using ir::Value;

std::optional<SumOverSteps> SumOverSteps::find(const Graph& body, Value contribution,
                                               std::int64_t length) {
  SumOverSteps sum;
  sum.type_ = body.type(contribution).tensor();
  if (!sum.add_terms(body, contribution)) return std::nullopt;
  std::int64_t bytes = 0;
  for (const Value value : sum.values_) bytes += body.type(value).bytes();
  if (bytes > CostModel::kMostHoistedBytes / std::max<std::int64_t>(length, 1)) return std::nullopt;
  return sum;
}

std::size_t SumOverSteps::add_value(Value value) {
  const auto it = std::ranges::find(values_, value);
  if (it != values_.end()) return static_cast<std::size_t>(it - values_.begin());
  values_.push_back(value);
  return values_.size() - 1;
}

bool SumOverSteps::add_terms(const Graph& body, Value contribution) {
  constexpr std::size_t kMostTerms = 8;  // more are as well added up step by step
  std::vector<Value> pending = {contribution};
  while (!pending.empty()) {
    const Value next = pending.back();
    pending.pop_back();
    switch (body.op(next)) {
      case Op::kAdd:
        pending.push_back(body.operand(next, 1));
        pending.push_back(body.operand(next, 0));
        break;
      case Op::kReshape:
        pending.push_back(body.operand(next, 0));
        break;
      default:
        if (!add_term(body, next)) return false;
    }
    if (terms_.size() + pending.size() > kMostTerms) return false;
  }
  return true;
}

bool SumOverSteps::add_term(const Graph& body, Value contribution) {
  if (body.op(contribution) == Op::kReduce) {
    const ir::Attributes& a = body.attributes(contribution);
    if (a.kind() != ReduceKind::kSum) return false;
    Dims axes = {0};
    for (const std::int64_t axis : a.integers(Attr::kAxes)) axes.push_back(axis + 1);
    terms_.push_back({add_value(body.operand(contribution, 0)), std::nullopt, false, axes});
    return true;
  }
  if (body.op(contribution) != Op::kMatmul) return false;
  Value left = body.operand(contribution, 0);
  const Value right = body.operand(contribution, 1);
  if (body.type(left).shape().rank() != 2 || body.type(right).shape().rank() != 2) return false;
  const bool is_transposed = body.op(left) == Op::kTranspose &&
                             body.attributes(left).integers(Attr::kPermutation) == Dims{1, 0};
  if (is_transposed) left = body.operand(left, 0);
  const std::size_t left_value = add_value(left);
  terms_.push_back({left_value, add_value(right), is_transposed, {}});
  return true;
}

Value SumOverSteps::build(Builder& b, const std::vector<Value>& stacked) const {
  std::optional<Value> sum;
  for (const Term& term : terms_) {
    const Value left = stacked[term.left];
    const Shape shape = b.type(left).shape();
    Value value = left;
    if (!term.right) {
      value = b.reduce(left, ReduceKind::kSum, term.axes);
    } else {
      const Value right = stacked[*term.right];
      const Shape right_shape = b.type(right).shape();
      const std::int64_t depth = right_shape[0] * right_shape[1];
      if (term.is_left_transposed) {
        value = b.transpose(b.reshape(left, {depth, shape[2]}), {1, 0});
      } else {
        value = b.reshape(b.transpose(left, {1, 0, 2}), {shape[1], depth});
      }
      const Value rows = b.reshape(right, {depth, right_shape[2]});
      value = b.matmul(value, rows);
    }
    value = b.reshape(value, type_.shape);
    sum = sum ? b.add(*sum, value) : value;
  }
  return *sum;
}

}  // namespace ndl::passes
