// Axes and shapes as the front end takes them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <source_location>
#include <string_view>
#include <utility>

#include "ir/shape.h"

namespace ndl {

// All axes, {}; one, 1; or some, {0, -1}. Negative ones count from the end. For an empty list of
// axes write ir::Dims().
class Axes {
 public:
  Axes() = default;
  Axes(std::int64_t axis) : axes_(ir::Dims{axis}) {}
  Axes(std::initializer_list<std::int64_t> axes) : axes_(ir::Dims(axes)) {}
  Axes(ir::Dims axes) : axes_(std::move(axes)) {}

  // The axes of a tensor of `rank`, ascending. Throws ShapeError, in the name of `op`, for one that
  // is out of range or named twice.
  ir::Dims resolve(std::size_t rank, std::string_view op, const std::source_location& at) const;

 private:
  std::optional<ir::Dims> axes_;
};

// The shape of these extents; throws ShapeError, in the name of `op`, if it is none.
ir::Shape make_shape(ir::Dims dims, std::string_view op, const std::source_location& at);

// `axis` counted from the front; throws ShapeError, in the name of `op`, if it is not an axis.
std::int64_t resolve_axis(std::int64_t axis, std::size_t rank, std::string_view op,
                          const std::source_location& at);

}  // namespace ndl
