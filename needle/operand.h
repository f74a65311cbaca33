// What an op takes: a tensor, or a number of the program, and where the program says so.
//
// Functions on tensors take `const Operand&`, so that an argument converts on the line of the call
// and errors can name it.
#pragma once

#include <concepts>
#include <source_location>
#include <span>
#include <string_view>
#include <variant>

#include "needle/number.h"
#include "needle/promote.h"
#include "needle/tensor.h"

namespace ndl {

class Operand {
 public:
  Operand(const Tensor& tensor, const std::source_location& at = std::source_location::current())
      : value_(tensor.record()), dtype_{tensor.dtype()}, at_(at) {}
  template <class T>
    requires std::integral<T> || std::floating_point<T>
  Operand(T value, const std::source_location& at = std::source_location::current())
      : Operand(Number(value), at) {}
  Operand(const Number& number, const std::source_location& at)
      : value_(number), dtype_(number.dtype()), at_(at) {}

  bool is_number() const { return std::holds_alternative<Number>(value_); }
  OperandDType dtype() const { return dtype_; }
  const ir::Shape& shape() const;
  const std::source_location& location() const { return at_; }

  // The tensor as it is, or the number as a leaf of `dtype`, see needle/number.h.
  RecordRef record(DType dtype) const;
  // The same; a number gets the dtype it has on its own.
  RecordRef record() const { return record(dtype_.dtype); }
  Tensor tensor() const { return Tensor(record()); }

 private:
  std::variant<RecordRef, Number> value_;
  OperandDType dtype_;
  std::source_location at_;
};

// Throws ShapeError, in the name of `op`, if there are no tensors.
void require_tensors(std::span<const Tensor> xs, std::string_view op,
                     const std::source_location& at);

}  // namespace ndl
