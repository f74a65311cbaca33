#include "ir/convert_elements.h"

#include <cstring>

namespace ndl::ir {

void convert_elements(DType from, const std::byte* source, DType to, std::byte* target,
                      std::int64_t count) {
  if (count == 0) return;
  if (from == to) {
    std::memcpy(target, source, static_cast<std::size_t>(count) * size_of(from));
    return;
  }
  visit_dtype(from, [&]<class From>(std::type_identity<From>) {
    visit_dtype(to, [&]<class To>(std::type_identity<To>) {
      const auto* x = reinterpret_cast<const From*>(source);
      auto* result = reinterpret_cast<To*>(target);
      for (std::int64_t i = 0; i < count; ++i) result[i] = math::convert_element<To>(x[i]);
    });
  });
}

Literal converted(const Literal& literal, DType dtype) {
  if (literal.dtype() == dtype) return literal;
  Literal result = Literal::uninitialized({dtype, literal.shape()});
  convert_elements(literal.dtype(), literal.bytes(), dtype, result.bytes(), literal.size());
  return result;
}

}  // namespace ndl::ir
