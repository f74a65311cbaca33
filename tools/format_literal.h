// Tensors as people read them: NumPy's brackets, rows and elision, our shortest exact numbers.
//
//   [0 1 0]      5      [[  1 0.5]      ([2], [3])
//                        [100   3]]
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "ir/literal.h"

namespace ndl::tools {

// Above so many elements only the first and last three along each axis are shown.
inline constexpr std::int64_t kMaxShownElements = 1000;

// Whether format_literal leaves elements out.
bool is_elided(const ir::Literal& literal);

// One row a line, columns aligned on the right, a blank line between matrices; no newline at the
// end. Every NaN is "nan". No elements at all are "[]", whatever the shape.
std::string format_literal(const ir::Literal& literal);

// "(a, b)", and "(a,)" for one; elements of several lines begin on lines of their own.
std::string format_tuple(std::span<const ir::Literal> elements);

}  // namespace ndl::tools
