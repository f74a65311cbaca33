// A value of tensor type: what a constant holds and what the interpreter computes with.
//
// Elements are dense and row-major in an immutable buffer that copies share. A splat stores one
// element that stands for all of them.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "ir/type.h"

namespace ndl::ir {

class Literal {
 public:
  // The f32[] zero.
  Literal();

  // Every element is `value`; T must be the C++ type of type.dtype.
  template <class T>
  static Literal splat(TensorType type, T value) {
    NDL_CHECK(dtype_of<T> == type.dtype);
    Literal literal(std::move(type), 1, true);
    literal.mutable_data<T>()[0] = value;
    return literal;
  }
  // Every element is `value` converted to type.dtype as the op `convert` does.
  static Literal filled(TensorType type, double value);
  static Literal zeros(TensorType type) { return filled(std::move(type), 0); }

  // values.size() elements, row-major.
  template <class T>
  static Literal dense(Shape shape, std::span<const T> values) {
    Literal literal = uninitialized({dtype_of<T>, std::move(shape)});
    NDL_CHECK(static_cast<std::int64_t>(values.size()) == literal.shape().num_elements());
    if (!values.empty()) std::memcpy(literal.bytes(), values.data(), values.size_bytes());
    return literal;
  }
  template <class T>
  static Literal dense(Shape shape, std::initializer_list<T> values) {
    return dense(std::move(shape), std::span<const T>(values.begin(), values.size()));
  }
  // Dense storage whose contents the caller writes before sharing it.
  static Literal uninitialized(TensorType type);

  const TensorType& type() const { return type_; }
  DType dtype() const { return type_.dtype; }
  const Shape& shape() const { return type_.shape; }
  std::int64_t size() const { return type_.shape.num_elements(); }

  bool is_splat() const { return is_splat_; }
  // Elements in the buffer: 1 for a splat, else size().
  std::int64_t stored() const { return is_splat_ ? 1 : size(); }

  // The stored elements.
  template <class T>
  const T* data() const {
    NDL_CHECK(dtype_of<T> == type_.dtype);
    return reinterpret_cast<const T*>(buffer_.get());
  }
  const std::byte* bytes() const { return buffer_.get(); }
  // For filling a fresh uninitialized() literal, before it is copied.
  template <class T>
  T* mutable_data() {
    NDL_CHECK(dtype_of<T> == type_.dtype);
    return reinterpret_cast<T*>(buffer_.get());
  }
  std::byte* bytes() { return buffer_.get(); }

  template <class T>
  T at(std::int64_t index) const {
    return data<T>()[is_splat_ ? 0 : index];
  }
  // Element `index` as a double: exact but for i64 beyond 2^53.
  double as_double(std::int64_t index) const;

  // The same value with all elements stored.
  Literal dense() const;
  // The same value as a splat when all elements have equal bits (or there are none).
  Literal compact() const;
  // The same elements with another shape (equal element count) or a dtype of equal size.
  Literal with_type(TensorType type) const;

  // Equal types and equal bits of every element.
  bool operator==(const Literal& other) const;
  std::size_t hash() const;

  // "[[1, 2], [3, 4]]", nested by rank; every element, no elision. A splat prints its one element.
  std::string to_string() const;

 private:
  Literal(TensorType type, std::int64_t stored, bool is_splat);

  TensorType type_;
  std::shared_ptr<std::byte[]> buffer_;
  bool is_splat_ = false;
};

}  // namespace ndl::ir
