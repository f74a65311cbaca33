#include "passes/mapped_op.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

namespace ndl::passes {

using ir::Attr;
using ir::Attributes;
using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::Shape;
using ir::TensorType;
using ir::Value;

namespace {

Dims prefixed(std::int64_t first, const Dims& dims) {
  Dims result = {first};
  result.insert(result.end(), dims.begin(), dims.end());
  return result;
}

}  // namespace

Shape ExampleAxis::shape(const Shape& of_one) const {
  return Shape(prefixed(size_, of_one.dims()));
}

Value ExampleAxis::full(const Mapped& x) {
  if (x.has_axis) return x.value;
  const Shape one = b.type(x.value).shape();
  const Value row = b.reshape(x.value, Shape(prefixed(1, one.dims())));
  return b.broadcast(row, shape(one));
}

Value ExampleAxis::with_rank(const Mapped& x, std::size_t rank) {
  const Dims dims = b.type(x.value).shape().dims();
  const std::size_t have = dims.size() - (x.has_axis ? 1 : 0);
  if (have >= rank || !x.has_axis) return x.value;
  Dims wanted = {size_};
  wanted.resize(1 + rank - have, 1);
  wanted.insert(wanted.end(), dims.begin() + 1, dims.end());
  return b.reshape(x.value, Shape(wanted));
}

Value ExampleAxis::select(Value mask, const Mapped& x, const Mapped& y) {
  const Value on_true = full(x);
  const Value on_false = full(y);
  const Shape result = b.type(on_true).shape();
  Dims column(result.rank(), 1);
  column[0] = size_;
  const Value aligned = b.reshape(mask, Shape(column));
  const Value everywhere = b.broadcast(aligned, result);
  return b.select(everywhere, on_true, on_false);
}

Value ExampleAxis::with_first_axes_swapped(Value x) {
  Dims permutation(b.type(x).shape().rank());
  std::iota(permutation.begin(), permutation.end(), 0);
  std::swap(permutation[0], permutation[1]);
  return b.transpose(x, permutation);
}

namespace {

class MappedOp {
 public:
  MappedOp(ExampleAxis& examples, const Graph& source, Value value,
           std::span<const Mapped> operands)
      : b_(examples.b), examples_(examples), source_(source), node_(value), operands_(operands) {}

  Value run();

 private:
  const Attributes& attributes() const { return source_.attributes(node_); }
  const Shape& shape(std::size_t i) const {
    return source_.type(source_.operand(node_, i)).shape();
  }
  bool has_axis(std::size_t i) const { return operands_[i].has_axis; }
  Value full(std::size_t i) { return examples_.full(operands_[i]); }
  TensorType result() const { return examples_.type(source_.type(node_).tensor()); }

  // The op with one axis more, on operands that all have it.
  Value with_one_axis_more(std::span<const Value> operands);
  Value on_full_operands();
  Value broadcast();
  Value pad();
  Value gather();
  std::optional<Value> window();
  Value matmul();
  std::optional<Value> conv();
  Value scanned() { return one_by_one(examples_, source_, node_, operands_); }

