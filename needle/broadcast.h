// numpy's broadcasting of shapes.
#pragma once

#include <optional>
#include <span>

#include "ir/shape.h"

namespace ndl {

// The extents to which all of `shapes` broadcast: axes align at the end, and extents are equal
// or 1. Nothing if there is none.
std::optional<ir::Dims> broadcast_shapes(std::span<const ir::Shape* const> shapes);

}  // namespace ndl
