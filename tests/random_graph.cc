#include "tests/random_graph.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <vector>

#include "base/hash.h"
#include "ir/builder.h"
#include "tests/same_results.h"

namespace ndl::test {
namespace {

using ir::Attr;
using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::Literal;
using ir::Op;
using ir::OpDef;
using ir::ReduceKind;
using ir::Shape;
using ir::TensorType;
using ir::Type;
using ir::Value;

constexpr std::int64_t kMostElements = 1 << 12;  // so that running stays cheap
constexpr DTypeSet kIndexDTypes = DType::kI32 | DType::kI64;

class Generator {
 public:
  Generator(std::uint64_t seed, int depth) : random_(seed), depth_(depth) {}

  Graph graph(const std::vector<Type>& parameters, int nodes);
  Graph graph(int nodes);

 private:
  DType dtype(DTypeSet allowed = kAllDTypes) {
    while (true) {
      const DType dtype = static_cast<DType>(random_.below(kDTypeCount));
      if (allowed.contains(dtype)) return dtype;
    }
  }
  Shape shape() {
    Dims dims(static_cast<std::size_t>(random_.between(0, 3)));
    for (std::int64_t& dim : dims) dim = random_.choose(Dims{0, 1, 1, 2, 3, 3, 5});
    return Shape(dims);
  }
  std::size_t index(std::int64_t bound) { return static_cast<std::size_t>(random_.below(bound)); }

  const TensorType& type(Value value) const { return builder_->type(value).tensor(); }
  const Shape& shape(Value value) const { return type(value).shape; }
  std::int64_t rank(Value value) const { return static_cast<std::int64_t>(shape(value).rank()); }

  // A value of that type: one there is, or a new constant.
  Value of_type(const TensorType& type);
  // A tensor with one of the dtypes, and at least that rank.
  Value any(DTypeSet allowed, std::size_t least_rank = 0);
  Value axis_value(DTypeSet allowed) { return any(allowed, 1); }
  std::int64_t axis(Value value) { return random_.below(rank(value)); }
  Dims axes(Value value);
  Dims list(std::size_t size, std::int64_t low, std::int64_t high);
  // Integers in [0, bound), so that indexing mostly works.
  Value indices(Shape shape, std::int64_t bound);
  std::vector<Value> several(Value first);

  std::optional<Value> elementwise(const OpDef& def);
  std::optional<Value> structural(const OpDef& def);
  std::optional<Value> window(Op op);

