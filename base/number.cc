#include "base/number.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>
#include <type_traits>

#include "base/dtype.h"

namespace ndl {
namespace {

template <class T>
using bits_of =
    std::conditional_t<sizeof(T) == 8, std::uint64_t,
                       std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint16_t>>;

// The bits of infinity, whose exponent is all ones, and of the default NaN.
template <class T>
struct FloatBits {
  static constexpr int kFraction = precision_of(dtype_of<T>) - 1;
  static constexpr bits_of<T> kInfinity = ((bits_of<T>{1} << (8 * sizeof(T) - 1 - kFraction)) - 1)
                                          << kFraction;
  static constexpr bits_of<T> kNan = kInfinity | bits_of<T>{1} << (kFraction - 1);
};

template <class T>
constexpr bool is_half_type = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

double widen(Float16 value) { return value.to_float(); }
double widen(BFloat16 value) { return value.to_float(); }

template <class F>
std::string shortest(F value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  return std::string(buffer, end);
}

// In scientific notation.
template <class F>
std::string scientific(F value) {
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific).ptr;
  return std::string(buffer, end);
}

// The fewest digits of a value that is finite and not below zero.
template <class T>
std::string scientific_half(T value) {
  const double wide = widen(value);
  if (wide == 0) return "0e+00";
  // The middle of what rounds to the value; it is above the value where that is a power of two. If
  // any decimal of so many digits reads back, then the one nearest to the middle does.
  const double below = widen(T{static_cast<std::uint16_t>(value.bits - 1)});
  const double above = widen(T{static_cast<std::uint16_t>(value.bits + 1)});
  const double middle = (below + 2 * wide + above) / 4;
  // 5 digits always do for f16 (11 bits), 4 for bf16 (8 bits).
  for (int digits = 1; digits <= 5; ++digits) {
    for (const double near : {wide, middle}) {
      char buffer[32];
      const auto end = std::to_chars(buffer, buffer + sizeof(buffer), near,
                                     std::chars_format::scientific, digits - 1)
                           .ptr;
      T back;
      const std::string_view text(buffer, end);
      if (from_text(text, back) == NumberError::kNone && back.bits == value.bits) {
        return std::string(text);
      }
    }
  }
  return scientific(wide);
}

template <class T>
std::string signed_scientific_half(T value) {
  constexpr std::uint16_t kSign = 0x8000;
  const T magnitude{static_cast<std::uint16_t>(value.bits & ~kSign)};
  return (value.bits == magnitude.bits ? "" : "-") + scientific_half(magnitude);
}

// The shortest text of a value that is finite and not below zero.
template <class T>
std::string shortest_half(T value) {
  const std::string fewest = scientific_half(value);
  double decimal = 0;
  std::from_chars(fewest.data(), fewest.data() + fewest.size(), decimal);
  const std::string text = shortest(decimal);
  const std::string exact = shortest(widen(value));
  return exact.size() <= text.size() ? exact : text;
}

template <class T>
std::string float_to_text(T value) {
  using Bits = bits_of<T>;
  constexpr Bits kSign = Bits(1) << (8 * sizeof(T) - 1);
  const Bits bits = std::bit_cast<Bits>(value);
  const Bits magnitude = bits & static_cast<Bits>(~kSign);
  if (bits == FloatBits<T>::kNan) return "nan";
  if (magnitude > FloatBits<T>::kInfinity) return fmt::format("nan({:#x})", bits);
  if (magnitude == FloatBits<T>::kInfinity) return bits == magnitude ? "inf" : "-inf";
  if constexpr (is_half_type<T>) {
    return (bits == magnitude ? "" : "-") + shortest_half(T{magnitude});
  } else {
    return shortest(value);
  }
}

bool is_hex(std::string_view text) { return text.find_first_of("xX") != std::string_view::npos; }

// A number without sign and prefix, which from_chars has accepted, as significand and exponent.
struct Notation {
  std::string_view significand;
  std::int64_t exponent = 0;

