#include "needle/format_number.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "base/number.h"

namespace ndl {
namespace {

// Digits after the point, at most: numpy's default `precision`.
constexpr int kPrecision = 8;

// The parts of a finite number's text.
struct Parts {
  std::string whole;     // with the sign
  std::string fraction;  // without trailing zeros
  std::string exponent;  // "+05"; scientific only
};

// A finite value: sign, digits without leading or trailing zeros, and where the point stands: the
// value is 0.DIGITS * 10^point.
struct Decimal {
  bool is_negative = false;
  std::string digits;
  int point = 0;
};

// Of the shortest text that reads back as the element.
Decimal shortest_decimal(const ir::Literal& literal, std::int64_t index) {
  const std::string text = visit_dtype(
      literal.dtype(),
      [&]<class T>(std::type_identity<T>) -> std::string { return to_text(literal.at<T>(index)); });
  Decimal decimal;
  std::string_view rest = text;
  if (rest.starts_with('-')) {
    decimal.is_negative = true;
    rest.remove_prefix(1);
  }
  const std::size_t e = rest.find('e');
  if (e != std::string_view::npos) decimal.point = std::atoi(rest.data() + e + 1);
  rest = rest.substr(0, e);
  const std::size_t dot = std::min(rest.find('.'), rest.size());
  decimal.point += static_cast<int>(dot);
  for (const char c : rest) {
    if (c != '.') decimal.digits += c;
  }
  const std::size_t zeros = std::min(decimal.digits.find_first_not_of('0'), decimal.digits.size());
  decimal.digits.erase(0, zeros);
  decimal.point -= static_cast<int>(zeros);
  while (decimal.digits.ends_with('0')) decimal.digits.pop_back();
  if (decimal.digits.empty()) decimal.point = 1;
  return decimal;
}

std::string without_trailing_zeros(std::string_view digits) {
  return std::string(digits.substr(0, digits.find_last_not_of('0') + 1));
}

// `value` with kPrecision digits after the point, correctly rounded.
std::string rounded(double value, std::chars_format format) {
  char buffer[400];  // the largest double has 309 digits before the point
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value, format, kPrecision).ptr;
  return {buffer, end};
}

Parts positional(const ir::Literal& literal, std::int64_t index) {
  const Decimal decimal = shortest_decimal(literal, index);
  const auto count = static_cast<int>(decimal.digits.size());
  if (count - decimal.point > kPrecision) {
    const std::string text = rounded(literal.as_double(index), std::chars_format::fixed);
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
    std::string digits = decimal.digits;
    const auto whole = static_cast<std::size_t>(decimal.point);
    if (digits.size() < whole) digits.append(whole - digits.size(), '0');
    parts.whole += digits.substr(0, whole);
    parts.fraction = digits.substr(whole);
  }
  return parts;
}

Parts scientific(const ir::Literal& literal, std::int64_t index) {
  const Decimal decimal = shortest_decimal(literal, index);
  if (decimal.digits.size() > kPrecision + 1) {
    const std::string text = rounded(literal.as_double(index), std::chars_format::scientific);
    const std::size_t dot = text.find('.');
    const std::size_t e = text.find('e');
    return {text.substr(0, dot),
            without_trailing_zeros(std::string_view(text).substr(dot + 1, e - dot - 1)),
            text.substr(e + 1)};
  }
  const std::string digits = decimal.digits.empty() ? "0" : decimal.digits;
  const int exponent = decimal.digits.empty() ? 0 : decimal.point - 1;
  return {(decimal.is_negative ? "-" : "") + digits.substr(0, 1), digits.substr(1),
          fmt::format("{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent))};
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
  // numpy divides in the dtype of the array, in which a quotient may be infinite; that is large
  // too.
  return most != 0 && (most >= 1e8 || least < 1e-4 || most / least > 1000);
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
    text.append(right - parts.fraction.size(), is_scientific ? '0' : ' ');
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
