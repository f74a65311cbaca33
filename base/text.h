// Text that comes from or goes to people and files: UTF-8, escaping, splitting.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ndl {

constexpr bool is_utf8_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0u) == 0x80u;
}

// The offset of the first byte that is not part of well-formed UTF-8 (no surrogates, no overlong
// forms), or nothing.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

// Control characters and bytes that are not UTF-8 as \x1b, so that a terminal is never driven by
// the contents of a file.
std::string escape_control(std::string_view text);

// Columns `text` takes on a terminal, counting one a code point.
std::size_t display_width(std::string_view text);

// At most `limit` bytes of `text`, escaped, with "..." where it was cut: for use in messages.
std::string excerpt(std::string_view text, std::size_t limit = 40);

// The name in `candidates` nearest to `name` by edit distance, when it is near enough to be what
// was meant; else "".
std::string_view nearest_name(std::string_view name,
                              const std::vector<std::string_view>& candidates);

// Rows as lines with their columns aligned, that number `on_the_right` to the right; two spaces
// between columns, none at the end of a line. All rows have as many columns as the first.
std::string align_columns(const std::vector<std::vector<std::string>>& rows,
                          std::size_t on_the_right = static_cast<std::size_t>(-1));

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);

}  // namespace ndl
