#include "ir/shown_elements.h"

#include <algorithm>

namespace ndl::ir {
namespace {

constexpr std::int64_t kEdge = 3;

bool is_long(std::int64_t extent) { return extent > 2 * kEdge; }

}  // namespace

bool is_elided(const Shape& shape) {
  return shape.num_elements() > kMaxShownElements && std::ranges::any_of(shape, is_long);
}

std::vector<std::vector<std::int64_t>> shown_indices(const Shape& shape) {
  std::vector<std::vector<std::int64_t>> axes;
  for (const std::int64_t extent : shape) {
    std::vector<std::int64_t>& indices = axes.emplace_back();
    const bool elide = is_elided(shape) && is_long(extent);
    for (std::int64_t i = 0; i < extent; ++i) {
      if (elide && i == kEdge) {
        indices.push_back(kElided);
        i = extent - kEdge;
      }
      indices.push_back(i);
    }
  }
  return axes;
}

std::vector<std::int64_t> shown_elements(const Shape& shape) {
  const Dims strides = row_major_strides(shape);
  const auto axes = shown_indices(shape);
  std::vector<std::int64_t> elements{0};
  for (std::size_t axis = 0; axis < axes.size(); ++axis) {
    std::vector<std::int64_t> further;
    for (const std::int64_t start : elements) {
      for (const std::int64_t i : axes[axis]) {
        if (i != kElided) further.push_back(start + i * strides[axis]);
      }
    }
    elements = std::move(further);
  }
  return elements;
}

}  // namespace ndl::ir
