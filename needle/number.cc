#include "needle/number.h"

#include <fmt/format.h>

#include "base/error.h"
#include "ir/math/convert.h"

namespace ndl {

RecordRef Number::record(DType dtype, const std::source_location& at) const {
  const auto fits = [this]<class T>(std::type_identity<T>) {
    const auto kept = ir::math::convert_element<T>(integer_);
    return !is_too_large_ && ir::math::convert_element<std::int64_t>(kept) == integer_;
  };
  if (is_float(dtype_.dtype)) return make_scalar(real_, dtype);
  if (is_integer(dtype) && !visit_dtype(dtype, fits)) {
    const std::string text = is_too_large_ ? fmt::to_string(static_cast<std::uint64_t>(integer_))
                                           : fmt::to_string(integer_);
    throw DTypeError(Diagnostic{to_location(at),
                                fmt::format("{} is not a value of {}", text, name_of(dtype)), ""});
  }
  return is_too_large_ ? make_scalar(real_, dtype) : make_scalar(integer_, dtype);
}

}  // namespace ndl
