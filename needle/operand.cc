#include "needle/operand.h"

#include <fmt/format.h>

#include "base/error.h"

namespace ndl {

const ir::Shape& Operand::shape() const {
  static const ir::Shape kScalar;
  return is_number() ? kScalar : std::get<RecordRef>(value_)->type->shape();
}

RecordRef Operand::record(DType dtype) const {
  if (const auto* record = std::get_if<RecordRef>(&value_)) return *record;
  return std::get<Number>(value_).record(dtype, at_);
}

void require_tensors(std::span<const Tensor> xs, std::string_view op,
                     const std::source_location& at) {
  if (!xs.empty()) return;
  throw ShapeError(
      Diagnostic{to_location(at), fmt::format("{}: takes at least 1 operand, got 0", op), ""});
}

}  // namespace ndl
