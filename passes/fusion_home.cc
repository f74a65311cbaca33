#include "passes/fusion_home.h"

#include <algorithm>

namespace ndl::passes {

bool FusionHome::is_reduced(std::size_t axis) const {
  return std::ranges::find(axes, static_cast<std::int64_t>(axis)) != axes.end();
}

std::int64_t FusionHome::row_elements() const {
  std::int64_t count = 1;
  for (const std::int64_t axis : axes) count *= space[static_cast<std::size_t>(axis)];
  return count;
}

bool FusionHome::has_few_rows() const {
  const std::int64_t elements = ir::product(space);
  return elements > CostModel::kManyElements && elements / row_elements() < CostModel::kFewRows;
}

bool FusionHome::row_fits_cache(const CostModel& model) const {
  bool innermost_is_reduced = false;
  for (std::size_t axis = 0; axis < space.size(); ++axis) {
    if (space[axis] != 1) innermost_is_reduced = is_reduced(axis);
  }
  return row_elements() <= (innermost_is_reduced ? model.row_elements() : model.column_elements());
}

bool FusionHome::is_row_broadcast(const ir::Shape& x) const {
  const std::size_t added = space.size() - x.rank();
  for (std::size_t axis = 0; axis < space.size(); ++axis) {
    const bool is_stretched = axis < added || x[axis - added] == 1;
    if (space[axis] != 1 && is_stretched != is_reduced(axis)) return false;
  }
  return true;
}

std::size_t FusionHome::first_merged_axis() const {
  std::size_t count = 0;
  std::size_t first = 0;
  for (std::size_t axis = space.size(); axis-- > 0;) {
    if (space[axis] == 1) continue;
    if (!is_reduced(axis)) break;
    first = axis;
    ++count;
  }
  return count > 1 ? first : space.size();
}

}  // namespace ndl::passes
