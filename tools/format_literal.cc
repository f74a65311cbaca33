#include "tools/format_literal.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/number.h"

namespace ndl::tools {
namespace {

constexpr std::int64_t kEdge = 3;
// Marks in the list of indices along an axis that some are left out.
constexpr std::int64_t kEllipsis = -1;

std::string element_text(const ir::Literal& literal, std::int64_t index) {
  return visit_dtype(literal.dtype(), [&]<class T>(std::type_identity<T>) -> std::string {
    if (is_float(literal.dtype()) && std::isnan(literal.as_double(index))) return "nan";
    return to_text(literal.at<T>(index));
  });
}

class Formatter {
 public:
  explicit Formatter(const ir::Literal& literal)
      : literal_(literal), strides_(row_major_strides(literal.shape())) {
    for (const std::int64_t extent : literal.shape()) axes_.push_back(shown_indices(extent));
    visit(0, 0, [this](std::int64_t index) {
      width_ = std::max(width_, element_text(literal_, index).size());
    });
  }

  std::string format() {
    write_axis(0, 0);
    return std::move(out_);
  }

 private:
  std::vector<std::int64_t> shown_indices(std::int64_t extent) const {
    std::vector<std::int64_t> indices;
    const bool elide = is_elided(literal_) && extent > 2 * kEdge;
    for (std::int64_t i = 0; i < extent; ++i) {
      if (elide && i == kEdge) {
        indices.push_back(kEllipsis);
        i = extent - kEdge;
      }
      indices.push_back(i);
    }
    return indices;
  }

  template <class F>
  void visit(std::size_t axis, std::int64_t offset, const F& f) const {
    if (axis == axes_.size()) return f(offset);
    for (const std::int64_t i : axes_[axis]) {
      if (i != kEllipsis) visit(axis + 1, offset + i * strides_[axis], f);
    }
  }

  // Between the parts of an axis: a space in a row, else new lines and the brackets' indentation.
  void write_separator(std::size_t axis) {
    const std::size_t inner_axes = axes_.size() - axis - 1;
    if (inner_axes == 0) {
      out_ += ' ';
    } else {
      out_.append(inner_axes, '\n');
      out_.append(axis + 1, ' ');
    }
  }

  void write_axis(std::size_t axis, std::int64_t offset) {
    if (axis == axes_.size()) return write_element(offset);
    out_ += '[';
    bool first = true;
    for (const std::int64_t i : axes_[axis]) {
      if (!first) write_separator(axis);
      first = false;
      if (i == kEllipsis) {
        out_ += "...";
      } else {
        write_axis(axis + 1, offset + i * strides_[axis]);
      }
    }
    out_ += ']';
  }

  void write_element(std::int64_t index) {
    const std::string text = element_text(literal_, index);
    if (axes_.size() > 1) out_.append(width_ - text.size(), ' ');
    out_ += text;
  }

  const ir::Literal& literal_;
  ir::Dims strides_;
  std::vector<std::vector<std::int64_t>> axes_;  // indices shown, an axis
  std::size_t width_ = 0;
  std::string out_;
};

// `text` with its lines after the first moved to the right.
std::string indent(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    result += text[i];
    if (text[i] == '\n' && text[i + 1] != '\n') result += ' ';
  }
  return result;
}

}  // namespace

bool is_elided(const ir::Literal& literal) {
  return literal.size() > kMaxShownElements &&
         std::ranges::any_of(literal.shape(), [](std::int64_t n) { return n > 2 * kEdge; });
}

std::string format_literal(const ir::Literal& literal) {
  if (literal.size() == 0) return "[]";
  return Formatter(literal).format();
}

std::string format_tuple(std::span<const ir::Literal> elements) {
  std::vector<std::string> texts;
  bool one_line = true;
  for (const ir::Literal& element : elements) {
    texts.push_back(indent(format_literal(element)));
    one_line &= texts.back().find('\n') == std::string::npos;
  }
  std::string result = "(";
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i != 0) result += one_line ? ", " : ",\n ";
    result += texts[i];
  }
  return result + (texts.size() == 1 ? ",)" : ")");
}

}  // namespace ndl::tools
