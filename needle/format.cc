#include "needle/format.h"

#include <vector>

#include "ir/shown_elements.h"
#include "needle/format_number.h"

namespace ndl {
namespace {

// numpy's default.
constexpr std::size_t kLineWidth = 75;

class ArrayFormatter {
 public:
  explicit ArrayFormatter(const ir::Literal& literal)
      : rank_(literal.shape().rank()),
        axes_(ir::shown_indices(literal.shape())),
        texts_(format_column(literal, ir::shown_elements(literal.shape()))) {}

  std::string format() { return axis_text(0, kLineWidth - 1); }

 private:
  // The elements of the last axis, in lines of at most `width` columns with `indent` before those
  // after the first.
  std::string row_text(std::size_t indent, std::size_t width) {
    std::string done;
    std::string line(indent, ' ');
    bool first = true;
    for (const std::int64_t i : axes_.back()) {
      const std::string word = i == ir::kElided ? "..." : std::move(texts_[next_++]);
      if (!first) line += ' ';
      first = false;
      if (line.size() + word.size() > width && line.size() > indent) {
        line.erase(line.find_last_not_of(' ') + 1);
        done += line + "\n";
        line.assign(indent, ' ');
      }
      line += word;
    }
    return (done + line).substr(indent);
  }

  // Visits elements in the order of shown_elements().
  std::string axis_text(std::size_t axis, std::size_t width) {
    const std::size_t indent = axis + 1;
    if (axis + 1 == rank_) return "[" + row_text(indent, width) + "]";
    std::string text = "[";
    bool first = true;
    for (const std::int64_t i : axes_[axis]) {
      if (!first) {
        text.append(rank_ - axis - 1, '\n');
        text.append(indent, ' ');
      }
      first = false;
      text += i == ir::kElided ? "..." : axis_text(axis + 1, width - 1);
    }
    return text + "]";
  }

  std::size_t rank_;
  std::vector<std::vector<std::int64_t>> axes_;  // indices shown, an axis
  std::vector<std::string> texts_;               // of the elements shown
  std::size_t next_ = 0;
};

}  // namespace

std::string format_array(const ir::Literal& literal) {
  if (literal.size() == 0) return "[]";
  if (literal.shape().rank() == 0) return format_element(literal, 0);
  return ArrayFormatter(literal).format();
}

}  // namespace ndl
