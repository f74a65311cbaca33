// Arrays as numpy prints them.
//
//   [0.39999992 1.3999999  2.4000006 ]     4.0     [ True False]     [[1 2]
//                                                                     [3 4]]
#pragma once

#include <string>

#include "ir/literal.h"

namespace ndl {

// str(array) with numpy's default options. Floats have the shortest digits that read back as the
// same value of their dtype, eight after the point at most, and are padded to common columns;
// ranges that need it are in scientific notation. Above 1000 elements only the first and last three
// along each axis are shown, and lines break before column 75.
std::string format_array(const ir::Literal& literal);

}  // namespace ndl
