#include "needle/format_number.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "base/number.h"
#include "ir/math/convert.h"

namespace ndl {
namespace {

// Digits after the point, at most: numpy's default `precision`.
constexpr int kPrecision = 8;

// The parts of a finite number's text.
struct Parts {
  std::string whole;     // with the sign
  std::string fraction;  // without trailing zeros, but for what scientific notation pads with
  std::string exponent;  // "+05"; scientific only
};

// A finite value: sign, digits without leading or trailing zeros, and where the point stands: the
// value is 0.DIGITS * 10^point.
struct Decimal {
  bool is_negative = false;
  std::string digits;
  int point = 1;
};

// "-1.25e+02" in its parts.
Parts scientific_parts(std::string_view text) {
  const std::size_t e = text.find('e');
  const std::size_t dot = std::min(text.find('.'), e);
  return {std::string(text.substr(0, dot)),
          dot == e ? "" : std::string(text.substr(dot + 1, e - dot - 1)),
          std::string(text.substr(e + 1))};
}

// Of the fewest digits that read back as the element, a float.
Parts shortest_parts(const ir::Literal& literal, std::int64_t index) {
  return visit_dtype(literal.dtype(), [&]<class T>(std::type_identity<T>) {
    if constexpr (is_float(dtype_of<T>))
      return scientific_parts(to_scientific(literal.at<T>(index)));
    return Parts{};
  });
}

Decimal shortest_decimal(const ir::Literal& literal, std::int64_t index) {
  const Parts parts = shortest_parts(literal, index);
  Decimal decimal;
  decimal.is_negative = parts.whole.starts_with('-');
  decimal.digits = parts.whole.substr(decimal.is_negative ? 1 : 0) + parts.fraction;
  if (decimal.digits == "0") {
    decimal.digits.clear();
  } else {
    // from_chars() takes no plus.
    const char* const digits = parts.exponent.data() + (parts.exponent.starts_with('+') ? 1 : 0);
    std::from_chars(digits, parts.exponent.data() + parts.exponent.size(), decimal.point);
    ++decimal.point;
  }
  return decimal;
}

std::string without_trailing_zeros(std::string_view digits) {
  return std::string(digits.substr(0, digits.find_last_not_of('0') + 1));
}

// `value` with so many digits after the point, correctly rounded.
std::string rounded(double value, std::chars_format format, int digits) {
  char buffer[400];  // the largest double has 309 digits before the point
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value, format, digits).ptr;
  return {buffer, end};
}

Parts positional(const ir::Literal& literal, std::int64_t index) {
  const Decimal decimal = shortest_decimal(literal, index);
  const auto count = static_cast<int>(decimal.digits.size());
  if (count - decimal.point > kPrecision) {
    const std::string text =
        rounded(literal.as_double(index), std::chars_format::fixed, kPrecision);
    const std::size_t dot = text.find('.');
    return {text.substr(0, dot), without_trailing_zeros(std::string_view(text).substr(dot + 1)),
            ""};
  }
  Parts parts;
  if (decimal.is_negative) parts.whole = "-";
  if (decimal.point <= 0) {
    parts.whole += "0";
    parts.fraction = std::string(static_cast<std::size_t>(-decimal.point), '0') + decimal.digits;
  } else {
    const auto whole = static_cast<std::size_t>(decimal.point);
    // All digits before the point are the value's own.
    if (decimal.digits.size() < whole) {
      return {rounded(literal.as_double(index), std::chars_format::fixed, 0), "", ""};
    }
    parts.whole += decimal.digits.substr(0, whole);
    parts.fraction = decimal.digits.substr(whole);
  }
  return parts;
}

// With `digits` after the point: those of the shortest text if it has as many or none are asked
// for, else those of the value.
Parts scientific(const ir::Literal& literal, std::int64_t index, std::size_t digits = 0) {
  const auto of_value = [&](int count) {
    return scientific_parts(
        rounded(literal.as_double(index), std::chars_format::scientific, count));
  };
  Parts parts = shortest_parts(literal, index);
  if (parts.fraction.size() > kPrecision) {
    parts = of_value(kPrecision);
    parts.fraction = without_trailing_zeros(parts.fraction);
  }
  return parts.fraction.size() < digits ? of_value(static_cast<int>(digits)) : parts;
}

std::string non_finite_text(double value) {
  if (std::isnan(value)) return "nan";
  return value < 0 ? "-inf" : "inf";
}

// numpy's rule for leaving positional notation, by the finite values that are not zero.
bool wants_scientific(const ir::Literal& literal, const std::vector<std::int64_t>& indices) {
  double most = 0;
  double least = HUGE_VAL;
  for (const std::int64_t index : indices) {
    const double value = std::fabs(literal.as_double(index));
    if (!std::isfinite(value) || value == 0) continue;
    most = std::max(most, value);
    least = std::min(least, value);
  }
  if (most == 0) return false;
  // numpy divides in the dtype of the array.
  const double ratio = visit_dtype(literal.dtype(), [&]<class T>(std::type_identity<T>) {
    return ir::math::convert_element<double>(ir::math::convert_element<T>(most / least));
  });
  return most >= 1e8 || least < 1e-4 || ratio > 1000;
}

std::string padded(std::string_view text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + std::string(text);
}

std::vector<std::string> float_column(const ir::Literal& literal,
                                      const std::vector<std::int64_t>& indices) {
  const bool is_scientific = wants_scientific(literal, indices);
  std::vector<Parts> numbers;
  std::size_t left = 0;
  std::size_t right = 0;
  std::size_t exponent = 0;
  std::size_t non_finite = 0;
  for (const std::int64_t index : indices) {
    const double value = literal.as_double(index);
    Parts parts;
    if (std::isfinite(value)) {
      parts = is_scientific ? scientific(literal, index) : positional(literal, index);
      left = std::max(left, parts.whole.size());
      right = std::max(right, parts.fraction.size());
      exponent = std::max(exponent, parts.exponent.size());
    } else {
      non_finite = std::max(non_finite, non_finite_text(value).size());
    }
    numbers.push_back(std::move(parts));
  }
  if (is_scientific) {
    for (std::size_t i = 0; i < indices.size(); ++i) {
      if (!std::isfinite(literal.as_double(indices[i]))) continue;
      numbers[i] = scientific(literal, indices[i], right);
    }
  }
  // Exponents have equal digits, as "e+05" beside "e+100" would not line up.
  const std::size_t tail = is_scientific ? 1 + right + 1 + exponent : 1 + right;
  left = std::max(left, non_finite - std::min(non_finite, tail));

  std::vector<std::string> texts;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const double value = literal.as_double(indices[i]);
    Parts& parts = numbers[i];
    if (!std::isfinite(value)) {
      texts.push_back(padded(non_finite_text(value), left + tail));
      continue;
    }
    std::string text = padded(parts.whole, left) + "." + parts.fraction;
    text.append(right - parts.fraction.size(), ' ');
    if (is_scientific) {
      parts.exponent.insert(1, exponent - parts.exponent.size(), '0');
      text += "e" + parts.exponent;
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

std::string integer_text(const ir::Literal& literal, std::int64_t index) {
  if (literal.dtype() == DType::kBool) return literal.at<bool>(index) ? "True" : "False";
  return visit_dtype(literal.dtype(), [&]<class T>(std::type_identity<T>) -> std::string {
    return to_text(literal.at<T>(index));
  });
}

}  // namespace

std::vector<std::string> format_column(const ir::Literal& literal,
                                       const std::vector<std::int64_t>& indices) {
  if (is_float(literal.dtype())) return float_column(literal, indices);
  std::vector<std::string> texts;
  // numpy reserves the width of "False" whether or not it occurs.
  std::size_t width = literal.dtype() == DType::kBool ? 5 : 0;
  for (const std::int64_t index : indices) {
    texts.push_back(integer_text(literal, index));
    width = std::max(width, texts.back().size());
  }
  for (std::string& text : texts) text = padded(text, width);
  return texts;
}

std::string format_element(const ir::Literal& literal, std::int64_t index) {
  if (!is_float(literal.dtype())) return integer_text(literal, index);
  const double value = literal.as_double(index);
  if (!std::isfinite(value)) return non_finite_text(value);
  const Decimal decimal = shortest_decimal(literal, index);
  std::string text = decimal.is_negative ? "-" : "";
  const std::string& digits = decimal.digits;
  const double magnitude = std::fabs(value);
  if (magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    text += digits.substr(0, 1);
    if (digits.size() > 1) text += "." + digits.substr(1);
    const int exponent = decimal.point - 1;
    return text + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  std::string all = digits;
  int point = decimal.point;
  if (point <= 0) {
    all.insert(0, static_cast<std::size_t>(1 - point), '0');
    point = 1;
  }
  const auto whole = static_cast<std::size_t>(point);
  if (all.size() < whole + 1) all.append(whole + 1 - all.size(), '0');
  return text + all.substr(0, whole) + "." + all.substr(whole);
}

}  // namespace ndl
