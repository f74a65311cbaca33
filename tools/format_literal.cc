#include "tools/format_literal.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/number.h"
#include "ir/shown_elements.h"

namespace ndl::tools {
namespace {

std::string element_text(const ir::Literal& literal, std::int64_t index) {
  return visit_dtype(literal.dtype(), [&]<class T>(std::type_identity<T>) -> std::string {
    if (is_float(literal.dtype()) && std::isnan(literal.as_double(index))) return "nan";
    return to_text(literal.at<T>(index));
  });
}

class Formatter {
 public:
  explicit Formatter(const ir::Literal& literal)
      : literal_(literal),
        strides_(row_major_strides(literal.shape())),
        axes_(ir::shown_indices(literal.shape())) {
    for (const std::int64_t index : ir::shown_elements(literal.shape())) {
      width_ = std::max(width_, element_text(literal_, index).size());
    }
  }

  std::string format() {
    write_axis(0, 0);
    return std::move(out_);
  }

 private:
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
      if (i == ir::kElided) {
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
