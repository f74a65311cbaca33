#include "needle/broadcast.h"

#include <algorithm>

namespace ndl {

std::optional<ir::Dims> broadcast_shapes(std::span<const ir::Shape* const> shapes) {
  std::size_t rank = 0;
  for (const ir::Shape* shape : shapes) rank = std::max(rank, shape->rank());
  ir::Dims dims(rank, 1);
  for (const ir::Shape* shape : shapes) {
    const std::size_t missing = rank - shape->rank();
    for (std::size_t i = 0; i < shape->rank(); ++i) {
      const std::int64_t extent = (*shape)[i];
      std::int64_t& common = dims[missing + i];
      if (extent == common || extent == 1) continue;
      if (common != 1) return std::nullopt;
      common = extent;
    }
  }
  return dims;
}

}  // namespace ndl
