#include "needle/format.h"

#include <algorithm>
#include <vector>

#include "needle/format_number.h"

namespace ndl {
namespace {

// numpy's defaults.
constexpr std::int64_t kEdge = 3;
constexpr std::int64_t kThreshold = 1000;
constexpr std::size_t kLineWidth = 75;
// Marks in the list of indices along an axis that some are left out.
constexpr std::int64_t kEllipsis = -1;

class ArrayFormatter {
 public:
  explicit ArrayFormatter(const ir::Literal& literal)
      : rank_(literal.shape().rank()), strides_(row_major_strides(literal.shape())) {
    const bool summarize = literal.size() > kThreshold;
    for (const std::int64_t extent : literal.shape()) {
      axes_.push_back(shown_indices(extent, summarize));
    }
    std::vector<std::int64_t> shown;
    collect(0, 0, shown);
    texts_ = format_column(literal, shown);
  }

  std::string format() { return axis_text(0, kLineWidth - 1); }

 private:
  static std::vector<std::int64_t> shown_indices(std::int64_t extent, bool summarize) {
    std::vector<std::int64_t> indices;
    const bool elide = summarize && extent > 2 * kEdge;
    for (std::int64_t i = 0; i < extent; ++i) {
      if (elide && i == kEdge) {
        indices.push_back(kEllipsis);
        i = extent - kEdge;
      }
      indices.push_back(i);
    }
    return indices;
  }

  void collect(std::size_t axis, std::int64_t offset, std::vector<std::int64_t>& shown) const {
    if (axis == rank_) {
      shown.push_back(offset);
      return;
    }
    for (const std::int64_t i : axes_[axis]) {
      if (i != kEllipsis) collect(axis + 1, offset + i * strides_[axis], shown);
    }
  }

  // The elements of the last axis, in lines of at most `width` columns with `indent` before those
  // after the first.
  std::string row_text(std::size_t indent, std::size_t width) {
    std::string done;
    std::string line(indent, ' ');
    bool first = true;
    for (const std::int64_t i : axes_.back()) {
      const std::string word = i == kEllipsis ? "..." : std::move(texts_[next_++]);
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

  // Visits elements in the order of collect().
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
      text += i == kEllipsis ? "..." : axis_text(axis + 1, width - 1);
    }
    return text + "]";
  }

  std::size_t rank_;
  ir::Dims strides_;
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
