#include "codegen/region_values.h"

#include <algorithm>
#include <cstring>

namespace ndl::codegen {

using ir::Attr;
using ir::Attributes;
using ir::Dims;
using ir::Op;
using ir::Shape;
using ir::Value;

void RegionValues::begin_phase() {
  b_.begin_phase();
  places_.clear();
  known_.clear();
  copies_.clear();
}

void RegionValues::read_instead(Value value, std::vector<IndexExpr> index, std::int32_t buffer,
                                IndexExpr at) {
  copies_[value.id] = {std::move(index), buffer, std::move(at)};
}

void RegionValues::define(Value value, std::vector<IndexExpr> index, Local local) {
  reduced_[value.id] = {std::move(index), local};
}

Local RegionValues::at(Value value, const Place& place) {
  const auto known_place = std::ranges::find(places_, place);
  const auto place_id = static_cast<std::size_t>(known_place - places_.begin());
  if (known_place == places_.end()) places_.push_back(place);
  const std::pair key{value.id, place_id};
  if (const auto it = known_.find(key); it != known_.end()) return it->second;
  const Place copy = place;
  const Local local = compute(value, copy);
  known_.emplace(key, local);
  return local;
}

Local RegionValues::compute(Value value, const Place& place) {
  const Op op = body_.op(value);
  if (const auto copy = copies_.find(value.id);
      copy != copies_.end() && copy->second.index == place.index) {
    return b_.read(copy->second.buffer, copy->second.at);
  }
  if (body_.def(value).is_elementwise()) {
    std::vector<Local> operands;
    for (const Value operand : body_.operands(value)) operands.push_back(at(operand, place));
    return b_.op(op, dtype(value), std::move(operands));
  }
  switch (op) {
    case Op::kParameter:
      return read(value, place);
    case Op::kConstant: {
      if (!body_.is_splat(value)) throw NotOneKernel();
      const ir::Literal& literal = attributes(value).literal(Attr::kValue);
      std::uint64_t bits = 0;
      std::memcpy(&bits, literal.bytes(), size_of(dtype(value)));
      return b_.constant_bits(dtype(value), bits);
    }
    case Op::kIota: {
      const auto axis = static_cast<std::size_t>(attributes(value).integer(Attr::kAxis));
      return b_.convert(b_.index(place.index[axis]), dtype(value));
    }
    case Op::kConvert:
      return b_.convert(at(body_.operand(value, 0), place), dtype(value));
    case Op::kBitcast:
      return b_.bitcast(at(body_.operand(value, 0), place), dtype(value));
    case Op::kRngBits: {
      const Value state = body_.operand(value, 0);
      const Local key = at(state, {{constant_index(0)}, {}});
      const Local counter = at(state, {{constant_index(1)}, {}});
      return b_.random_bits(dtype(value), key, counter, linear(shape(value), place.index));
    }
    case Op::kConcatenate:
      return concatenate(value, place);
    case Op::kPad:
      return pad(value, place);
    case Op::kReduce:
    case Op::kArgmax:
    case Op::kArgmin:
    case Op::kReduceWindow:
    case Op::kMatmul:
    case Op::kConv: {
      const auto it = reduced_.find(value.id);
      if (it == reduced_.end() || it->second.index != place.index) throw NotOneKernel();
      return b_.convert(it->second.local, dtype(value));
    }
    default:
      return moved(value, place);
  }
}

Local RegionValues::read(Value parameter, const Place& place) {
  return b_.read(static_cast<std::int32_t>(parameter.id), linear(shape(parameter), place.index),
                 place.guards);
}

// An op whose every element is one of its first operand's.
Local RegionValues::moved(Value value, Place place) {
  const Value x = body_.operand(value, 0);
  const Place from = place;
  switch (body_.op(value)) {
    case Op::kBroadcast: {
      const std::size_t added = shape(value).rank() - shape(x).rank();
      place.index.clear();
      for (std::size_t i = 0; i < shape(x).rank(); ++i) {
        place.index.push_back(shape(x)[i] == 1 ? IndexExpr{} : from.index[added + i]);
      }
      break;
    }
    case Op::kTranspose: {
      const Dims& permutation = attributes(value).integers(Attr::kPermutation);
      for (std::size_t i = 0; i < permutation.size(); ++i) {
        place.index[static_cast<std::size_t>(permutation[i])] = from.index[i];
      }
      break;
    }
    case Op::kReverse:
      for (const std::int64_t axis : attributes(value).integers(Attr::kAxes)) {
        const auto i = static_cast<std::size_t>(axis);
        place.index[i] = scaled(from.index[i], -1, shape(x)[i] - 1);
      }
      break;
    case Op::kSlice: {
      const Dims& start = attributes(value).integers(Attr::kStart);
      const Dims& stride = attributes(value).integers(Attr::kStride);
      for (std::size_t i = 0; i < start.size(); ++i) {
        place.index[i] = scaled(from.index[i], shape(value)[i] > 1 ? stride[i] : 0, start[i]);
      }
      break;
    }
    case Op::kReshape:
      place = through_reshape(value, from);
      break;
    case Op::kGather:
      place = through_gather(value, from);
      break;
    case Op::kDynamicSlice:
      place = through_dynamic_slice(value, from);
      break;
    default:
      throw NotOneKernel();
  }
  return at(x, place);
}

// Only axes of extent 1 may come and go: any other reshape is not affine.
Place RegionValues::through_reshape(Value value, const Place& place) const {
  const Shape& to = shape(value);
  const Shape& from = shape(body_.operand(value, 0));
  Place result{std::vector<IndexExpr>(from.rank()), place.guards};
  std::size_t j = 0;
  for (std::size_t i = 0; i < from.rank(); ++i) {
    if (from[i] == 1) continue;
    while (j < to.rank() && to[j] == 1) ++j;
    if (j == to.rank() || to[j] != from[i]) throw NotOneKernel();
    result.index[i] = place.index[j++];
  }
  return result;
}

Place RegionValues::through_gather(Value value, const Place& place) {
  const Value x = body_.operand(value, 0);
  const Value indices = body_.operand(value, 1);
  const auto axis = static_cast<std::size_t>(attributes(value).integer(Attr::kAxis));
  if (body_.op(indices) != Op::kParameter || shape(x)[axis] == 0) throw NotOneKernel();
  const auto batch = static_cast<std::size_t>(attributes(value).integer(Attr::kBatchDims));
  const std::size_t index_rank = shape(indices).rank() - batch;
  // The result is [batch, x before the axis, indices after batch, x after the axis].
  Place index_place{{}, place.guards};
  for (std::size_t i = 0; i < batch; ++i) index_place.index.push_back(place.index[i]);
  for (std::size_t i = 0; i < index_rank; ++i) index_place.index.push_back(place.index[axis + i]);
  const Local local = b_.convert(at(indices, index_place), DType::kI64);
  Place result{{}, place.guards};
  for (std::size_t i = 0; i < axis; ++i) result.index.push_back(place.index[i]);
  IndexExpr chosen;
  chosen.terms.push_back({local, 1, shape(x)[axis]});
  result.index.push_back(std::move(chosen));
  for (std::size_t i = axis + index_rank; i < place.index.size(); ++i) {
    result.index.push_back(place.index[i]);
  }
  return result;
}

Place RegionValues::through_dynamic_slice(Value value, const Place& place) {
  const Value x = body_.operand(value, 0);
  const Value start = body_.operand(value, 1);
  if (body_.op(start) != Op::kParameter) throw NotOneKernel();
  Place result = place;
  for (std::size_t i = 0; i < result.index.size(); ++i) {
    const Place at_start{{constant_index(static_cast<std::int64_t>(i))}, {}};
    const Local local = b_.convert(at(start, at_start), DType::kI64);
    result.index[i].terms.push_back({local, 1, shape(x)[i] - shape(value)[i] + 1});
  }
  return result;
}

Local RegionValues::concatenate(Value value, const Place& place) {
  const auto axis = static_cast<std::size_t>(attributes(value).integer(Attr::kAxis));
  Local result = -1;
  std::int64_t offset = 0;
  for (const Value x : body_.operands(value)) {
    const std::int64_t extent = shape(x)[axis];
    if (shape(x).num_elements() == 0) continue;
    Place inner = place;
    inner.index[axis].base -= offset;
    const Guard guard{inner.index[axis], 0, extent};
    inner.guards.push_back(guard);
    const Local part = at(x, inner);
    result =
        result < 0 ? part : b_.op(Op::kSelect, dtype(value), {b_.inside({guard}), part, result});
    offset += extent;
  }
  return result;
}

Local RegionValues::pad(Value value, const Place& place) {
  const Value x = body_.operand(value, 0);
  const Attributes& a = attributes(value);
  const Local outside = at(body_.operand(value, 1), {{}, {}});
  if (shape(x).num_elements() == 0) return outside;
  Place inner = place;
  std::vector<Guard> guards;
  for (std::size_t i = 0; i < inner.index.size(); ++i) {
    const std::int64_t low = a.integers(Attr::kLow)[i];
    const std::int64_t extent = shape(x)[i];
    if (extent > 1 && a.integers(Attr::kInterior)[i] != 0) throw NotOneKernel();
    inner.index[i].base -= low;
    if (low != 0 || a.integers(Attr::kHigh)[i] != 0) guards.push_back({inner.index[i], 0, extent});
  }
  if (guards.empty()) return at(x, inner);
  inner.guards.insert(inner.guards.end(), guards.begin(), guards.end());
  return b_.op(Op::kSelect, dtype(value), {b_.inside(guards), at(x, inner), outside});
}

}  // namespace ndl::codegen