  Notation(std::string_view number, std::chars_format format) {
    const std::size_t e = number.find_first_of(format == std::chars_format::hex ? "pP" : "eE");
    significand = number.substr(0, e);
    if (e == std::string_view::npos) return;
    std::string_view text = number.substr(e + 1);
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto ec = std::from_chars(text.data(), text.data() + text.size(), exponent).ec;
    // Beyond what any text's length makes up for, and still far from overflow.
    constexpr std::int64_t kFar = std::int64_t{1} << 60;
    if (ec != std::errc()) exponent = text.starts_with('-') ? -kFar : kFar;
    exponent = std::clamp(exponent, -kFar, kFar);
  }
};

// Whether a number that is out of range is so by being large: its leading digit is what counts.
bool is_large(std::string_view number, std::chars_format format) {
  const Notation notation(number, format);
  const std::size_t point = std::min(notation.significand.find('.'), notation.significand.size());
  const std::size_t first = notation.significand.find_first_not_of("0.");
  const std::int64_t position = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
  return notation.exponent + position * (format == std::chars_format::hex ? 4 : 1) > 0;
}

template <class F>
NumberError parse_finite(std::string_view text, F& value) {
  const bool negative = !text.empty() && text[0] == '-';
  std::string_view digits = negative ? text.substr(1) : text;
  auto format = std::chars_format::general;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    digits.remove_prefix(2);
    format = std::chars_format::hex;
  }
  // std::from_chars also takes a sign, "inf" and "nan"; those are not wanted here.
  const bool starts_well =
      !digits.empty() &&
      (digits[0] == '.' || (digits[0] >= '0' && digits[0] <= '9') ||
       (format == std::chars_format::hex && std::isxdigit(static_cast<unsigned char>(digits[0]))));
  if (!starts_well) return NumberError::kSyntax;
  const char* end = digits.data() + digits.size();
  F magnitude = 0;
  const auto [ptr, ec] = std::from_chars(digits.data(), end, magnitude, format);
  if (ptr != end || ec == std::errc::invalid_argument) return NumberError::kSyntax;
  // Out of range is what rounds to infinity and what, not being zero, rounds to zero.
  if (ec == std::errc::result_out_of_range) {
    if (is_large(digits, format)) return NumberError::kRange;
    magnitude = 0;
  }
  value = negative ? -magnitude : magnitude;
  return NumberError::kNone;
}

// How `text`, a finite decimal, compares with the magnitude of `value`: -1, 0 or 1. Only for a
// value that is nearest to the text, so that a difference can only be in the digits.
int compare_decimal(std::string_view text, double value) {
  // More digits than any double has, so that the value is written exactly.
  constexpr int kDigits = 800;
  const auto significand = [](std::string_view number) {
    std::string digits;
    for (const char c : number) {
      if (c == 'e' || c == 'E') break;
      if (c >= '0' && c <= '9' && !(digits.empty() && c == '0')) digits += c;
    }
    digits.resize(std::max<std::size_t>(digits.size(), kDigits), '0');
    return digits;
  };
  char buffer[kDigits + 32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), std::fabs(value),
                                 std::chars_format::scientific, kDigits - 1)
                       .ptr;
  std::string exact = significand({buffer, static_cast<std::size_t>(end - buffer)});
  std::string given = significand(text);
  const std::size_t width = std::max(exact.size(), given.size());
  exact.resize(width, '0');
  given.resize(width, '0');
  // The leading digit of the two can only differ by a carry at a power of ten: 9.99.. and 10.0..
  if (given[0] == '9' && exact[0] == '1') return -1;
  if (given[0] == '1' && exact[0] == '9') return 1;
  return given < exact ? -1 : given > exact ? 1 : 0;
}

// A magnitude as a double that no further rounding mistakes for a tie: of the two doubles around an
// inexact one it is the odd. The significand of a halfway value is short, so it is even.

// `nearest` is the double nearest to the decimal `text`.
double decimal_to_odd(std::string_view text, double nearest) {
  const bool odd = (std::bit_cast<std::uint64_t>(nearest) & 1) != 0;
  const int order = odd ? 0 : compare_decimal(text, nearest);
  if (order == 0) return nearest;
  return std::nextafter(nearest, order < 0 ? 0.0 : std::numeric_limits<double>::infinity());
}

// `number` is hexadecimal, without sign and prefix.
double hex_to_odd(std::string_view number) {
  const Notation notation(number, std::chars_format::hex);
  std::uint64_t significand = 0;  // 52 bits; the last is set if any later one is
  std::int64_t exponent = notation.exponent;
  bool after_point = false;
  for (const char& c : notation.significand) {
    if (c == '.') {
      after_point = true;
      continue;
    }
    unsigned digit = 0;
    std::from_chars(&c, &c + 1, digit, 16);
    const bool full = significand >> 48 != 0;
    significand = full ? significand | (digit != 0 ? 1 : 0) : significand << 4 | digit;
    exponent += (full ? 4 : 0) - (after_point ? 4 : 0);
  }
  return std::ldexp(static_cast<double>(significand),
                    static_cast<int>(std::clamp<std::int64_t>(exponent, -10000, 10000)));
}

