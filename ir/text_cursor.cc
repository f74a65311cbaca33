#include "ir/text_cursor.h"

#include "base/dtype.h"
#include "base/number.h"
#include "base/text.h"

namespace ndl::ir {
namespace {

constexpr std::size_t kMaxIdentifier = 1024;

}  // namespace

TextCursor::TextCursor(std::string_view text, const std::string& file) : text_(text), file_(file) {
  check_encoding();
}

void TextCursor::check_encoding() {
  const auto fail_at = [this](std::size_t offset, std::string_view message) {
    Position at;
    at.offset = offset;
    const std::string_view before = text_.substr(0, offset);
    at.line += static_cast<int>(std::ranges::count(before, '\n'));
    at.line_begin = before.find_last_of('\n') + 1;  // npos + 1 is 0
    fail(at, "{}", message);
  };
  if (text_.starts_with("\xef\xbb\xbf")) {
    fail_at(0, "the file begins with a byte order mark; save it as UTF-8 without one");
  }
  const std::size_t nul = text_.find('\0');
  if (nul != std::string_view::npos) fail_at(nul, "a NUL byte; an IR file is text");
  if (const auto offset = find_invalid_utf8(text_)) fail_at(*offset, "not valid UTF-8");
}

void TextCursor::expect(char c, std::string_view where) {
  if (!accept(c)) fail_expected(fmt::format("'{}' {}", c, where));
}

void TextCursor::check_length(const Position& at, std::string_view name) {
  if (name.size() > kMaxIdentifier) fail(at, "a name has at most {} characters", kMaxIdentifier);
}

std::string_view TextCursor::identifier(std::string_view what) {
  const Position at = next();
  if (!is_letter(peek())) fail_expected(what);
  const std::string_view word = take_while(is_word);
  check_length(at, word);
  return word;
}

std::string_view TextCursor::value_name() {
  const Position at = next();
  if (!accept('%')) fail_expected("a value like %x");
  const std::string_view name = take_while(is_word);
  if (name.empty()) fail_expected("letters, digits, '_' or '.' after '%'");
  check_length(at, name);
  return name;
}

template <class T>
T TextCursor::number(std::string_view what) {
  const Position at = next();
  std::string_view token = take_while(is_number);
  if (token == "nan" && peek() == '(') {  // nan(0x7f800001)
    const std::size_t end = text_.find(')', at_.offset);
    constexpr std::size_t kLongestPayload = 32;
    if (end != std::string_view::npos && end - at.offset < kLongestPayload) {
      at_.offset = end + 1;
      token = text_.substr(at.offset, at_.offset - at.offset);
    }
  }
  T value{};
  switch (from_text(token, value)) {
    case NumberError::kNone:
      return value;
    case NumberError::kRange:
      fail(at, "{} is out of range for {}", excerpt(token), name_of(dtype_of<T>));
    case NumberError::kSyntax:
      break;
  }
  return_to(at);
  if (token.empty()) fail_expected(what);
  fail(at, "expected {}, got '{}'", what, excerpt(token));
}

#define NDL_X(enumerator, name, type) template type TextCursor::number<type>(std::string_view);
NDL_FOR_EACH_DTYPE(NDL_X)
#undef NDL_X

SourceLocation TextCursor::location(const Position& at) const {
  return {file_, at.line, static_cast<int>(at.offset - at.line_begin) + 1};
}

Diagnostic TextCursor::place(const Position& at) const {
  const std::size_t end = std::min(text_.find('\n', at.line_begin), text_.size());
  return {location(at), "", std::string(text_.substr(at.line_begin, end - at.line_begin))};
}

void TextCursor::fail_expected(std::string_view expected) {
  const Position at = next();
  if (at_end()) fail(at, "expected {}, got the end of the file", expected);
  std::size_t end = at.offset + 1;
  const bool word = is_word(peek());
  while (end < text_.size() && (word ? is_word(text_[end]) : is_utf8_continuation(text_[end]))) {
    ++end;
  }
  fail(at, "expected {}, got '{}'", expected, excerpt(text_.substr(at.offset, end - at.offset)));
}

}  // namespace ndl::ir
