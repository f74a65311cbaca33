#include "needle/elementwise.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "needle/axes.h"
#include "needle/broadcast.h"

namespace ndl {

Tensor elementwise(ir::Op op, std::span<const Operand* const> operands) {
  constexpr std::size_t kMostOperands = 3;
  const ir::OpDef& def = ir::op_def(op);
  const std::size_t count = operands.size();
  NDL_CHECK(def.is_elementwise() && count == def.operands.size(), "{} operands of {}", count,
            def.name);
  const std::source_location& at = operands[0]->location();
  const std::size_t first = def.kind == ir::ElementwiseKind::kSelect ? 1 : 0;

  std::array<OperandDType, kMostOperands> dtypes;
  std::array<const ir::Shape*, kMostOperands> shapes{};
  for (std::size_t i = 0; i < count; ++i) {
    dtypes[i] = operands[i]->dtype();
    shapes[i] = &operands[i]->shape();
  }
  const DType dtype = elementwise_dtype(def, std::span(dtypes.data() + first, count - first));
  std::optional<ir::Dims> dims = broadcast_shapes({shapes.data(), count});
  if (!dims) {
    std::string list;
    for (const ir::Shape* one : std::span(shapes.data(), count)) {
      list += (list.empty() ? "" : " and ") + one->to_string();
    }
    throw ShapeError(Diagnostic{
        to_location(at),
        fmt::format("{}: shapes {} do not broadcast: axes align at the end and must be equal or 1",
                    def.name, list),
        ""});
  }

  const ir::Shape shape = make_shape(std::move(*dims), def.name, at);
  const ir::Type type(dtype, shape);
  const ir::Type mask_type(dtypes[0].dtype, shape);
  std::array<const ir::Type*, kMostOperands> types{};
  std::vector<RecordRef> records;
  records.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    types[i] = i < first ? &mask_type : &type;
    records.push_back(operands[i]->record(types[i]->dtype()));
  }
  return Tensor(make_record(op, std::move(records), {}, nullptr, {types.data(), count}, at));
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
