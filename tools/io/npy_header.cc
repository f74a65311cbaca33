#include "tools/io/npy_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/number.h"
#include "base/text.h"

namespace ndl::tools {
namespace {

struct NpyType {
  DType dtype;
  std::string_view name;  // kind and bytes, without byte order
};

constexpr NpyType kTypes[] = {
    {DType::kBool, "b1"}, {DType::kI8, "i1"},  {DType::kU8, "u1"},
    {DType::kI16, "i2"},  {DType::kI32, "i4"}, {DType::kI64, "i8"},
    {DType::kF16, "f2"},  {DType::kF32, "f4"}, {DType::kF64, "f8"},
};

bool is_one_of(char c, std::string_view set) { return set.find(c) != set.npos; }

class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::int64_t offset, const std::string& name)
      : text_(text), offset_(offset), name_(name) {}

  NpyHeader parse() {
    expect('{');
    while (!accept('}')) {
      parse_entry();
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (pos_ != text_.size()) fail("text after the header's dict");
    if (!dtype_) fail("the header has no 'descr'");
    if (!fortran_order_) fail("the header has no 'fortran_order'");
    if (!dims_) fail("the header has no 'shape'");
    try {
      return {{*dtype_, ir::Shape(*dims_)}, big_endian_, *fortran_order_};
    } catch (const ShapeError& error) {
      fail(error.message());
    }
  }

 private:
  [[noreturn]] void fail(std::string_view message) const { fail_at(pos_, message); }
  [[noreturn]] void fail_at(std::size_t pos, std::string_view message) const {
    throw_npy_error(name_, offset_ + static_cast<std::int64_t>(pos), message);
  }

  void skip_space() {
    while (pos_ < text_.size() && is_one_of(text_[pos_], " \t\r\n")) ++pos_;
  }
  bool accept(char c) {
    skip_space();
    if (pos_ == text_.size() || text_[pos_] != c) return false;
    ++pos_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("expected '{}' in the header", c));
  }

  void parse_entry() {
    skip_space();
    const std::size_t begin = pos_;
    const std::string_view key = parse_string();
    expect(':');
    const auto once = [&](bool is_new) {
      if (!is_new) fail_at(begin, fmt::format("'{}' occurs twice in the header", key));
    };
    if (key == "descr") {
      once(!dtype_);
      parse_descr();
    } else if (key == "fortran_order") {
      once(!fortran_order_);
      fortran_order_ = parse_boolean();
    } else if (key == "shape") {
      once(!dims_);
      dims_ = parse_shape();
    } else {
      fail_at(begin, fmt::format("unknown key '{}' in the header", excerpt(key)));
    }
  }

  std::string_view parse_string() {
    skip_space();
    const char quote = pos_ < text_.size() ? text_[pos_] : '\0';
    if (quote != '\'' && quote != '"') fail("expected a string in the header");
    const std::size_t begin = pos_ + 1;
    const std::size_t end = text_.find(quote, begin);
    if (end == text_.npos) fail("a string in the header does not end");
    pos_ = end + 1;
    return text_.substr(begin, end - begin);
  }

  bool parse_boolean() {
    skip_space();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(pos_).starts_with(word)) {
        pos_ += word.size();
        return value;
      }
    }
    fail("expected True or False in the header");
  }

  ir::Dims parse_shape() {
    ir::Dims dims;
    expect('(');
    while (!accept(')')) {
      dims.push_back(parse_extent());
      if (dims.size() > ir::kMaxRank) fail("the shape has too many axes");
      if (accept(',')) continue;
      // "(3)" is a number to Python: a tuple of one needs its comma.
      if (dims.size() == 1) fail("expected ',' in the shape");
      expect(')');
      break;
    }
    return dims;
  }

  std::int64_t parse_extent() {
    skip_space();
    const std::size_t end = std::min(text_.find_first_not_of("0123456789", pos_), text_.size());
    std::int64_t extent = 0;
    const NumberError error = from_text(text_.substr(pos_, end - pos_), extent);
    if (error == NumberError::kSyntax) fail("expected a number in the shape");
    if (error == NumberError::kRange) fail("a number in the shape is out of range");
    pos_ = end;
    return extent;
  }

  void parse_descr() {
    skip_space();
    const std::size_t begin = pos_;
    if (pos_ < text_.size() && text_[pos_] == '[') fail_unsupported("of a structured type");
    const std::string_view descr = parse_string();
    const bool has_order = !descr.empty() && is_one_of(descr[0], "<>|=");
    if (!has_order) fail_at(begin, fmt::format("'{}' is not an element type", excerpt(descr)));
    for (const NpyType& type : kTypes) {
      if (type.name != descr.substr(1)) continue;
      if (descr[0] == '|' && size_of(type.dtype) > 1) {
        fail_at(begin, fmt::format("'{}' lacks a byte order", descr));
      }
      dtype_ = type.dtype;
      big_endian_ = descr[0] == '>';
      return;
    }
    fail_unsupported(fmt::format("of type '{}'", excerpt(descr)));
  }

  [[noreturn]] void fail_unsupported(std::string_view type) const {
    throw_error<UnsupportedError>(
        "{}: elements are {}, which cannot be read; bool, int8 to int64, uint8, float16, float32 "
        "and float64 can: convert the array with astype first",
        name_, type);
  }

  std::string_view text_;
  std::int64_t offset_;
  const std::string& name_;
  std::size_t pos_ = 0;
  std::optional<DType> dtype_;
  bool big_endian_ = false;
  std::optional<bool> fortran_order_;
  std::optional<ir::Dims> dims_;
};

}  // namespace

void throw_npy_error(std::string_view name, std::int64_t offset, std::string_view message) {
  throw_error<IoError>("{}: byte {}: {}", name, offset, message);
}

NpyHeader parse_npy_header(std::string_view text, std::int64_t offset, const std::string& name) {
  return HeaderParser(text, offset, name).parse();
}

std::string format_npy_header(const ir::TensorType& type) {
  for (const NpyType& row : kTypes) {
    if (row.dtype != type.dtype) continue;
    const char order = size_of(type.dtype) == 1 ? '|' : '<';
    std::string shape;
    for (const std::int64_t extent : type.shape) shape += fmt::format("{}, ", extent);
    // "3," for one axis, "2, 3" for more, as Python writes tuples.
    if (!shape.empty()) shape.resize(shape.size() - (type.shape.rank() == 1 ? 1 : 2));
    return fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}", order,
                       row.name, shape);
  }
  throw_error<UnsupportedError>("NumPy has no {}: convert the result to f32 before writing it",
                                name_of(type.dtype));
}

}  // namespace ndl::tools
