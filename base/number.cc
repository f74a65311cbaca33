#include "base/number.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cctype>
#include <limits>
#include <system_error>
#include <type_traits>

namespace ndl {
namespace {

template <class T>
using bits_of = std::conditional_t<
    sizeof(T) == 8, std::uint64_t,
    std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint16_t>>;

// The bits of the default NaN and of infinity.
template <class T>
struct FloatBits;
template <>
struct FloatBits<float> {
  static constexpr std::uint32_t kNan = 0x7fc00000, kInfinity = 0x7f800000;
};
template <>
struct FloatBits<double> {
  static constexpr std::uint64_t kNan = 0x7ff8000000000000, kInfinity = 0x7ff0000000000000;
};
template <>
struct FloatBits<Float16> {
  static constexpr std::uint16_t kNan = 0x7e00, kInfinity = 0x7c00;
};
template <>
struct FloatBits<BFloat16> {
  static constexpr std::uint16_t kNan = 0x7fc0, kInfinity = 0x7f80;
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
    // The fewest digits that read back: 5 always do for f16 (11 bits), 4 for bf16 (8 bits).
    const double wide = widen(value);
    for (int digits = 1; digits <= 5; ++digits) {
      char buffer[32];
      const auto end =
          std::to_chars(buffer, buffer + sizeof(buffer), wide, std::chars_format::general, digits)
              .ptr;
      const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
      T back;
      if (from_text(text, back) == NumberError::kNone && back.bits == value.bits) {
        return std::string(text);
      }
    }
    return shortest(wide);
  } else {
    return shortest(value);
  }
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
  const auto [ptr, ec] = std::from_chars(digits.data(), end, value, format);
  if (ptr != end || ec == std::errc::invalid_argument) return NumberError::kSyntax;
  if (ec == std::errc::result_out_of_range) {
    // Overflow and underflow look alike here: a huge value has a positive decimal exponent.
    long double wide = 0;
    const auto again = std::from_chars(digits.data(), end, wide, format);
    const bool tiny = again.ec == std::errc() && std::fabs(wide) < 1.0L;
    const std::size_t e = digits.find_first_of(format == std::chars_format::hex ? "pP" : "eE");
    const bool negative_exponent = e != std::string_view::npos && digits[e + 1] == '-';
    if (!tiny && !(again.ec == std::errc::result_out_of_range && negative_exponent)) {
      return NumberError::kRange;
    }
    value = static_cast<F>(wide);  // rounds to the nearest subnormal or to zero
    if (again.ec != std::errc()) value = 0;
  }
  if (negative) value = -value;
  return NumberError::kNone;
}

// How `text`, a finite decimal, compares with `value`: -1, 0 or 1. Only for a value that is
// nearest to the text, so that a difference can only be in the digits.
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

// Nearest value of a 16-bit format, rounded once: a double that lies halfway between two of its
// values is moved to the side of the text first.
template <class T>
NumberError parse_half(std::string_view text, T& value) {
  double wide = 0;
  const NumberError error = parse_finite(text, wide);
  if (error != NumberError::kNone) return error;
  const bool hex = text.find_first_of("xX") != std::string_view::npos;
  if (wide != 0 && !hex) {
    const double magnitude = std::fabs(wide);
    const T below = T::from(std::nextafter(magnitude, 0.0));
    const T above = T::from(std::nextafter(magnitude, std::numeric_limits<double>::infinity()));
    if (below.bits != above.bits) {
      const int order = compare_decimal(text, wide);
      const double nudged = order < 0   ? widen(below)
                            : order > 0 ? widen(above)
                                        : magnitude;
      wide = std::copysign(nudged, wide);
    }
  }
  value = T::from(wide);
  return (value.bits & 0x7fff) == FloatBits<T>::kInfinity ? NumberError::kRange
                                                          : NumberError::kNone;
}

template <class T>
NumberError parse_float(std::string_view text, T& value) {
  using Bits = bits_of<T>;
  constexpr Bits kSign = Bits(1) << (8 * sizeof(T) - 1);
  const bool negative = !text.empty() && text[0] == '-';
  const std::string_view magnitude = negative ? text.substr(1) : text;
  if (magnitude == "inf") {
    value = std::bit_cast<T>(
        static_cast<Bits>(FloatBits<T>::kInfinity | (negative ? kSign : Bits(0))));
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
