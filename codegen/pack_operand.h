// The right operand of a large product is read in columns as wide as registers hold, once for each
// tile of rows. Where it is too large for that, it is laid out anew first, column by column, so
// that each is one piece of memory. Whatever else is done to it, a conversion or another order of
// axes, is done then, once.
#pragma once

#include <optional>

#include "codegen/nest_copy.h"

namespace ndl::codegen {

// The nest as several, if it is such a product.
std::optional<NestParts> pack_right_operand(const LoopNest& nest);

}  // namespace ndl::codegen
