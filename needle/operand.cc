#include "needle/operand.h"

#include "base/error.h"
#include "ir/math/convert.h"

namespace ndl {

const ir::Shape& Operand::shape() const {
  static const ir::Shape kScalar;
  return is_number() ? kScalar : record_->type->shape();
}

RecordRef Operand::record(DType dtype) const {
  if (!is_number()) return record_;
  if (dtype_.dtype == DType::kF32) return make_scalar(real_, dtype);
  if (is_integer(dtype)) {
    visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
      const auto kept = ir::math::convert_element<T>(integer_);
      if (ir::math::convert_element<std::int64_t>(kept) == integer_) return;
      throw DTypeError(Diagnostic{
          to_location(at_), fmt::format("{} is not a value of {}", integer_, name_of(dtype)), ""});
    });
  }
  return make_scalar(integer_, dtype);
}

}  // namespace ndl
