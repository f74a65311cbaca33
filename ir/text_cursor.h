// A place in the text of a graph: what comes next, and errors that show where.
//
// White space is spaces, tabs, line ends and comments, which run from // to the end of the line.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/source_location.h"

namespace ndl::ir {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
// Of names, and of numbers but for their signs.
constexpr bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '.'; }
constexpr bool is_number(char c) { return is_word(c) || c == '-' || c == '+'; }

class TextCursor {
 public:
  // Lines are counted as white space is skipped.
  struct Position {
    std::size_t offset = 0;
    std::size_t line_begin = 0;
    int line = 1;
  };

  // Both outlive the cursor. Throws ParseError for what is not UTF-8 text.
  TextCursor(std::string_view text, const std::string& file);

  std::string_view text() const { return text_; }
  const Position& position() const { return at_; }
  void return_to(const Position& position) { at_ = position; }

  bool at_end() const { return at_.offset == text_.size(); }
  // The next character; NUL, which no text holds, at the end.
  char peek() const { return at_end() ? '\0' : text_[at_.offset]; }
  void advance() { ++at_.offset; }
  void skip_space();
  // Where the next thing begins.
  const Position& next() {
    skip_space();
    return at_;
  }

  // Each skips white space first.

  // Whether `c` comes next; then it is passed.
  bool accept(char c);
  // Throws "expected 'c' WHERE" if it does not.
  void expect(char c, std::string_view where);
  // `what` is what an error says was expected.
  std::string_view identifier(std::string_view what);
  // "x" of "%x".
  std::string_view value_name();
  // An element of the dtype whose type T is, or what from_text reads as one.
  template <class T>
  T number(std::string_view what);

  // The characters from here on that fulfil `predicate`.
  template <class Predicate>
  std::string_view take_while(Predicate predicate);

  SourceLocation location(const Position& at) const;
  template <class... Args>
  [[noreturn]] void fail(const Position& at, fmt::format_string<Args...> format, Args&&... args) {
    Diagnostic diagnostic = place(at);
    diagnostic.message = fmt::format(format, std::forward<Args>(args)...);
    throw ParseError(std::move(diagnostic));
  }
  // The same error with the place of `at`.
  [[noreturn]] void rethrow(const Error& error, const Position& at) { error.rethrow_at(place(at)); }
  // "expected X, got Y" about what comes next.
  [[noreturn]] void fail_expected(std::string_view expected);

 private:
  Diagnostic place(const Position& at) const;
  void check_encoding();
  void check_length(const Position& at, std::string_view name);

  std::string_view text_;
  const std::string& file_;
  Position at_;
};

inline void TextCursor::skip_space() {
  while (!at_end()) {
    const char c = peek();
    if (c == '\n') {
      ++at_.offset;
      ++at_.line;
      at_.line_begin = at_.offset;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++at_.offset;
    } else if (c == '/' && text_.substr(at_.offset, 2) == "//") {
      at_.offset = std::min(text_.find('\n', at_.offset), text_.size());
    } else {
      return;
    }
  }
}

inline bool TextCursor::accept(char c) {
  skip_space();
  if (at_end() || peek() != c) return false;
  advance();
  return true;
}

template <class Predicate>
std::string_view TextCursor::take_while(Predicate predicate) {
  const std::size_t begin = at_.offset;
  while (!at_end() && predicate(peek())) advance();
  return text_.substr(begin, at_.offset - begin);
}

}  // namespace ndl::ir
