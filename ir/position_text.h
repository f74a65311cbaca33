// Where an element of a tensor is, for messages.
#pragma once

#include <cstdint>
#include <string>

#include "ir/shape.h"

namespace ndl::ir {

// "[1, 2]" for a row-major index.
std::string position_text(std::int64_t index, const Shape& shape);

}  // namespace ndl::ir
