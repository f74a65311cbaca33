#include "tools/ndl/numbers.h"

#include <fmt/format.h>

#include <cmath>
#include <string>

#include "base/checked.h"
#include "base/error.h"
#include "base/number.h"
#include "base/text.h"

namespace ndl::tools {
namespace {

[[noreturn]] void fail(std::string_view flag, std::string_view text, std::string_view wanted) {
  throw_error<UsageError>("{}: '{}' is not {}", flag, excerpt(text), wanted);
}

}  // namespace

std::int64_t parse_count(std::string_view flag, std::string_view text, std::int64_t most) {
  std::int64_t value = 0;
  if (from_text(text, value) != NumberError::kNone || value < 0 || value > most) {
    const std::string end = most == INT64_MAX ? "2^63-1" : fmt::to_string(most);
    fail(flag, text, fmt::format("a whole number from 0 to {}", end));
  }
  return value;
}

std::int64_t parse_bytes(std::string_view flag, std::string_view text) {
  constexpr std::string_view kFactors = "KMGT";
  std::int64_t factor = 1;
  std::string_view digits = text;
  const std::size_t power = text.empty() ? text.npos : kFactors.find(text.back());
  if (power != text.npos) {
    digits.remove_suffix(1);
    factor = std::int64_t{1} << 10 * (power + 1);
  }
  std::int64_t value = 0;
  const bool is_number = from_text(digits, value) == NumberError::kNone && value >= 0;
  const auto bytes = checked_mul(value, factor);
  if (!is_number || !bytes) fail(flag, text, "a number of bytes, as in 4096, 512M or 8G");
  return *bytes;
}

double parse_tolerance(std::string_view flag, std::string_view text) {
  double value = 0;
  if (from_text(text, value) != NumberError::kNone || !std::isfinite(value) || value < 0) {
    fail(flag, text, "a finite number of at least 0");
  }
  return value;
}

}  // namespace ndl::tools
