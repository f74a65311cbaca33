#include "tests/random_op.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <vector>

#include "tests/same_results.h"

namespace ndl::test {
namespace {

using ir::Attr;
using ir::Builder;
using ir::Dims;
using ir::Op;
using ir::OpDef;
using ir::ReduceKind;
using ir::Shape;
using ir::TensorType;
using ir::Type;
using ir::Value;

constexpr DTypeSet kIndexDTypes = DType::kI32 | DType::kI64;

class RandomOp {
 public:
  RandomOp(Builder& builder, Random& random, Operands& operands)
      : builder_(builder), random_(random), operands_(operands) {}

  Value elementwise(const OpDef& def);
  std::optional<Value> structural(const OpDef& def);

 private:
  const TensorType& type(Value value) const { return builder_.type(value).tensor(); }
  const Shape& shape(Value value) const { return type(value).shape; }
  std::int64_t rank(Value value) const { return static_cast<std::int64_t>(shape(value).rank()); }

  Value any(DTypeSet allowed, std::size_t least_rank = 0) {
    return operands_.any(allowed, least_rank);
  }
  Value axis_value(DTypeSet allowed) { return any(allowed, 1); }
  Value of_type(const TensorType& type) { return operands_.of_type(type); }
  std::int64_t axis(Value value) { return random_.below(rank(value)); }
  Dims axes(Value value);
  Dims list(std::size_t size, std::int64_t low, std::int64_t high);
  Value indices(Shape shape, std::int64_t bound);
  std::vector<Value> several(Value first);
  Value window(Op op);
  Value reduce();
  Value square(Value x);
  Value cond();
  Value while_loop();
  Value scan();
  // Something made of these values, of the type of the one at `like`.
  Value mixed(Builder& b, const std::vector<Value>& values, std::size_t like);
  // A region that gives something like each of the parameters at `results`.
  ir::Region mixing_region(std::string_view name, const std::vector<Type>& parameters,
                           const std::vector<std::size_t>& results);

