// Which elements of a large tensor people are shown: numpy's rule.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/shape.h"

namespace ndl::ir {

// Above so many elements only the first and last three along each axis are shown.
inline constexpr std::int64_t kMaxShownElements = 1000;

// Marks in shown_indices() that some are left out.
inline constexpr std::int64_t kElided = -1;

// Whether elements are left out.
bool is_elided(const Shape& shape);

// The indices shown along each axis, ascending.
std::vector<std::vector<std::int64_t>> shown_indices(const Shape& shape);

// The row-major positions of the elements shown.
std::vector<std::int64_t> shown_elements(const Shape& shape);

}  // namespace ndl::ir
