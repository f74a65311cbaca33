#include "ir/position_text.h"

namespace ndl::ir {

std::string position_text(std::int64_t index, const Shape& shape) {
  const Dims strides = row_major_strides(shape);
  Dims indices;
  for (const std::int64_t stride : strides) {
    indices.push_back(index / stride);
    index %= stride;
  }
  return to_string(indices);
}

}  // namespace ndl::ir