  Builder& b_;
  ExampleAxis& examples_;
  const Graph& source_;
  const Value node_;
  const std::span<const Mapped> operands_;
};

Value MappedOp::with_one_axis_more(std::span<const Value> operands) {
  Attributes shifted;
  for (const auto& [name, value] : attributes()) {
    const auto* number = std::get_if<std::int64_t>(&value);
    const auto* list = std::get_if<Dims>(&value);
    ir::AttrValue changed = value;
    switch (name) {
      case Attr::kAxis:
      case Attr::kBatchDims:
        changed = *number + 1;
        break;
      case Attr::kAxes:
      case Attr::kPermutation: {
        Dims axes = *list;
        for (std::int64_t& axis : axes) ++axis;
        changed = name == Attr::kAxes ? axes : prefixed(0, axes);
        break;
      }
      case Attr::kStart:
      case Attr::kLow:
      case Attr::kHigh:
      case Attr::kInterior:
        changed = prefixed(0, *list);
        break;
      case Attr::kLimit:
        changed = prefixed(examples_.size(), *list);
        break;
      case Attr::kSize:
      case Attr::kStride:
      case Attr::kDilation:
        changed = prefixed(1, *list);
        break;
      default:
        break;
    }
    shifted.set(name, std::move(changed));
  }
  const ir::OpDef& def = source_.def(node_);
  std::optional<ir::Type> given;
  if (def.type_given) given = result();
  return b_.add_node(def.op, operands, std::move(shifted), given ? &*given : nullptr);
}

Value MappedOp::on_full_operands() {
  std::vector<Value> all;
  for (std::size_t i = 0; i < operands_.size(); ++i) all.push_back(full(i));
  return with_one_axis_more(all);
}

Value MappedOp::broadcast() {
  const Value x = examples_.with_rank(operands_[0], source_.type(node_).shape().rank());
  return b_.broadcast(x, result().shape);
}

// Values that differ are selected where the padding is.
Value MappedOp::pad() {
  const Value x = full(0);
  if (!has_axis(1)) return with_one_axis_more(std::vector<Value>{x, operands_[1].value});
  const DType dtype = b_.type(x).dtype();
  const Value zero = b_.constant({dtype, Shape()}, 0);
  const Value padded = with_one_axis_more(std::vector<Value>{x, zero});
  const Value inside = b_.constant({DType::kBool, b_.type(x).shape()}, 1);
  const Value outside = b_.constant({DType::kBool, Shape()}, 0);
  const Value mask = with_one_axis_more(std::vector<Value>{inside, outside});
  const Value value = examples_.with_rank(operands_[1], shape(0).rank());
  const Value everywhere = b_.broadcast(value, result().shape);
  return b_.select(mask, padded, everywhere);
}

// Places that all examples share, or examples that share what they take from, need no copies.
Value MappedOp::gather() {
  const std::int64_t axis = attributes().integer(Attr::kAxis);
  if (attributes().integer(Attr::kBatchDims) != 0 || (has_axis(0) && has_axis(1))) {
    return on_full_operands();
  }
  if (has_axis(0)) return b_.gather(operands_[0].value, operands_[1].value, axis + 1);
  const Value taken = b_.gather(operands_[0].value, operands_[1].value, axis);
  Dims permutation = {axis};
  for (std::int64_t i = 0; i < std::ssize(b_.type(taken).shape().dims()); ++i) {
    if (i != axis) permutation.push_back(i);
  }
  return b_.transpose(taken, permutation);
}

// Windows at places that all examples share.
std::optional<Value> MappedOp::window() {
  const std::size_t last = operands_.size() - 1;
  if (has_axis(last)) return std::nullopt;
  const Value start = operands_[last].value;
  const Value zero = b_.constant({b_.type(start).dtype(), Shape({1})}, 0);
  const Value from_first = b_.concatenate(std::vector<Value>{zero, start}, 0);
  const Value x = full(0);
  if (last == 1) return b_.dynamic_slice(x, from_first, result().shape);
  const Value update = full(1);
  return b_.dynamic_update_slice(x, update, from_first);
}

// Leading axes broadcast already.
Value MappedOp::matmul() {
  const std::size_t rank = std::max(shape(0).rank(), shape(1).rank());
  const Value a = examples_.with_rank(operands_[0], rank);
  const Value b = examples_.with_rank(operands_[1], rank);
  return b_.matmul(a, b);
}

// Images of all examples are one batch, if the kernel is the same.
std::optional<Value> MappedOp::conv() {
  if (has_axis(1)) return std::nullopt;
  const auto merged = [&](const Shape& of_one) {
    Dims dims = of_one.dims();
    dims[0] *= examples_.size();
    return Shape(dims);
  };
  const Value batch = b_.reshape(operands_[0].value, merged(shape(0)));
  const Value y = b_.add_node(Op::kConv, {batch, operands_[1].value}, attributes());
  return b_.reshape(y, result().shape);
}

Value MappedOp::run() {
  const ir::OpDef& def = source_.def(node_);
  if (def.is_elementwise()) return on_full_operands();
  switch (def.op) {
    case Op::kConvert:
    case Op::kBitcast:
    case Op::kReshape:
    case Op::kTranspose:
    case Op::kReverse:
    case Op::kSlice:
    case Op::kConcatenate:
    case Op::kScatterAdd:
    case Op::kReduce:
    case Op::kArgmax:
    case Op::kArgmin:
    case Op::kCumsum:
    case Op::kSort:
    case Op::kReduceWindow:
    case Op::kFusedAddScalars:
    case Op::kSplit:
    case Op::kStack:
    case Op::kSoftmax:
    case Op::kLogSoftmax:
    case Op::kLogsumexp:
    case Op::kSigmoid:
    case Op::kSoftplus:
    case Op::kLogaddexp:
      return on_full_operands();
    case Op::kBroadcast:
      return broadcast();
    case Op::kAfter:
      return b_.after(operands_[0].value, operands_[1].value);
    case Op::kPad:
      return pad();
    case Op::kGather:
      return gather();
    case Op::kDynamicSlice:
    case Op::kDynamicUpdateSlice: {
      const std::optional<Value> result = window();
      return result ? *result : scanned();
    }
    case Op::kMatmul:
      return matmul();
    case Op::kConv: {
      const std::optional<Value> result = conv();
      return result ? *result : scanned();
    }
    default:
      return scanned();
  }
}

}  // namespace

Value one_by_one(ExampleAxis& examples, const Graph& source, Value value,
                 std::span<const Mapped> operands) {
  auto body = std::make_shared<Graph>("body");
  Builder inside(*body);
  std::vector<Value> parameters(operands.size());
  std::vector<Value> scan_operands;
  std::int64_t scanned = 0;
  for (const bool of_examples : {true, false}) {
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (operands[i].has_axis != of_examples) continue;
      parameters[i] = inside.parameter(source.type(source.operand(value, i)));
      scan_operands.push_back(operands[i].value);
      if (of_examples) ++scanned;
    }
  }
  inside.set_result(inside.clone(source, value, parameters));
  return examples.b.scan(scan_operands, std::move(body), examples.size(), 0, scanned);
}

Value mapped_op(ExampleAxis& examples, const Graph& source, Value value,
                std::span<const Mapped> operands) {
  return MappedOp(examples, source, value, operands).run();
}

}  // namespace ndl::passes
