// Element types: the one list of them, and the sets and facts other tables are written with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/float16.h"

namespace ndl {

// X(enumerator, name in text, C++ type in memory). The order is the order in documentation.
#define NDL_FOR_EACH_DTYPE(X)  \
  X(kBool, "bool", bool)       \
  X(kI8, "i8", std::int8_t)    \
  X(kU8, "u8", std::uint8_t)   \
  X(kI16, "i16", std::int16_t) \
  X(kI32, "i32", std::int32_t) \
  X(kI64, "i64", std::int64_t) \
  X(kF16, "f16", Float16)      \
  X(kBF16, "bf16", BFloat16)   \
  X(kF32, "f32", float)        \
  X(kF64, "f64", double)

enum class DType : std::uint8_t {
#define NDL_X(enumerator, name, type) enumerator,
  NDL_FOR_EACH_DTYPE(NDL_X)
#undef NDL_X
};

inline constexpr int kDTypeCount = 0
#define NDL_X(enumerator, name, type) +1
    NDL_FOR_EACH_DTYPE(NDL_X)
#undef NDL_X
    ;

// The dtype of a C++ type: dtype_of<float> == DType::kF32.
template <class T>
inline constexpr DType dtype_of = [] {
  static_assert(sizeof(T) == 0, "not an element type");
  return DType::kBool;
}();
#define NDL_X(enumerator, name, type) \
  template <>                         \
  inline constexpr DType dtype_of<type> = DType::enumerator;
NDL_FOR_EACH_DTYPE(NDL_X)
#undef NDL_X

// f(std::type_identity<T>{}) for the C++ type of `dtype`; every branch returns the same type.
template <class F>
constexpr decltype(auto) visit_dtype(DType dtype, F&& f) {
  switch (dtype) {
#define NDL_X(enumerator, name, type) \
  case DType::enumerator:             \
    return f(std::type_identity<type>{});
    NDL_FOR_EACH_DTYPE(NDL_X)
#undef NDL_X
  }
  __builtin_unreachable();
}

// Bytes of one element.
constexpr std::size_t size_of(DType dtype) {
  return visit_dtype(dtype, []<class T>(std::type_identity<T>) { return sizeof(T); });
}

std::string_view name_of(DType dtype);
std::optional<DType> dtype_named(std::string_view name);

// A set of dtypes, as op tables name them.
class DTypeSet {
 public:
  constexpr DTypeSet() = default;
  constexpr DTypeSet(DType dtype) : bits_(1u << static_cast<unsigned>(dtype)) {}
  constexpr bool contains(DType dtype) const {
    return (bits_ >> static_cast<unsigned>(dtype) & 1u) != 0;
  }
  constexpr DTypeSet operator|(DTypeSet other) const {
    DTypeSet result;
    result.bits_ = bits_ | other.bits_;
    return result;
  }
  constexpr bool operator==(const DTypeSet&) const = default;

  // "f16 bf16 f32 f64"
  std::string to_string() const;

 private:
  unsigned bits_ = 0;
};

constexpr DTypeSet operator|(DType a, DType b) { return DTypeSet(a) | DTypeSet(b); }

inline constexpr DTypeSet kBools = DType::kBool;
inline constexpr DTypeSet kSigned = DType::kI8 | DType::kI16 | DType::kI32 | DType::kI64;
inline constexpr DTypeSet kIntegers = kSigned | DType::kU8;
inline constexpr DTypeSet kHalves = DType::kF16 | DType::kBF16;
inline constexpr DTypeSet kFloats = kHalves | DType::kF32 | DType::kF64;
inline constexpr DTypeSet kBitwise = kBools | kIntegers;
inline constexpr DTypeSet kNumeric = kIntegers | kFloats;
inline constexpr DTypeSet kAllDTypes = kBools | kNumeric;

constexpr bool is_float(DType dtype) { return kFloats.contains(dtype); }
constexpr bool is_integer(DType dtype) { return kIntegers.contains(dtype); }
constexpr bool is_half(DType dtype) { return kHalves.contains(dtype); }

// Bits of an integer's magnitude, or of a float's significand with its implicit one: the integers
// of so many bits are values of the dtype.
constexpr int precision_of(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return 1;
    case DType::kF16:
      return 11;
    case DType::kBF16:
      return 8;
    case DType::kF32:
      return 24;
    case DType::kF64:
      return 53;
    default:
      return 8 * static_cast<int>(size_of(dtype)) - (kSigned.contains(dtype) ? 1 : 0);
  }
}

// The dtype in which sums and products of `dtype` are accumulated unless said otherwise: f32 for
// the 16-bit floats, else `dtype` itself.
constexpr DType accumulator_of(DType dtype) { return is_half(dtype) ? DType::kF32 : dtype; }

}  // namespace ndl
