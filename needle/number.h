// Numbers of the program where a tensor may stand.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <source_location>
#include <string>
#include <type_traits>

#include "needle/promote.h"
#include "needle/record.h"

namespace ndl {

// Weak (needle/promote.h), but for a bool.
class Number {
 public:
  template <std::floating_point T>
  explicit Number(T value) : real_(static_cast<double>(value)), dtype_{DType::kF32, true} {}
  template <std::integral T>
  explicit Number(T value)
      : real_(static_cast<double>(value)),
        integer_(static_cast<std::int64_t>(value)),
        is_too_large_(std::is_unsigned_v<T> &&
                      static_cast<std::uint64_t>(value) > std::numeric_limits<std::int64_t>::max()),
        dtype_{std::same_as<T, bool> ? DType::kBool : DType::kI32, !std::same_as<T, bool>} {}

  OperandDType dtype() const { return dtype_; }
  // A leaf of rank 0. Throws DTypeError, with the line `at`, for a number that `dtype`, an integer
  // type, does not hold.
  RecordRef record(DType dtype, const std::source_location& at) const;

 private:
  bool fits(DType dtype) const;
  std::string to_string() const;

  double real_;
  std::int64_t integer_ = 0;
  bool is_too_large_ = false;  // for an int64
  OperandDType dtype_;
};

}  // namespace ndl
