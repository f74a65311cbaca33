// numpy's broadcasting of shapes.
#pragma once

#include <optional>
#include <span>

#include "ir/shape.h"

namespace ndl {

// The shape to which all of `shapes` broadcast: axes align at the end, and extents are equal or 1.
// Nothing if there is none.
std::optional<ir::Shape> broadcast_shapes(std::span<const ir::Shape* const> shapes);

}  // namespace ndl
