#include "ir/builder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/hash.h"
#include "ir/infer.h"
#include "ir/interpreter.h"

namespace ndl::ir {
namespace {

// Constants of at most this many elements are folded; a splat counts as one.
constexpr std::int64_t kFoldLimit = 64;

// What is not a function of operands and attributes alone, or would only grow when folded.
bool is_foldable(const OpDef& def) {
  if (def.is_elementwise()) return true;
  return !def.operands.empty() && def.evaluate != nullptr;
}

}  // namespace

std::uint32_t Builder::intern(const Type& type) {
  const std::size_t hash = type.hash();
  const auto [begin, end] = graph_.type_index_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (graph_.types_[it->second] == type) return it->second;
  }
  const auto id = static_cast<std::uint32_t>(graph_.types_.size());
  graph_.types_.push_back(type);
  graph_.type_index_.emplace(hash, id);
  return id;
}

Value Builder::append(Op op, const Type& type, std::span<const Value> operands,
                      Attributes attributes) {
  constexpr std::size_t kMostNodes = std::size_t{1} << 31;
  if (graph_.nodes_.size() >= kMostNodes || graph_.operands_.size() >= kMostNodes) {
    throw_error<ResourceError>("a graph holds at most {} nodes", kMostNodes);
  }
  std::uint32_t attributes_id = 0;
  if (!attributes.empty()) {
    attributes_id = static_cast<std::uint32_t>(graph_.attributes_.size());
    graph_.attributes_.push_back(std::move(attributes));
  }
  for (const auto& [name, value] : graph_.attributes_[attributes_id]) {
    const auto* region = std::get_if<Region>(&value);
    if (region == nullptr) continue;
    graph_.region_depth_ = std::max(graph_.region_depth_, (*region)->region_depth() + 1);
  }
  const auto first = static_cast<std::uint32_t>(graph_.operands_.size());
  const std::uint32_t type_id = intern(type);
  graph_.operands_.insert(graph_.operands_.end(), operands.begin(), operands.end());
  graph_.nodes_.push_back(
      {op, type_id, first, static_cast<std::uint32_t>(operands.size()), attributes_id});
  return {static_cast<std::uint32_t>(graph_.nodes_.size() - 1)};
}

Value Builder::parameter(Type type, std::string_view name) {
  if (graph_.size() != graph_.num_parameters()) {
    throw_error<VerifyError>("parameter: parameters come before every other op");
  }
  if (type.is_tuple()) throw_error<VerifyError>("parameter: must be a tensor, not a tuple");
  const Value value = append(Op::kParameter, type, {}, {});
  ++graph_.num_parameters_;
  if (!name.empty()) graph_.set_name(value, name);
  return value;
}

void Builder::set_result(Value value) {
  NDL_CHECK(value.id < graph_.size(), "result %{} of {} nodes", value.id, graph_.size());
  graph_.result_ = value;
  graph_.has_result_ = true;
}

Value Builder::add_node(Op op, std::span<const Value> operands, Attributes attributes,
                        const Type* given) {
  const OpDef& def = op_def(op);
  NDL_CHECK(op != Op::kParameter, "parameters are added by Builder::parameter");
  // Three operands cover almost every node; a variadic one may have thousands.
  std::array<const Type*, 3> few{};
  std::vector<const Type*> many;
  std::span<const Type*> types(few.data(), std::min(operands.size(), few.size()));
  if (operands.size() > few.size()) {
    many.resize(operands.size());
    types = many;
  }
  for (std::size_t i = 0; i < operands.size(); ++i) {
    NDL_CHECK(operands[i].id < graph_.size(), "{}: operand %{} of {} nodes", def.name,
              operands[i].id, graph_.size());
    types[i] = &graph_.type(operands[i]);
  }
  const Type type = infer_type(def, types, attributes, given);
  if (mode_ == BuilderMode::kRaw) return append(op, type, operands, std::move(attributes));

  if (const std::optional<Value> value = folded(op, type, operands, attributes)) return *value;
  std::size_t hash = static_cast<std::size_t>(op);
  hash_combine(hash, intern(type));
  hash_combine(hash, attributes.hash());
  for (const Value operand : operands) hash_combine(hash, operand.id);
  const auto is_same = [&](std::uint32_t id) {
    const Value other{id};
    return graph_.op(other) == op && graph_.type(other) == type &&
           std::ranges::equal(graph_.operands(other), operands) &&
           graph_.attributes(other) == attributes;
  };
  if (const std::optional<std::uint32_t> id = node_index_.find(hash, is_same)) return {*id};
  const Value value = append(op, type, operands, std::move(attributes));
  node_index_.insert(hash, value.id);
  return value;
}

