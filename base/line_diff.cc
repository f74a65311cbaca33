#include "base/line_diff.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/text.h"

namespace ndl {
namespace {

constexpr std::size_t kContext = 3;
// Larger tables are not made: the lines between the first and last difference are all replaced.
constexpr std::size_t kMaxTable = 1 << 24;

struct Edit {
  char sign;  // '-', '+' or ' '
  std::string_view line;
};

std::vector<std::string_view> lines_of(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  return split(text, '\n');
}

using Lines = std::vector<std::string_view>;

// The edits of before[begin, before_end) to after[begin, after_end), by longest common subsequence.
void append_edits(const Lines& before, const Lines& after, std::size_t begin,
                  std::size_t before_end, std::size_t after_end, std::vector<Edit>& edits) {
  const std::size_t rows = before_end - begin;
  const std::size_t columns = after_end - begin;
  const bool fits = rows == 0 || columns < kMaxTable / rows;
  // common[i][j]: length of the longest common subsequence of what follows line i and line j.
  std::vector<std::uint32_t> common(fits ? (rows + 1) * (columns + 1) : 0, 0);
  const auto at = [&](std::size_t i, std::size_t j) -> std::uint32_t& {
    return common[i * (columns + 1) + j];
  };
  if (fits) {
    for (std::size_t i = rows; i-- > 0;) {
      for (std::size_t j = columns; j-- > 0;) {
        at(i, j) = before[begin + i] == after[begin + j] ? at(i + 1, j + 1) + 1
                                                         : std::max(at(i + 1, j), at(i, j + 1));
      }
    }
  }
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < rows || j < columns) {
    if (fits && i < rows && j < columns && before[begin + i] == after[begin + j]) {
      edits.push_back({' ', before[begin + i]});
      ++i;
      ++j;
    } else if (i < rows && (j == columns || !fits || at(i + 1, j) >= at(i, j + 1))) {
      edits.push_back({'-', before[begin + i++]});
    } else {
      edits.push_back({'+', after[begin + j++]});
    }
  }
}

}  // namespace

std::string line_diff(std::string_view before_text, std::string_view after_text) {
  if (before_text == after_text) return "";
  const Lines before = lines_of(before_text);
  const Lines after = lines_of(after_text);

  // 1. Equal lines at both ends.
  const std::size_t shorter = std::min(before.size(), after.size());
  std::size_t head = 0;
  while (head < shorter && before[head] == after[head]) ++head;
  std::size_t tail = 0;
  while (tail < shorter - head &&
         before[before.size() - 1 - tail] == after[after.size() - 1 - tail])
    ++tail;

  // 2. The edits, with the equal ends.
  std::vector<Edit> edits;
  for (std::size_t i = 0; i < head; ++i) edits.push_back({' ', before[i]});
  append_edits(before, after, head, before.size() - tail, after.size() - tail, edits);
  for (std::size_t i = before.size() - tail; i < before.size(); ++i) {
    edits.push_back({' ', before[i]});
  }

  // 3. Those near a change.
  std::vector<bool> shown(edits.size(), false);
  for (std::size_t i = 0; i < edits.size(); ++i) {
    if (edits[i].sign == ' ') continue;
    const std::size_t first = i < kContext ? 0 : i - kContext;
    const std::size_t last = std::min(edits.size(), i + kContext + 1);
    std::fill(shown.begin() + static_cast<std::ptrdiff_t>(first),
              shown.begin() + static_cast<std::ptrdiff_t>(last), true);
  }
  std::string text;
  for (std::size_t i = 0; i < edits.size(); ++i) {
    if (shown[i]) {
      text += edits[i].sign;
      text += edits[i].line;
      text += '\n';
    } else if (i == 0 || shown[i - 1]) {
      text += "...\n";
    }
  }
  return text;
}

}  // namespace ndl
