// Types of values: a tensor `f32[64,784]`, or a tuple of tensors `(f32[4], f32[4])`.
#pragma once

#include <string>
#include <vector>

#include "base/dtype.h"
#include "ir/shape.h"

namespace ndl::ir {

struct TensorType {
  DType dtype = DType::kF32;
  Shape shape;

  bool operator==(const TensorType&) const = default;

  // Bytes of a dense array of this type.
  std::int64_t bytes() const {
    return shape.num_elements() * static_cast<std::int64_t>(size_of(dtype));
  }
  // "f32[64,784]"
  std::string to_string() const;
};

// A tensor or a tuple; the elements of a tuple are tensors, never tuples.
class Type {
 public:
  Type() : Type(TensorType{}) {}
  Type(TensorType tensor) : elements_{std::move(tensor)} {}
  Type(DType dtype, Shape shape) : Type(TensorType{dtype, std::move(shape)}) {}
  static Type tuple(std::vector<TensorType> elements);

  bool is_tuple() const { return is_tuple_; }
  // The tensor type; an internal error for a tuple.
  const TensorType& tensor() const;
  DType dtype() const { return tensor().dtype; }
  const Shape& shape() const { return tensor().shape; }
  // The elements of a tuple, or the tensor itself as the only one.
  const std::vector<TensorType>& elements() const { return elements_; }

  // Bytes of all elements; the largest int64 when they do not fit one.
  std::int64_t bytes() const;
  bool operator==(const Type&) const = default;
  std::size_t hash() const;
  std::string to_string() const;

 private:
  std::vector<TensorType> elements_;
  bool is_tuple_ = false;
};

}  // namespace ndl::ir
