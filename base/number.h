// Element values as text and back: decimal, locale independent, and exact both ways.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/float16.h"

namespace ndl {

// Shortest text that reads back as the same value: "1", "0.1", "1e+30", "inf", "-inf", "nan".
// A NaN other than the default quiet one is "nan(0x7f800001)", all its bits.
std::string to_text(float value);
std::string to_text(double value);
std::string to_text(Float16 value);
std::string to_text(BFloat16 value);
std::string to_text(bool value);
std::string to_text(std::int64_t value);
inline std::string to_text(std::int32_t value) { return to_text(std::int64_t{value}); }
inline std::string to_text(std::int16_t value) { return to_text(std::int64_t{value}); }
inline std::string to_text(std::int8_t value) { return to_text(std::int64_t{value}); }
inline std::string to_text(std::uint8_t value) { return to_text(std::int64_t{value}); }

// The fewest digits that read back as the same value, which is finite, in scientific notation:
// "5e-01", "-2.018e+04", "0e+00".
std::string to_scientific(float value);
std::string to_scientific(double value);
std::string to_scientific(Float16 value);
std::string to_scientific(BFloat16 value);

enum class NumberError { kNone, kSyntax, kRange };

// Reads all of `text` as a T: decimal, hexadecimal ("0x1.8p3" for floats, "0xff" for integers),
// inf, nan, nan(0xBITS), true and false for bool. A finite decimal that overflows T is kRange; one
// that underflows rounds to nearest as always. Defined for the element types of base/dtype.h.
template <class T>
NumberError from_text(std::string_view text, T& value);

}  // namespace ndl
