// Runs of elements from one dtype to another, and the C++ types that evaluation computes in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/dtype.h"
#include "ir/literal.h"
#include "ir/math/convert.h"

namespace ndl::ir {

// `count` elements, each by math::convert_element. The buffers do not overlap.
void convert_elements(DType from, const std::byte* source, DType to, std::byte* target,
                      std::int64_t count);

// The same into a buffer of C++ numbers.
template <class T>
void load_elements(DType from, const std::byte* source, T* target, std::int64_t count) {
  convert_elements(from, source, dtype_of<T>, reinterpret_cast<std::byte*>(target), count);
}

// A dense literal with its elements converted; itself if nothing is to be done.
Literal converted(const Literal& literal, DType dtype);

// f(std::type_identity<A>{}) for the C++ type A in which values of `dtype` are computed: float for
// the 16-bit floats, which it holds exactly, else the type itself.
template <class F>
decltype(auto) visit_accumulator(DType dtype, F&& f) {
  return visit_dtype(dtype, [&]<class T>(std::type_identity<T>) -> decltype(auto) {
    return f(std::type_identity<std::conditional_t<math::is_half_v<T>, float, T>>{});
  });
}

}  // namespace ndl::ir
