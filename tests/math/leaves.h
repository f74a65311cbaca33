// The leaf functions, one row each: reference, bounds and where to look closely.
#pragma once

#include <optional>
#include <ostream>
#include <span>
#include <string_view>

#include "tests/math/ulp.h"

namespace ndl::ir::math::test {

std::span<const Unary> unary_leaves();
std::span<const Binary> binary_leaves();

// The bounds of the leaf function of that name, with and without fused multiply and add; nothing
// if there is none.
struct LeafBounds {
  Bound with_fma;
  Bound without_fma;
};
std::optional<LeafBounds> bounds_of(std::string_view name);

inline void PrintTo(const Unary& row, std::ostream* out) { *out << row.name; }
inline void PrintTo(const Binary& row, std::ostream* out) { *out << row.name; }

}  // namespace ndl::ir::math::test