// Nearest value of a 16-bit format, rounded once: halfway between two of its values, the digits
// that a double does not hold decide.
template <class T>
NumberError parse_half(std::string_view text, T& value) {
  double wide = 0;
  const NumberError error = parse_finite(text, wide);
  if (error != NumberError::kNone) return error;
  double magnitude = std::fabs(wide);
  if (is_hex(text)) {
    magnitude = hex_to_odd(text.substr(text.find_first_of("xX") + 1));
  } else if (magnitude != 0) {
    // Only near a halfway value do the neighbours round to different ones.
    const T below = T::from(std::nextafter(magnitude, 0.0));
    const T above = T::from(std::nextafter(magnitude, std::numeric_limits<double>::infinity()));
    if (below.bits != above.bits) magnitude = decimal_to_odd(text, magnitude);
  }
  const T result = T::from(std::copysign(magnitude, wide));
  if ((result.bits & 0x7fff) == FloatBits<T>::kInfinity) return NumberError::kRange;
  value = result;
  return NumberError::kNone;
}

template <class T>
NumberError parse_float(std::string_view text, T& value) {
  using Bits = bits_of<T>;
  constexpr Bits kSign = Bits(1) << (8 * sizeof(T) - 1);
  const bool negative = !text.empty() && text[0] == '-';
  const std::string_view magnitude = negative ? text.substr(1) : text;
  if (magnitude == "inf") {
    value =
        std::bit_cast<T>(static_cast<Bits>(FloatBits<T>::kInfinity | (negative ? kSign : Bits(0))));
    return NumberError::kNone;
  }
  if (text == "nan") {
    value = std::bit_cast<T>(static_cast<Bits>(FloatBits<T>::kNan));
    return NumberError::kNone;
  }
  if (text.starts_with("nan(0x") && text.ends_with(")")) {
    const std::string_view digits = text.substr(6, text.size() - 7);
    std::uint64_t bits = 0;
    const char* end = digits.data() + digits.size();
    const auto [ptr, ec] = std::from_chars(digits.data(), end, bits, 16);
    if (ptr != end || ec == std::errc::invalid_argument) return NumberError::kSyntax;
    const bool fits = ec == std::errc() && bits <= std::numeric_limits<Bits>::max();
    if (!fits || (bits & static_cast<Bits>(~kSign)) <= FloatBits<T>::kInfinity) {
      return NumberError::kRange;
    }
    value = std::bit_cast<T>(static_cast<Bits>(bits));
    return NumberError::kNone;
  }
  if constexpr (is_half_type<T>) {
    return parse_half(text, value);
  } else {
    return parse_finite(text, value);
  }
}

template <class T>
NumberError parse_integer(std::string_view text, T& value) {
  const bool negative = !text.empty() && text[0] == '-';
  std::string_view digits = negative ? text.substr(1) : text;
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    digits.remove_prefix(2);
    base = 16;
  }
  if (digits.empty() || digits[0] == '-') return NumberError::kSyntax;
  std::uint64_t magnitude = 0;
  const char* end = digits.data() + digits.size();
  const auto [ptr, ec] = std::from_chars(digits.data(), end, magnitude, base);
  if (ptr != end || ec == std::errc::invalid_argument) return NumberError::kSyntax;
  const std::uint64_t largest = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
  const std::uint64_t lowest = std::is_signed_v<T> ? largest + 1 : 0;
  if (ec != std::errc() || magnitude > (negative ? lowest : largest)) return NumberError::kRange;
  value = static_cast<T>(negative ? 0 - magnitude : magnitude);
  return NumberError::kNone;
}

}  // namespace

std::string to_text(float value) { return float_to_text(value); }
std::string to_text(double value) { return float_to_text(value); }
std::string to_text(Float16 value) { return float_to_text(value); }
std::string to_text(BFloat16 value) { return float_to_text(value); }

std::string to_scientific(float value) { return scientific(value); }
std::string to_scientific(double value) { return scientific(value); }
std::string to_scientific(Float16 value) { return signed_scientific_half(value); }
std::string to_scientific(BFloat16 value) { return signed_scientific_half(value); }

std::string to_text(bool value) { return value ? "true" : "false"; }
std::string to_text(std::int64_t value) { return fmt::format("{}", value); }

template <class T>
NumberError from_text(std::string_view text, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    if (text != "true" && text != "false") return NumberError::kSyntax;
    value = text == "true";
    return NumberError::kNone;
  } else if constexpr (std::is_integral_v<T>) {
    return parse_integer(text, value);
  } else {
    return parse_float(text, value);
  }
}

template NumberError from_text(std::string_view, bool&);
template NumberError from_text(std::string_view, std::int8_t&);
template NumberError from_text(std::string_view, std::uint8_t&);
template NumberError from_text(std::string_view, std::int16_t&);
template NumberError from_text(std::string_view, std::int32_t&);
template NumberError from_text(std::string_view, std::int64_t&);
template NumberError from_text(std::string_view, Float16&);
template NumberError from_text(std::string_view, BFloat16&);
template NumberError from_text(std::string_view, float&);
template NumberError from_text(std::string_view, double&);

}  // namespace ndl
