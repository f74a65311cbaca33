// Tensors as people read them: NumPy's brackets, rows and elision, our shortest exact numbers.
//
//   [0 1 0]      5      [[  1 0.5]      ([2], [3])
//                        [100   3]]
#pragma once

#include <span>
#include <string>

#include "ir/literal.h"

namespace ndl::tools {

// One row a line, columns aligned on the right, a blank line between matrices; no newline at the
// end. Of large tensors the elements of ir/shown_elements.h. Every NaN is "nan". No elements at all
// are "[]", whatever the shape.
std::string format_literal(const ir::Literal& literal);

// "(a, b)", and "(a,)" for one; elements of several lines begin on lines of their own.
std::string format_tuple(std::span<const ir::Literal> elements);

}  // namespace ndl::tools
