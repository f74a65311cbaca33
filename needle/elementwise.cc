#include "needle/elementwise.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "needle/axes.h"
#include "needle/broadcast.h"

namespace ndl {
namespace {

// The type of one of the operands, if all are broadcast and converted to that at most: the usual
// case, in which nothing has to be made.
std::shared_ptr<const ir::Type> common_type(std::span<const RecordRef> operands, DType dtype) {
  const RecordRef* widest = &operands.front();
  for (const RecordRef& operand : operands.subspan(1)) {
    const std::size_t rank = (*widest)->type->shape().rank();
    if (operand->type->shape().rank() > rank ||
        (operand->type->shape().rank() == rank && (*widest)->type->dtype() != dtype)) {
      widest = &operand;
    }
  }
  const std::shared_ptr<const ir::Type>& type = (*widest)->type;
  if (type->dtype() != dtype) return nullptr;
  const bool fits = std::ranges::all_of(operands, [&](const RecordRef& operand) {
    const ir::Shape& shape = operand->type->shape();
    return operand->type == type || shape.rank() == 0 || shape == type->shape();
  });
  return fits ? type : nullptr;
}

ir::Shape broadcast_shape(const ir::OpDef& def, std::span<const RecordRef> operands,
                          const std::source_location& at) {
  std::vector<const ir::Shape*> shapes;
  for (const RecordRef& operand : operands) shapes.push_back(&operand->type->shape());
  std::optional<ir::Dims> dims = broadcast_shapes(shapes);
  if (dims) return make_shape(std::move(*dims), def.name, at);
  std::string list;
  for (const ir::Shape* one : shapes) list += (list.empty() ? "" : " and ") + one->to_string();
  throw ShapeError(Diagnostic{
      to_location(at),
      fmt::format("{}: shapes {} do not broadcast: axes align at the end and must be equal or 1",
                  def.name, list),
      ""});
}

}  // namespace

Tensor elementwise(ir::Op op, std::span<const Operand* const> operands) {
  constexpr std::size_t kMostOperands = 3;
  const ir::OpDef& def = ir::op_def(op);
  const std::size_t count = operands.size();
  NDL_CHECK(def.is_elementwise() && count == def.operands.size(), "{} operands of {}", count,
            def.name);
  const std::source_location& at = operands[0]->location();
  const std::size_t first = def.kind == ir::ElementwiseKind::kSelect ? 1 : 0;

  std::array<OperandDType, kMostOperands> dtypes;
  for (std::size_t i = 0; i < count; ++i) dtypes[i] = operands[i]->dtype();
  const DType dtype = elementwise_dtype(def, std::span(dtypes.data() + first, count - first));
  std::vector<RecordRef> records;
  records.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    records.push_back(operands[i]->record(i < first ? dtypes[i].dtype : dtype));
  }
  std::shared_ptr<const ir::Type> type = common_type(records, dtype);
  if (type == nullptr) {
    type = std::make_shared<const ir::Type>(dtype, broadcast_shape(def, records, at));
  }
  if (first == 1 && dtypes[0].dtype != DType::kBool) {
    const ir::Type mask_type(dtypes[0].dtype, type->shape());
    return Tensor(make_record(op, std::move(records), {}, nullptr,
                              std::array{&mask_type, type.get(), type.get()}, at));
  }
  return Tensor(make_elementwise(op, std::move(records), std::move(type), at), kNewRecord);
}

Tensor operator+(const Operand& a, const Operand& b) { return add(a, b); }
Tensor operator-(const Operand& a, const Operand& b) { return sub(a, b); }
Tensor operator*(const Operand& a, const Operand& b) { return mul(a, b); }
Tensor operator/(const Operand& a, const Operand& b) { return div(a, b); }
Tensor operator-(const Operand& a) { return neg(a); }
Tensor operator<(const Operand& a, const Operand& b) { return lt(a, b); }
Tensor operator<=(const Operand& a, const Operand& b) { return le(a, b); }
Tensor operator>(const Operand& a, const Operand& b) { return gt(a, b); }
Tensor operator>=(const Operand& a, const Operand& b) { return ge(a, b); }

}  // namespace ndl