std::optional<Value> Builder::folded(Op op, const Type& type, std::span<const Value> operands,
                                     const Attributes& attributes) {
  const OpDef& def = op_def(op);
  if (!is_foldable(def) || type.is_tuple()) return std::nullopt;
  bool splats = true;
  for (const Value operand : operands) {
    if (graph_.op(operand) != Op::kConstant) return std::nullopt;
    const Literal& literal = graph_.attributes(operand).literal(Attr::kValue);
    splats = splats && literal.is_splat();
    if (literal.stored() > kFoldLimit) return std::nullopt;
  }
  std::vector<Literal> literals;
  const TensorType& tensor = type.tensor();
  if (def.is_elementwise() && splats) {
    // One element stands for all.
    const Type scalar(tensor.dtype, Shape());
    for (const Value operand : operands) {
      const Literal& literal = graph_.attributes(operand).literal(Attr::kValue);
      literals.push_back(visit_dtype(literal.dtype(), [&]<class T>(std::type_identity<T>) {
        return Literal::splat(TensorType{literal.dtype(), Shape()}, literal.at<T>(0));
      }));
    }
    const Literal one = evaluate_node(op, attributes, scalar, literals).front();
    // An x86 CPU makes NaNs with the sign set; a constant is better off as plain "nan".
    if (is_float(tensor.dtype) && op != Op::kSelect && std::isnan(one.as_double(0))) {
      return constant(tensor, std::numeric_limits<double>::quiet_NaN());
    }
    return constant(visit_dtype(tensor.dtype, [&]<class T>(std::type_identity<T>) {
      return Literal::splat(tensor, one.at<T>(0));
    }));
  }
  std::int64_t elements = tensor.shape.num_elements();
  for (const Value operand : operands) {
    elements = std::max(elements, graph_.type(operand).shape().num_elements());
  }
  if (elements > kFoldLimit) return std::nullopt;
  for (const Value operand : operands) {
    literals.push_back(graph_.attributes(operand).literal(Attr::kValue));
  }
  try {
    return constant(evaluate_node(op, attributes, type, literals).front());
  } catch (const IndexError&) {
    return std::nullopt;  // stays an error of the run, if the node runs at all
  }
}

Value Builder::clone(const Graph& source, Value source_value, std::span<const Value> operands) {
  const Type& type = source.type(source_value);
  if (source.op(source_value) == Op::kParameter) {
    return parameter(type, source.name(source_value));
  }
  const std::size_t before = graph_.size();
  const Value value =
      add_node(source.op(source_value), operands, source.attributes(source_value), &type);
  if (value.id >= before) {
    const std::string& name = source.name(source_value);
    if (!name.empty()) graph_.set_name(value, name);
    graph_.set_location(value, source.location(source_value));
  }
  return value;
}

Value Builder::constant(const Literal& value) {
  const Type given = value.type();
  return add_node(Op::kConstant, {}, {{Attr::kValue, value}}, &given);
}

Value Builder::iota(const TensorType& type, std::int64_t axis) {
  const Type given = type;
  return add_node(Op::kIota, {}, {{Attr::kAxis, axis}}, &given);
}

Value Builder::rng_bits(Value state, const TensorType& type) {
  const Type given = type;
  return add_node(Op::kRngBits, {state}, {}, &given);
}

Value Builder::convert(Value x, DType dtype) {
  const Type given(dtype, type(x).shape());
  return add_node(Op::kConvert, {x}, {}, &given);
}

Value Builder::bitcast(Value x, DType dtype) {
  const Type given(dtype, type(x).shape());
  return add_node(Op::kBitcast, {x}, {}, &given);
}

Value Builder::reshape(Value x, Shape shape) {
  const Type given(type(x).dtype(), std::move(shape));
  return add_node(Op::kReshape, {x}, {}, &given);
}

Value Builder::broadcast(Value x, Shape shape) {
  const Type given(type(x).dtype(), std::move(shape));
  return add_node(Op::kBroadcast, {x}, {}, &given);
}

Value Builder::transpose(Value x, Dims permutation) {
  return add_node(Op::kTranspose, {x}, {{Attr::kPermutation, std::move(permutation)}});
}

Value Builder::reverse(Value x, Dims axes) {
  return add_node(Op::kReverse, {x}, {{Attr::kAxes, std::move(axes)}});
}

Value Builder::slice(Value x, Dims start, Dims limit, Dims stride) {
  return add_node(Op::kSlice, {x},
                  {{Attr::kStart, std::move(start)},
                   {Attr::kLimit, std::move(limit)},
                   {Attr::kStride, std::move(stride)}});
}

Value Builder::dynamic_slice(Value x, Value start, Shape shape) {
  const Type given(type(x).dtype(), std::move(shape));
  return add_node(Op::kDynamicSlice, {x, start}, {}, &given);
}

Value Builder::dynamic_update_slice(Value x, Value update, Value start) {
  return add_node(Op::kDynamicUpdateSlice, {x, update, start});
}

Value Builder::pad(Value x, Value value, Dims low, Dims high, Dims interior) {
  return add_node(Op::kPad, {x, value},
                  {{Attr::kLow, std::move(low)},
                   {Attr::kHigh, std::move(high)},
                   {Attr::kInterior, std::move(interior)}});
}

