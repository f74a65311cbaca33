// The meaning of the composed ops, in terms of other ops.
#include <limits>

#include "ir/builder.h"
#include "ir/expansion.h"
#include "ir/inline_graph.h"

namespace ndl::ir {

Value as_dtype(Builder& b, Value x, DType dtype) {
  return b.type(x).dtype() == dtype ? x : b.convert(x, dtype);
}

Value widened(Builder& b, Value x) { return as_dtype(b, x, accumulator_of(b.type(x).dtype())); }

Value repeat_along(Builder& b, Value reduced, const Dims& axes, const Shape& shape) {
  Dims kept = shape.dims();
  for (const std::int64_t axis : axes) kept[static_cast<std::size_t>(axis)] = 1;
  return b.broadcast(b.reshape(reduced, Shape(std::move(kept))), shape);
}

Value reduce_and_repeat(Builder& b, Value x, ReduceKind kind, const Dims& axes) {
  const Shape shape = b.type(x).shape();
  return repeat_along(b, b.reduce(x, kind, axes), axes, shape);
}

namespace {

Value minus_max(Builder& b, Value x, const Dims& axes) {
  return b.sub(x, reduce_and_repeat(b, x, ReduceKind::kMax, axes));
}

}  // namespace

Value expand_fused_add_scalars(Builder& b, std::span<const Value> operands,
                               const Attributes& attributes) {
  const Value x = operands[0];
  std::vector<Value> sums;
  for (const double scalar : attributes.scalars(Attr::kScalars)) {
    sums.push_back(b.add(x, b.constant_like(x, scalar)));
  }
  return b.make_tuple(sums);
}

Value expand_split(Builder& b, std::span<const Value> operands, const Attributes& attributes) {
  const Value x = operands[0];
  const Shape shape = b.type(x).shape();
  const auto axis = static_cast<std::size_t>(attributes.integer(Attr::kAxis));
  Dims element = shape.dims();
  element.erase(element.begin() + static_cast<std::ptrdiff_t>(axis));
  Dims start(shape.rank(), 0);
  Dims limit = shape.dims();
  std::vector<Value> elements;
  for (std::int64_t i = 0; i < shape[axis]; ++i) {
    start[axis] = i;
    limit[axis] = i + 1;
    elements.push_back(b.reshape(b.slice(x, start, limit), Shape(element)));
  }
  return b.make_tuple(elements);
}

Value expand_stack(Builder& b, std::span<const Value> operands, const Attributes& attributes) {
  const std::int64_t axis = attributes.integer(Attr::kAxis);
  Dims dims = b.type(operands[0]).shape().dims();
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  std::vector<Value> layers;
  for (const Value x : operands) layers.push_back(b.reshape(x, Shape(dims)));
  return b.concatenate(layers, axis);
}

Value expand_softmax(Builder& b, std::span<const Value> operands, const Attributes& attributes) {
  const Dims axes = attributes.integers(Attr::kAxes);
  const DType dtype = b.type(operands[0]).dtype();
  const Value x = widened(b, operands[0]);
  const Value exps = b.exp(minus_max(b, x, axes));
  const Value result = b.div(exps, reduce_and_repeat(b, exps, ReduceKind::kSum, axes));
  return as_dtype(b, result, dtype);
}

Value expand_log_softmax(Builder& b, std::span<const Value> operands,
                         const Attributes& attributes) {
  const Dims axes = attributes.integers(Attr::kAxes);
  const DType dtype = b.type(operands[0]).dtype();
  const Value x = widened(b, operands[0]);
  const Value shifted = minus_max(b, x, axes);
  const Value sum = reduce_and_repeat(b, b.exp(shifted), ReduceKind::kSum, axes);
  return as_dtype(b, b.sub(shifted, b.log(sum)), dtype);
}

Value expand_logsumexp(Builder& b, std::span<const Value> operands, const Attributes& attributes) {
  const Dims axes = attributes.integers(Attr::kAxes);
  const DType dtype = b.type(operands[0]).dtype();
  const Value x = widened(b, operands[0]);
  const Value max = b.reduce(x, ReduceKind::kMax, axes);
  // An infinite or NaN maximum is not subtracted: inf - inf would be NaN where the sum of
  // exponentials is 0 or inf and its logarithm what is wanted.
  const Value infinity = b.constant_like(max, std::numeric_limits<double>::infinity());
  const Value finite = b.lt(b.abs(max), infinity);
  const Value shift = b.select(finite, max, b.constant_like(max, 0));
  const Value shifted = b.sub(x, repeat_along(b, shift, axes, b.type(x).shape()));
  const Value sum = b.reduce(b.exp(shifted), ReduceKind::kSum, axes);
  return as_dtype(b, b.add(shift, b.log(sum)), dtype);
}

namespace {

// exp(-|x|), in [0, 1].
Value decay(Builder& b, Value x) { return b.exp(b.neg(b.abs(x))); }

}  // namespace

Value expand_sigmoid(Builder& b, std::span<const Value> operands, const Attributes&) {
  const DType dtype = b.type(operands[0]).dtype();
  const Value x = widened(b, operands[0]);
  const Value one = b.constant_like(x, 1);
  const Value e = decay(b, x);
  const Value numerator = b.select(b.lt(x, b.constant_like(x, 0)), e, one);
  return as_dtype(b, b.div(numerator, b.add(one, e)), dtype);
}

Value expand_softplus(Builder& b, std::span<const Value> operands, const Attributes&) {
  const DType dtype = b.type(operands[0]).dtype();
  const Value x = widened(b, operands[0]);
  const Value most = b.max(x, b.constant_like(x, 0));
  return as_dtype(b, b.add(most, b.log1p(decay(b, x))), dtype);
}

Value expand_logaddexp(Builder& b, std::span<const Value> operands, const Attributes&) {
  const DType dtype = b.type(operands[0]).dtype();
  const Value x = widened(b, operands[0]);
  const Value y = widened(b, operands[1]);
  // Equal infinities do not differ, though their difference is not a number.
  const Value difference = b.select(b.eq(x, y), b.constant_like(x, 0), b.sub(x, y));
  return as_dtype(b, b.add(b.max(x, y), b.log1p(decay(b, difference))), dtype);
}

Value expand_custom(Builder& b, std::span<const Value> operands, const Attributes& attributes) {
  const Graph& body = *attributes.region(Attr::kBody);
  return packed(b, body.result_type(), inline_graph(b, body, operands));
}

Graph expansion(const OpDef& def, const Attributes& attributes, std::span<const Type> operands) {
  Graph graph(def.name);
  Builder builder(graph);
  std::vector<Value> parameters;
  for (const Type& operand : operands) parameters.push_back(builder.parameter(operand));
  builder.set_result(def.expand(builder, parameters, attributes));
  return graph;
}

Graph expansion(const Graph& graph, Value value) {
  std::vector<Type> types;
  for (const Value operand : graph.operands(value)) types.push_back(graph.type(operand));
  return expansion(graph.def(value), graph.attributes(value), types);
}

}  // namespace ndl::ir
