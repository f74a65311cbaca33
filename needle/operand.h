// What an op takes: a tensor, or a number of the program, and where the program says so.
//
// Functions on tensors take `const Operand&`, so that an argument converts on the line of the call
// and errors can name it.
#pragma once

#include <concepts>
#include <cstdint>
#include <source_location>

#include "needle/promote.h"
#include "needle/tensor.h"

namespace ndl {

template <class T>
concept Number = std::integral<T> || std::floating_point<T>;

class Operand {
 public:
  Operand(const Tensor& tensor, const std::source_location& at = std::source_location::current())
      : record_(tensor.record()), dtype_{tensor.dtype()}, at_(at) {}
  // A weak number (needle/promote.h) of rank 0; a bool is not weak.
  template <Number T>
  Operand(T value, const std::source_location& at = std::source_location::current()) : at_(at) {
    if constexpr (std::floating_point<T>) {
      real_ = static_cast<double>(value);
      dtype_ = {DType::kF32, true};
    } else {
      integer_ = static_cast<std::int64_t>(value);
      dtype_ = {std::same_as<T, bool> ? DType::kBool : DType::kI32, !std::same_as<T, bool>};
    }
  }

  bool is_number() const { return !record_; }
  OperandDType dtype() const { return dtype_; }
  const ir::Shape& shape() const;
  const std::source_location& location() const { return at_; }

  // The tensor as it is, or the number as a leaf of `dtype`. Throws DTypeError for an integer that
  // `dtype`, an integer type, does not hold.
  RecordRef record(DType dtype) const;
  // The same; a number gets the dtype it has on its own.
  RecordRef record() const { return record(dtype_.dtype); }
  Tensor tensor() const { return Tensor(record()); }

 private:
  RecordRef record_;
  double real_ = 0;
  std::int64_t integer_ = 0;
  OperandDType dtype_;
  std::source_location at_;
};

}  // namespace ndl
