// Shapes: extents of a dense row-major array, outermost first. f32[] has rank 0 and one element.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace ndl::ir {

inline constexpr std::size_t kMaxRank = 32;

using Dims = std::vector<std::int64_t>;

class Shape {
 public:
  Shape() = default;
  // Throws ShapeError when an extent is negative, the rank exceeds kMaxRank, or the product of the
  // extents (counting 0 as 1, so that a 0 hides nothing) times 8 bytes does not fit an int64.
  explicit Shape(Dims dims);
  Shape(std::initializer_list<std::int64_t> dims) : Shape(Dims(dims)) {}

  std::size_t rank() const { return dims_.size(); }
  std::int64_t operator[](std::size_t axis) const { return dims_[axis]; }
  const Dims& dims() const { return dims_; }
  auto begin() const { return dims_.begin(); }
  auto end() const { return dims_.end(); }

  std::int64_t num_elements() const { return num_elements_; }

  bool operator==(const Shape& other) const { return dims_ == other.dims_; }

  // "[64,784]"
  std::string to_string() const;

 private:
  Dims dims_;
  std::int64_t num_elements_ = 1;
};

// Elements between neighbours along each axis of a dense row-major array.
Dims row_major_strides(const Shape& shape);

// Product of the extents of dims[begin, end).
std::int64_t product(std::span<const std::int64_t> dims);

// "[0, 2]": a list as attributes and messages show it.
std::string to_string(std::span<const std::int64_t> values);

}  // namespace ndl::ir
