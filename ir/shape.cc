#include "ir/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/checked.h"
#include "base/error.h"

namespace ndl::ir {

Shape::Shape(Dims dims) : dims_(std::move(dims)) {
  constexpr std::int64_t kLargestElement = 8;
  if (dims_.size() > kMaxRank) {
    throw_error<ShapeError>("rank {} is more than the limit of {}", dims_.size(), kMaxRank);
  }
  std::int64_t bytes = kLargestElement;
  for (const std::int64_t dim : dims_) {
    if (dim < 0) throw_error<ShapeError>("shape {} has the negative extent {}", to_string(), dim);
    const auto next = checked_mul(bytes, std::max<std::int64_t>(dim, 1));
    if (!next) {
      throw_error<ShapeError>("shape {} is too large: its size in bytes does not fit 63 bits",
                              to_string());
    }
    bytes = *next;
    num_elements_ *= dim;
  }
}

std::string Shape::to_string() const { return fmt::format("[{}]", fmt::join(dims_, ",")); }

Dims row_major_strides(const Shape& shape) {
  Dims strides(shape.rank());
  std::int64_t stride = 1;
  for (std::size_t axis = shape.rank(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

std::int64_t product(std::span<const std::int64_t> dims) {
  std::int64_t result = 1;
  for (const std::int64_t dim : dims) result *= dim;
  return result;
}

std::string to_string(std::span<const std::int64_t> values) {
  return fmt::format("[{}]", fmt::join(values, ", "));
}

}  // namespace ndl::ir
