#include "needle/indexing.h"

#include "ir/attributes.h"
#include "needle/axes.h"
#include "needle/shaping.h"

namespace ndl {
namespace {

using ir::Attr;
using ir::Attributes;
using ir::Op;

std::int64_t axis_of(const Operand& x, std::int64_t axis, Op op) {
  return resolve_axis(axis, x.shape().rank(), name_of(op), x.location());
}

Attributes at_axis(const Operand& x, std::int64_t axis, std::int64_t batch_dims, Op op) {
  return {{Attr::kAxis, axis_of(x, axis, op)}, {Attr::kBatchDims, batch_dims}};
}

Attributes sorting(std::int64_t axis, bool descending) {
  return {{Attr::kAxis, axis}, {Attr::kDescending, std::int64_t{descending}}};
}

}  // namespace

Tensor take(const Operand& x, const Operand& indices, std::int64_t axis) {
  return gather(x, indices, axis, 0);
}

Tensor gather(const Operand& x, const Operand& indices, std::int64_t axis,
              std::int64_t batch_dims) {
  return Tensor(make_record(Op::kGather, {x.record(), indices.record()},
                            at_axis(x, axis, batch_dims, Op::kGather), nullptr, x.location()));
}

Tensor scatter_add(const Operand& x, const Operand& indices, const Operand& updates,
                   std::int64_t axis, std::int64_t batch_dims) {
  return Tensor(make_record(Op::kScatterAdd,
                            {x.record(), indices.record(), updates.record(x.dtype().dtype)},
                            at_axis(x, axis, batch_dims, Op::kScatterAdd), nullptr, x.location()));
}

Tensor dynamic_slice(const Operand& x, const Operand& start, const ir::Shape& shape) {
  const ir::Type type(x.dtype().dtype, shape);
  return Tensor(
      make_record(Op::kDynamicSlice, {x.record(), start.record()}, {}, &type, x.location()));
}

Tensor dynamic_update_slice(const Operand& x, const Operand& update, const Operand& start) {
  return Tensor(make_record(Op::kDynamicUpdateSlice,
                            {x.record(), update.record(x.dtype().dtype), start.record()}, {},
                            nullptr, x.location()));
}

Tensor sort(const Operand& x, std::int64_t axis, bool descending) {
  return Tensor(make_record(Op::kSort, {x.record()},
                            sorting(axis_of(x, axis, Op::kSort), descending), nullptr,
                            x.location()));
}

TensorTuple sort(std::span<const Tensor> xs, std::int64_t axis, bool descending,
                 const std::source_location& at) {
  require_tensors(xs, name_of(Op::kSort), at);
  axis = resolve_axis(axis, xs[0].rank(), name_of(Op::kSort), at);
  // The op gives a tuple only where there is more than one tensor.
  if (xs.size() == 1) return make_tuple({sort(Operand(xs[0], at), axis, descending)}, at);
  std::vector<RecordRef> records;
  for (const Tensor& x : xs) records.push_back(x.record());
  return TensorTuple(
      make_record(Op::kSort, std::move(records), sorting(axis, descending), nullptr, at));
}

TensorTuple sort(std::initializer_list<Tensor> xs, std::int64_t axis, bool descending,
                 const std::source_location& at) {
  return sort(std::span(xs.begin(), xs.size()), axis, descending, at);
}

Tensor argsort(const Operand& x, std::int64_t axis, bool descending) {
  const std::source_location& at = x.location();
  axis = axis_of(x, axis, Op::kSort);
  const Tensor keys = x.tensor();
  const Tensor positions = iota(x.shape(), axis, DType::kI64, at);
  return sort({keys, positions}, axis, descending, at)[{1, at}];
}

}  // namespace ndl
