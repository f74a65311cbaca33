// The leaf functions, one row each: reference, bounds and where to look closely.
#pragma once

#include <ostream>
#include <span>

#include "tests/math/ulp.h"

namespace ndl::ir::math::test {

std::span<const Unary> unary_leaves();
std::span<const Binary> binary_leaves();

inline void PrintTo(const Unary& row, std::ostream* out) { *out << row.name; }
inline void PrintTo(const Binary& row, std::ostream* out) { *out << row.name; }

}  // namespace ndl::ir::math::test