  Random random_;
  int depth_;
  Builder* builder_ = nullptr;
};

Value Generator::of_type(const TensorType& wanted) {
  const auto size = static_cast<std::int64_t>(builder_->graph().size());
  for (int tries = 0; tries < 8 && size > 0; ++tries) {
    const Value value{static_cast<std::uint32_t>(random_.below(size))};
    if (builder_->type(value) == Type(wanted)) return value;
  }
  if (random_.one_in(2)) return builder_->constant(wanted, static_cast<double>(random_.below(4)));
  return builder_->constant(random_literal(wanted, random_.bits()));
}

Value Generator::any(DTypeSet allowed, std::size_t least_rank) {
  const auto size = static_cast<std::int64_t>(builder_->graph().size());
  for (int tries = 0; tries < 16 && size > 0; ++tries) {
    const Value value{static_cast<std::uint32_t>(random_.below(size))};
    const Type& candidate = builder_->type(value);
    if (!candidate.is_tuple() && allowed.contains(candidate.dtype()) &&
        candidate.shape().rank() >= least_rank) {
      return value;
    }
  }
  while (true) {
    const Shape candidate = shape();
    if (candidate.rank() >= least_rank) return of_type({dtype(allowed), candidate});
  }
}

Dims Generator::axes(Value value) {
  Dims axes;
  for (std::int64_t axis = 0; axis < rank(value); ++axis) {
    if (random_.one_in(2)) axes.push_back(axis);
  }
  return axes;
}

Dims Generator::list(std::size_t size, std::int64_t low, std::int64_t high) {
  Dims values(size);
  for (std::int64_t& value : values) value = random_.between(low, high);
  return values;
}

Value Generator::indices(Shape shape, std::int64_t bound) {
  const TensorType wanted{dtype(kIndexDTypes), std::move(shape)};
  if (random_.one_in(8)) return of_type(wanted);
  Literal literal = Literal::uninitialized(wanted);
  for (std::int64_t i = 0; i < literal.size(); ++i) {
    const std::int64_t index = random_.below(std::max<std::int64_t>(bound, 1));
    if (wanted.dtype == DType::kI64) {
      literal.mutable_data<std::int64_t>()[i] = index;
    } else {
      literal.mutable_data<std::int32_t>()[i] = static_cast<std::int32_t>(index);
    }
  }
  return builder_->constant(literal);
}

std::vector<Value> Generator::several(Value first) {
  std::vector<Value> values = {first};
  while (random_.one_in(2)) values.push_back(of_type(type(first)));
  return values;
}

std::optional<Value> Generator::elementwise(const OpDef& def) {
  const Value last = any(def.dtypes);
  std::vector<Value> operands;
  for (int i = 0; i + 1 < ir::operand_count(def.kind); ++i) {
    const bool is_mask = def.kind == ir::ElementwiseKind::kSelect && i == 0;
    operands.push_back(of_type({is_mask ? DType::kBool : type(last).dtype, shape(last)}));
  }
  operands.push_back(last);
  return builder_->add_node(def.op, operands);
}

std::optional<Value> Generator::window(Op op) {
  Builder& b = *builder_;
  if (op == Op::kReduceWindow) {
    const Value x = any(kNumeric);
    const std::size_t n = shape(x).rank();
    return b.add_node(op, {x},
                      {{Attr::kKind, random_.below(4)},
                       {Attr::kSize, list(n, 1, 3)},
                       {Attr::kStride, list(n, 1, 2)},
                       {Attr::kLow, list(n, 0, 2)},
                       {Attr::kHigh, list(n, 0, 2)},
                       {Attr::kDilation, list(n, 1, 2)}});
  }
  const Value x = any(kNumeric, 2);
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

std::optional<Value> Generator::structural(const OpDef& def) {
  Builder& b = *builder_;
  switch (def.op) {
    case Op::kParameter:
      return std::nullopt;
    case Op::kConstant:
      return b.constant(random_literal({dtype(), shape()}, random_.bits()));
    case Op::kIota: {
      const Shape result = shape();
      if (result.rank() == 0) return std::nullopt;
      return b.iota({dtype(def.dtypes), result}, random_.below(std::int64_t(result.rank())));
    }
    case Op::kRngBits:
      return b.rng_bits(of_type({DType::kI64, {2}}), {dtype(kIndexDTypes), shape()});
    case Op::kConvert:
      return b.convert(any(kAllDTypes), dtype());
    case Op::kBitcast: {
      const Value x = any(def.dtypes);
      while (true) {
        const DType to = dtype(def.dtypes);
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
        std::swap(permutation[i - 1], permutation[index(static_cast<std::int64_t>(i))]);
      }
      return b.transpose(x, permutation);
    }
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
    case Op::kReduce: {
      const bool logical = random_.one_in(3);
      const Value x = any(logical ? kBitwise : kNumeric);
      const auto kind = static_cast<ReduceKind>(logical ? random_.between(4, 5) : random_.below(4));
      const bool sums = kind == ReduceKind::kSum || kind == ReduceKind::kProd;
      if (sums && is_float(type(x).dtype) && random_.one_in(3)) {
        return b.reduce(x, kind, axes(x), DType::kF64);
      }
      return b.reduce(x, kind, axes(x));
    }
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
      for (std::uint32_t id = 0; id < b.graph().size(); ++id) {
        const Type& candidate = b.type(Value{id});
        if (!candidate.is_tuple() || candidate.elements().empty() || random_.one_in(3)) continue;
        return b.get_tuple_element(Value{id}, random_.below(std::ssize(candidate.elements())));
      }
      return std::nullopt;
    }
    case Op::kFusion: {
      if (depth_ >= 2) return std::nullopt;
      const std::vector<Value> xs = several(any(kAllDTypes));
      std::vector<Type> types;
      for (const Value x : xs) types.push_back(b.type(x));
      Graph body = Generator(random_.bits(), depth_ + 1).graph(types, 4);
      return b.fusion(xs, std::make_shared<const Graph>(std::move(body)));
    }
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
    default:
      return std::nullopt;
  }
}

Graph Generator::graph(const std::vector<Type>& parameters, int nodes) {
  Graph result("random");
  Builder builder(result);
  builder_ = &builder;
  for (const Type& parameter : parameters) {
    builder.parameter(parameter, random_.one_in(2) ? "p" : "");
  }
  if (parameters.empty()) of_type({dtype(), shape()});
  for (int made = 0, tries = 0; made < nodes && tries < 20 * nodes; ++tries) {
    const OpDef& def = random_.choose(ir::all_ops());
    std::optional<Value> value;
    try {
      value = def.is_elementwise() ? elementwise(def) : structural(def);
    } catch (const ShapeError&) {
      continue;  // argmax over an empty axis, channels that do not fit, ...
    }
    if (!value) continue;
    if (builder.type(*value).bytes() > kMostElements * 8) break;
    if (random_.one_in(4)) result.set_name(*value, random_.one_in(2) ? "v" : "long.name_1");
    ++made;
  }
  // The last node, or one before it so that some are dead.
  const auto size = static_cast<std::int64_t>(result.size());
  const std::int64_t back = std::min<std::int64_t>(size - 1, random_.one_in(4) ? 3 : 0);
  Value root{static_cast<std::uint32_t>(size - 1 - back)};
  builder.set_result(root);
  return result;
}

Graph Generator::graph(int nodes) {
  std::vector<Type> parameters;
  for (std::int64_t i = random_.below(4); i > 0; --i) parameters.emplace_back(dtype(), shape());
  return graph(parameters, nodes);
}

}  // namespace

std::uint64_t Random::bits() { return mix_bits(state_++); }

Graph random_graph(std::uint64_t seed, int nodes) {
  return Generator(mix_bits(seed), 0).graph(nodes);
}

}  // namespace ndl::test
