// The one loop that moves elements between arrays of different layout.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ir/shape.h"

namespace ndl::ir {

// Where the elements of an array lie in a buffer, counted in elements: index i is at
// offset + sum of i[axis] * strides[axis]. A stride may be zero or negative; that of an axis of
// extent 0 or 1 is never used.
struct StridedView {
  std::int64_t offset = 0;
  Dims strides;
};

// Copies every element of an array of extents `dims` from its place in `source` to that in
// `target`, in row-major order. Elements are `width` bytes: 1, 2, 4 or 8.
void strided_copy(const Dims& dims, std::size_t width, const std::byte* source,
                  const StridedView& from, std::byte* target, const StridedView& to);

// The same from or to the dense row-major array of these extents.
void strided_read(const Dims& dims, std::size_t width, const std::byte* source,
                  const StridedView& from, std::byte* target);
void strided_write(const Dims& dims, std::size_t width, const std::byte* source, std::byte* target,
                   const StridedView& to);

}  // namespace ndl::ir