  Builder& builder_;
  Random& random_;
  Operands& operands_;
};

Value RandomOp::mixed(Builder& b, const std::vector<Value>& values, std::size_t like) {
  const Type type = b.type(values[like]);
  std::vector<Value> same;
  for (const Value value : values) {
    if (b.type(value) == type) same.push_back(value);
  }
  const auto one = [&] { return same[static_cast<std::size_t>(random_.below(std::ssize(same)))]; };
  Value value = random_.one_in(4) ? one() : values[like];
  while (random_.one_in(2)) {
    const Value other = one();
    if (type.dtype() == DType::kBool) {
      value = b.xor_(value, other);
    } else if (is_float(type.dtype())) {
      // Smooth, bounded, and of ops that are exact everywhere.
      const Value square = b.mul(other, other);
      const Value divisor = b.add(square, b.constant_like(square, 1));
      value = random_.one_in(2) ? b.div(value, divisor) : b.sub(value, b.div(other, divisor));
    } else {
      value = random_.one_in(2) ? b.add(value, other) : b.sub(value, other);
    }
  }
  return value;
}

ir::Region RandomOp::mixing_region(std::string_view name, const std::vector<Type>& parameters,
                                   const std::vector<std::size_t>& results) {
  auto graph = std::make_shared<ir::Graph>(name);
  Builder b(*graph);
  std::vector<Value> values;
  for (const Type& parameter : parameters) values.push_back(b.parameter(parameter));
  std::vector<Value> list;
  for (const std::size_t i : results) list.push_back(mixed(b, values, i));
  b.set_result(list.size() == 1 && random_.one_in(2) ? list.front() : b.make_tuple(list));
  return graph;
}

Value RandomOp::cond() {
  std::vector<Value> xs = {any(kAllDTypes)};
  while (random_.one_in(2)) xs.push_back(any(kAllDTypes));
  const Value pred = of_type({DType::kBool, {}});
  std::vector<Type> types;
  for (const Value x : xs) types.push_back(builder_.type(x));
  std::vector<std::size_t> results = {0};
  for (std::size_t i = 1; i < xs.size(); ++i) {
    if (random_.one_in(2)) results.push_back(i);
  }
  const ir::Region then = mixing_region("then", types, results);
  ir::Region otherwise = mixing_region("else", types, results);
  while (otherwise->result_type() != then->result_type()) {
    otherwise = mixing_region("else", types, results);
  }
  return builder_.cond(pred, xs, then, otherwise);
}

// The first state counts.
Value RandomOp::while_loop() {
  std::vector<Value> xs = {any(kAllDTypes)};
  while (random_.one_in(2)) xs.push_back(any(kAllDTypes));
  const TensorType counter(DType::kI32, {});
  xs.insert(xs.begin(), builder_.constant(counter, 0));
  std::vector<Type> types;
  for (const Value x : xs) types.push_back(builder_.type(x));
  auto condition = std::make_shared<ir::Graph>("condition");
  {
    Builder b(*condition);
    std::vector<Value> values;
    for (const Type& type : types) values.push_back(b.parameter(type));
    const Value most = b.constant(counter, static_cast<double>(random_.below(4)));
    b.set_result(b.lt(values[0], most));
  }
  auto body = std::make_shared<ir::Graph>("body");
  {
    Builder b(*body);
    std::vector<Value> values;
    for (const Type& type : types) values.push_back(b.parameter(type));
    const Value one = b.constant(counter, 1);
    std::vector<Value> state = {b.add(values[0], one)};
    const auto last = static_cast<std::size_t>(random_.between(1, std::ssize(xs) - 1));
    for (std::size_t i = 1; i <= last; ++i) state.push_back(mixed(b, values, i));
    b.set_result(b.make_tuple(state));
  }
  return builder_.while_(xs, std::move(condition), std::move(body), random_.below(5));
}

Value RandomOp::scan() {
  std::vector<Value> states;
  while (random_.one_in(2)) states.push_back(any(kAllDTypes));
  std::vector<Value> items = {axis_value(kAllDTypes)};
  const std::int64_t length = shape(items[0])[0];
  while (random_.one_in(3)) items.push_back(of_type(type(items[0])));
  std::vector<Value> xs = states;
  xs.insert(xs.end(), items.begin(), items.end());
  while (random_.one_in(3)) xs.push_back(any(kAllDTypes));
  std::vector<Type> types;
  std::vector<std::size_t> results;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const bool is_item = i >= states.size() && i < states.size() + items.size();
    const Dims& dims = shape(xs[i]).dims();
    types.push_back(is_item ? Type(type(xs[i]).dtype, Shape(Dims(dims.begin() + 1, dims.end())))
                            : builder_.type(xs[i]));
    if (i < states.size()) results.push_back(i);
  }
  for (std::size_t i = 0; i < xs.size(); ++i) {
    if (results.empty() || random_.one_in(3)) results.push_back(i);
  }
  return builder_.scan(xs, mixing_region("body", types, results), length, std::ssize(states),
                       std::ssize(items), random_.one_in(2));
}

Dims RandomOp::axes(Value value) {
  Dims axes;
  for (std::int64_t axis = 0; axis < rank(value); ++axis) {
    if (random_.one_in(2)) axes.push_back(axis);
  }
  return axes;
}

Dims RandomOp::list(std::size_t size, std::int64_t low, std::int64_t high) {
  Dims values(size);
  for (std::int64_t& value : values) value = random_.between(low, high);
  return values;
}

Value RandomOp::indices(Shape shape, std::int64_t bound) {
  return operands_.indices({random_.dtype(kIndexDTypes), std::move(shape)},
                           std::max<std::int64_t>(bound, 1));
}

std::vector<Value> RandomOp::several(Value first) {
  std::vector<Value> values = {first};
  while (random_.one_in(2)) values.push_back(of_type(type(first)));
  return values;
}

Value RandomOp::elementwise(const OpDef& def) {
  const Value last = any(def.dtypes);
  std::vector<Value> operands;
  for (int i = 0; i + 1 < ir::operand_count(def.kind); ++i) {
    const bool is_mask = def.kind == ir::ElementwiseKind::kSelect && i == 0;
    operands.push_back(of_type({is_mask ? DType::kBool : type(last).dtype, shape(last)}));
  }
  operands.push_back(last);
  return builder_.add_node(def.op, operands);
}

Value RandomOp::window(Op op) {
  Builder& b = builder_;
  if (op == Op::kReduceWindow) {
    const Value x = any(ir::op_def(op).dtypes);
    const std::size_t n = shape(x).rank();
    return b.add_node(op, {x},
                      {{Attr::kKind, random_.below(4)},
                       {Attr::kSize, list(n, 1, 3)},
                       {Attr::kStride, list(n, 1, 2)},
                       {Attr::kLow, list(n, 0, 2)},
                       {Attr::kHigh, list(n, 0, 2)},
                       {Attr::kDilation, list(n, 1, 2)}});
  }
  const Value x = any(ir::op_def(op).dtypes, 2);
  const std::size_t spatial = shape(x).rank() - 2;
  const std::int64_t channels = shape(x)[spatial + 1];
  const std::int64_t groups = channels == 3 && random_.one_in(2) ? 3 : 1;
  Dims kernel = list(spatial, 1, 3);
  kernel.push_back(channels / groups);
  kernel.push_back(groups * random_.between(1, 2));
  return b.add_node(op, {x, of_type({type(x).dtype, Shape(kernel)})},
                    {{Attr::kStride, list(spatial, 1, 2)},
                     {Attr::kLow, list(spatial, 0, 2)},
                     {Attr::kHigh, list(spatial, 0, 2)},
                     {Attr::kDilation, list(spatial, 1, 2)},
                     {Attr::kBaseDilation, list(spatial, 1, 2)},
                     {Attr::kGroups, groups}});
}

Value RandomOp::reduce() {
  const Value x = any(kAllDTypes);
  const DType dtype = type(x).dtype;
  const bool logical = dtype == DType::kBool || (is_integer(dtype) && random_.one_in(3));
  const auto kind = static_cast<ReduceKind>(logical ? random_.between(4, 5) : random_.below(4));
  if (ir::accumulates(kind) && is_float(dtype) && random_.one_in(3)) {
    return builder_.reduce(x, kind, axes(x), DType::kF64);
  }
  return builder_.reduce(x, kind, axes(x));
}

// x * x, or of bools not x, as an op with a gradient of its own.
Value RandomOp::square(Value x) {
  const Type of_x = builder_.type(x);
  const auto body = std::make_shared<ir::Graph>("body");
  Builder forward(*body);
  const Value a = forward.parameter(of_x);
  forward.set_result(of_x.dtype() == DType::kBool ? forward.not_(a) : forward.mul(a, a));
  const auto gradient = std::make_shared<ir::Graph>("gradient");
  Builder backward(*gradient);
  const Value b = backward.parameter(of_x);
  backward.parameter(of_x);
  if (is_float(of_x.dtype())) {
    const Value product = backward.mul(b, backward.parameter(of_x));
    backward.set_result(backward.add(product, product));
  } else {
    backward.set_result(backward.make_tuple({}));
  }
  return builder_.custom(std::vector{x}, body, gradient);
}

std::optional<Value> RandomOp::structural(const OpDef& def) {
  Builder& b = builder_;
  switch (def.op) {
    case Op::kConstant:
      return b.constant(random_literal(operands_.result_type(def.dtypes, 0), random_.bits()));
    case Op::kIota: {
      const TensorType result = operands_.result_type(def.dtypes, 1);
      return b.iota(result, random_.below(static_cast<std::int64_t>(result.shape.rank())));
    }
    case Op::kRngBits: {
      const Shape result = operands_.result_type(kAllDTypes, 0).shape;
      return b.rng_bits(of_type({DType::kI64, {2}}), {random_.dtype(kIndexDTypes), result});
    }
    case Op::kConvert:
      return b.convert(any(def.dtypes), random_.dtype());
    case Op::kBitcast: {
      const Value x = any(def.dtypes);
      while (true) {
        const DType to = random_.dtype(def.dtypes);
        if (size_of(to) == size_of(type(x).dtype)) return b.bitcast(x, to);
      }
    }
    case Op::kReshape: {
      // Cut the elements into other extents: a divisor, and the rest.
      const Value x = any(kAllDTypes);
      const std::int64_t n = shape(x).num_elements();
      const std::int64_t d = random_.between(1, 5);
      if (n % d != 0) return b.reshape(x, {n});
      return random_.one_in(2) ? b.reshape(x, {d, n / d}) : b.reshape(x, {n / d, 1, d});
    }
    case Op::kBroadcast: {
      const Value x = any(kAllDTypes);
      Dims dims = shape(x).dims();
      for (std::int64_t& dim : dims) {
        if (dim == 1) dim = random_.between(0, 4);
      }
      while (random_.one_in(2) && dims.size() < 4) dims.insert(dims.begin(), random_.between(0, 3));
      return b.broadcast(x, Shape(dims));
    }
    case Op::kTranspose: {
      const Value x = any(kAllDTypes);
      Dims permutation(shape(x).rank());
      std::iota(permutation.begin(), permutation.end(), 0);
      for (std::size_t i = permutation.size(); i > 1; --i) {
        const std::int64_t other = random_.below(static_cast<std::int64_t>(i));
        std::swap(permutation[i - 1], permutation[static_cast<std::size_t>(other)]);
      }
      return b.transpose(x, permutation);
    }
    case Op::kAfter:
      return b.after(any(kAllDTypes), any(kAllDTypes));
    case Op::kReverse: {
      const Value x = any(kAllDTypes);
      return b.reverse(x, axes(x));
    }
    case Op::kSlice: {
      const Value x = any(kAllDTypes);
      Dims start;
      Dims limit;
      for (const std::int64_t dim : shape(x)) {
        start.push_back(random_.between(0, dim));
        limit.push_back(random_.between(start.back(), dim));
      }
      return b.slice(x, start, limit, list(start.size(), 1, 3));
    }
    case Op::kDynamicSlice:
    case Op::kDynamicUpdateSlice: {
      const Value x = any(kAllDTypes);
      Dims dims;
      std::int64_t slack = 100;
      for (const std::int64_t dim : shape(x)) {
        dims.push_back(random_.between(0, dim));
        slack = std::min(slack, dim - dims.back() + 1);
      }
      const Value start = indices({rank(x)}, slack);
      if (def.op == Op::kDynamicSlice) return b.dynamic_slice(x, start, Shape(dims));
      return b.dynamic_update_slice(x, of_type({type(x).dtype, Shape(dims)}), start);
    }
    case Op::kPad: {
      const Value x = any(kAllDTypes);
      const std::size_t n = shape(x).rank();
      return b.pad(x, of_type({type(x).dtype, Shape()}), list(n, 0, 2), list(n, 0, 2),
                   list(n, 0, 2));
    }
    case Op::kConcatenate: {
      const Value x = axis_value(kAllDTypes);
      return b.concatenate(several(x), axis(x));
    }
    case Op::kGather:
    case Op::kScatterAdd: {
      const Value x = axis_value(def.dtypes);
      const std::int64_t batch = random_.between(0, std::min<std::int64_t>(rank(x) - 1, 1));
      const std::int64_t at = random_.between(batch, rank(x) - 1);
      Dims dims(shape(x).begin(), shape(x).begin() + batch);
      while (random_.one_in(2) && dims.size() < 3) dims.push_back(random_.between(0, 3));
      const Value index_value = indices(Shape(dims), shape(x)[static_cast<std::size_t>(at)]);
      if (def.op == Op::kGather) return b.gather(x, index_value, at, batch);
      Dims update(shape(x).begin(), shape(x).begin() + at);
      update.insert(update.end(), dims.begin() + batch, dims.end());
      update.insert(update.end(), shape(x).begin() + at + 1, shape(x).end());
      return b.scatter_add(x, index_value, of_type({type(x).dtype, Shape(update)}), at, batch);
    }
    case Op::kReduce:
      return reduce();
    case Op::kArgmax:
    case Op::kArgmin: {
      const Value x = axis_value(def.dtypes);
      return b.add_node(def.op, {x}, {{Attr::kAxis, axis(x)}});
    }
    case Op::kCumsum: {
      const Value x = axis_value(def.dtypes);
      return b.cumsum(x, axis(x));
    }
    case Op::kSort: {
      const Value x = axis_value(def.dtypes);
      return b.sort(several(x), axis(x), random_.one_in(2));
    }
    case Op::kReduceWindow:
    case Op::kConv:
      return window(def.op);
    case Op::kMatmul: {
      const Value x = any(def.dtypes, 2);
      const std::int64_t inner = shape(x)[shape(x).rank() - 1];
      Dims dims = {inner, random_.between(0, 4)};
      if (shape(x).rank() > 2 && random_.one_in(2)) dims.insert(dims.begin(), 1);
      return b.matmul(x, of_type({type(x).dtype, Shape(dims)}));
    }
    case Op::kMakeTuple:
      return b.make_tuple(several(any(kAllDTypes)));
    case Op::kGetTupleElement: {
      const std::optional<Value> tuple = operands_.tuple();
      if (!tuple) return std::nullopt;
      return b.get_tuple_element(*tuple, random_.below(std::ssize(b.type(*tuple).elements())));
    }
    case Op::kFusion: {
      const std::vector<Value> xs = several(any(kAllDTypes));
      std::vector<Type> types;
      for (const Value x : xs) types.push_back(b.type(x));
      const ir::Region body = operands_.body(types);
      if (body == nullptr) return std::nullopt;
      return b.fusion(xs, body);
    }
    case Op::kCustom:
      return square(any(def.dtypes));
    case Op::kCond:
      return cond();
    case Op::kWhile:
      return while_loop();
    case Op::kScan:
      return scan();
    case Op::kFusedAddScalars: {
      std::vector<double> scalars;
      do scalars.push_back(static_cast<double>(random_.below(100)));
      while (random_.one_in(2));
      return b.fused_add_scalars(any(def.dtypes), scalars);
    }
    case Op::kSplit: {
      const Value x = axis_value(def.dtypes);
      return b.split(x, axis(x));
    }
    case Op::kStack: {
      const Value x = any(def.dtypes);
      return b.stack(several(x), random_.between(0, rank(x)));
    }
    case Op::kSoftmax:
    case Op::kLogSoftmax:
    case Op::kLogsumexp: {
      const Value x = any(def.dtypes);
      return b.add_node(def.op, {x}, {{Attr::kAxes, axes(x)}});
    }
    case Op::kSigmoid:
    case Op::kSoftplus:
      return b.add_node(def.op, {any(def.dtypes)});
    case Op::kLogaddexp: {
      const Value x = any(def.dtypes);
      return b.add_node(def.op, {x, of_type(type(x))});
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<Value> random_op(Builder& builder, Random& random, Operands& operands,
                               const OpDef& def) {
  RandomOp op(builder, random, operands);
  return def.is_elementwise() ? op.elementwise(def) : op.structural(def);
}

}  // namespace ndl::test
