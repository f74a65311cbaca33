#include "needle/number.h"

#include <fmt/format.h>

#include "base/error.h"
#include "ir/math/convert.h"

namespace ndl {

bool Number::fits(DType dtype) const {
  if (!is_integer(dtype)) return true;
  return visit_dtype(dtype, [this]<class T>(std::type_identity<T>) {
    if (is_float(dtype_.dtype)) {
      return ir::math::convert_element<double>(ir::math::convert_element<T>(real_)) == real_;
    }
    return !is_too_large_ && ir::math::convert_element<std::int64_t>(
                                 ir::math::convert_element<T>(integer_)) == integer_;
  });
}

std::string Number::to_string() const {
  if (is_float(dtype_.dtype)) return fmt::to_string(real_);
  if (is_too_large_) return fmt::to_string(static_cast<std::uint64_t>(integer_));
  return fmt::to_string(integer_);
}

RecordRef Number::record(DType dtype, const std::source_location& at) const {
  if (!fits(dtype)) {
    throw DTypeError(Diagnostic{
        to_location(at), fmt::format("{} is not a value of {}", to_string(), name_of(dtype)), ""});
  }
  const bool is_real = is_float(dtype_.dtype) || is_too_large_;
  return is_real ? make_scalar(real_, dtype) : make_scalar(integer_, dtype);
}

}  // namespace ndl
