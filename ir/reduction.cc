#include "ir/reduction.h"

namespace ndl::ir {

std::vector<MergedAxis> merge_axes(const Shape& shape, const Dims& axes) {
  std::vector<MergedAxis> merged;
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (shape[i] == 1) continue;
    const bool is_reduced = std::ranges::binary_search(axes, static_cast<std::int64_t>(i));
    if (!merged.empty() && merged.back().is_reduced == is_reduced) {
      merged.back().extent *= shape[i];
    } else {
      merged.push_back({shape[i], is_reduced});
    }
  }
  return merged;
}

}  // namespace ndl::ir
