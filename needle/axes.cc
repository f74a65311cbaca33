#include "needle/axes.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "needle/record.h"

namespace ndl {

ir::Shape make_shape(ir::Dims dims, std::string_view op, const std::source_location& at) {
  try {
    return ir::Shape(std::move(dims));
  } catch (const ShapeError& error) {
    throw ShapeError(Diagnostic{to_location(at), fmt::format("{}: {}", op, error.message()), ""});
  }
}

std::int64_t resolve_axis(std::int64_t axis, std::size_t rank, std::string_view op,
                          const std::source_location& at) {
  const auto end = static_cast<std::int64_t>(rank);
  if (axis < -end || axis >= end) {
    throw ShapeError(Diagnostic{
        to_location(at),
        fmt::format("{}: {} is not an axis of a tensor of rank {}", op, axis, rank), ""});
  }
  return axis < 0 ? axis + end : axis;
}

ir::Dims Axes::resolve(std::size_t rank, std::string_view op,
                       const std::source_location& at) const {
  if (!axes_) {
    ir::Dims all(rank);
    std::iota(all.begin(), all.end(), 0);
    return all;
  }
  ir::Dims axes;
  for (const std::int64_t axis : *axes_) axes.push_back(resolve_axis(axis, rank, op, at));
  std::ranges::sort(axes);
  const auto twice = std::ranges::adjacent_find(axes);
  if (twice != axes.end()) {
    throw ShapeError(
        Diagnostic{to_location(at), fmt::format("{}: axis {} is named twice", op, *twice), ""});
  }
  return axes;
}

}  // namespace ndl
