#include "base/error.h"

#include <algorithm>

#include "base/text.h"

namespace ndl {
namespace {

constexpr std::size_t kMaxLineWidth = 160;

// The part of `line` around `column` (from 1) that is worth showing, and the caret's line.
std::string snippet(std::string_view line, int column) {
  std::size_t caret = static_cast<std::size_t>(std::max(column, 1)) - 1;
  caret = std::min(caret, line.size());
  std::size_t begin = caret > kMaxLineWidth / 2 ? caret - kMaxLineWidth / 2 : 0;
  std::size_t end = std::min(line.size(), begin + kMaxLineWidth);
  // Not within a character, which has three such bytes at most; a line need not be UTF-8.
  for (int i = 0; i < 3 && begin > 0 && is_utf8_continuation(line[begin]); ++i) --begin;
  for (int i = 0; i < 3 && end < line.size() && is_utf8_continuation(line[end]); ++i) ++end;
  const std::string before = escape_control(line.substr(begin, caret - begin));
  const std::string after = escape_control(line.substr(caret, end - caret));
  return fmt::format("\n  {}{}\n  {:{}}^", before, after, "", display_width(before));
}

}  // namespace

std::string Diagnostic::render(std::string_view severity) const {
  if (location.line == 0) return message;
  std::string text = fmt::format("{}: {}: {}", location.to_string(), severity, message);
  if (!line.empty()) text += snippet(line, location.column);
  return text;
}

void internal_error(const char* file, int line, const char* condition, const std::string& message) {
  throw InternalError(fmt::format("internal error at {}:{}: {} does not hold{}{}", file, line,
                                  condition, message.empty() ? "" : ": ", message));
}

}  // namespace ndl