Value Builder::concatenate(std::span<const Value> xs, std::int64_t axis) {
  return add_node(Op::kConcatenate, xs, {{Attr::kAxis, axis}});
}

Value Builder::gather(Value x, Value indices, std::int64_t axis, std::int64_t batch_dims) {
  return add_node(Op::kGather, {x, indices}, {{Attr::kAxis, axis}, {Attr::kBatchDims, batch_dims}});
}

Value Builder::scatter_add(Value x, Value indices, Value updates, std::int64_t axis,
                           std::int64_t batch_dims) {
  return add_node(Op::kScatterAdd, {x, indices, updates},
                  {{Attr::kAxis, axis}, {Attr::kBatchDims, batch_dims}});
}

Value Builder::reduce(Value x, ReduceKind kind, Dims axes) {
  return add_node(Op::kReduce, {x},
                  {{Attr::kKind, static_cast<std::int64_t>(kind)}, {Attr::kAxes, std::move(axes)}});
}

Value Builder::reduce(Value x, ReduceKind kind, Dims axes, DType accumulator) {
  return add_node(Op::kReduce, {x},
                  {{Attr::kKind, static_cast<std::int64_t>(kind)},
                   {Attr::kAxes, std::move(axes)},
                   {Attr::kAccumulator, static_cast<std::int64_t>(accumulator)}});
}

Value Builder::argmax(Value x, std::int64_t axis) {
  return add_node(Op::kArgmax, {x}, {{Attr::kAxis, axis}});
}

Value Builder::argmin(Value x, std::int64_t axis) {
  return add_node(Op::kArgmin, {x}, {{Attr::kAxis, axis}});
}

Value Builder::cumsum(Value x, std::int64_t axis) {
  return add_node(Op::kCumsum, {x}, {{Attr::kAxis, axis}});
}

Value Builder::sort(std::span<const Value> xs, std::int64_t axis, bool descending) {
  return add_node(Op::kSort, xs,
                  {{Attr::kAxis, axis}, {Attr::kDescending, std::int64_t{descending}}});
}

Value Builder::after(Value x, Value y) { return add_node(Op::kAfter, {x, y}); }

Value Builder::matmul(Value a, Value b) { return add_node(Op::kMatmul, {a, b}); }

Value Builder::make_tuple(std::span<const Value> xs) { return add_node(Op::kMakeTuple, xs); }

Value Builder::get_tuple_element(Value tuple, std::int64_t index) {
  return add_node(Op::kGetTupleElement, {tuple}, {{Attr::kIndex, index}});
}

Value Builder::fusion(std::span<const Value> xs, Region body) {
  return add_node(Op::kFusion, xs, {{Attr::kBody, std::move(body)}});
}

Value Builder::custom(std::span<const Value> xs, Region body, Region gradient) {
  return add_node(Op::kCustom, xs,
                  {{Attr::kBody, std::move(body)}, {Attr::kGradient, std::move(gradient)}});
}

Value Builder::cond(Value pred, std::span<const Value> xs, Region then, Region otherwise) {
  std::vector<Value> operands = {pred};
  operands.insert(operands.end(), xs.begin(), xs.end());
  return add_node(Op::kCond, operands,
                  {{Attr::kThen, std::move(then)}, {Attr::kElse, std::move(otherwise)}});
}

Value Builder::while_(std::span<const Value> xs, Region condition, Region body,
                      std::int64_t limit) {
  return add_node(Op::kWhile, xs,
                  {{Attr::kLimit, limit},
                   {Attr::kCondition, std::move(condition)},
                   {Attr::kBody, std::move(body)}});
}

Value Builder::scan(std::span<const Value> xs, Region body, std::int64_t length,
                    std::int64_t carried, std::int64_t scanned, bool reverse) {
  return add_node(Op::kScan, xs,
                  {{Attr::kLength, length},
                   {Attr::kCarried, carried},
                   {Attr::kScanned, scanned},
                   {Attr::kReverse, std::int64_t{reverse}},
                   {Attr::kBody, std::move(body)}});
}

Value Builder::fused_add_scalars(Value x, std::vector<double> scalars) {
  return add_node(Op::kFusedAddScalars, {x}, {{Attr::kScalars, std::move(scalars)}});
}

Value Builder::split(Value x, std::int64_t axis) {
  return add_node(Op::kSplit, {x}, {{Attr::kAxis, axis}});
}

Value Builder::stack(std::span<const Value> xs, std::int64_t axis) {
  return add_node(Op::kStack, xs, {{Attr::kAxis, axis}});
}

Value Builder::softmax(Value x, Dims axes) {
  return add_node(Op::kSoftmax, {x}, {{Attr::kAxes, std::move(axes)}});
}

Value Builder::log_softmax(Value x, Dims axes) {
  return add_node(Op::kLogSoftmax, {x}, {{Attr::kAxes, std::move(axes)}});
}

Value Builder::logsumexp(Value x, Dims axes) {
  return add_node(Op::kLogsumexp, {x}, {{Attr::kAxes, std::move(axes)}});
}

}  // namespace ndl::ir
