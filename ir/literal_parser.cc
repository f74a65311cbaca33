#include "ir/literal_parser.h"

#include <cstdint>

namespace ndl::ir {
namespace {

template <class T>
void parse_elements(TextCursor& text, const Shape& shape, std::size_t axis, T*& out) {
  if (axis == shape.rank()) {
    *out++ = text.number<T>("a number");
    return;
  }
  text.expect('[', fmt::format("before the elements of axis {}", axis));
  for (std::int64_t i = 0; i < shape[axis]; ++i) {
    if (i > 0 && !text.accept(',')) {
      text.fail_expected(
          fmt::format("{} elements along axis {}, so ',' after {}", shape[axis], axis, i));
    }
    parse_elements(text, shape, axis + 1, out);
  }
  if (!text.accept(']'))
    text.fail_expected(fmt::format("']' after {} elements along axis {}", shape[axis], axis));
}

}  // namespace

void skip_literal(TextCursor& text) {
  std::size_t depth = 0;
  do {
    text.skip_space();
    if (text.at_end()) text.fail_expected("the end of the literal");
    const char c = text.peek();
    if (c == '[') {
      if (++depth > kMaxRank)
        text.fail(text.position(), "a literal nests at most {} deep", kMaxRank);
      text.advance();
    } else if (c == ']') {
      if (depth == 0) text.fail_expected("a number");
      --depth;
      text.advance();
    } else if (c == ',') {
      if (depth == 0) text.fail_expected("a number");
      text.advance();
    } else if (is_number(c) || c == '(' || c == ')') {
      // A number, read for good when its type is known; nan(0x..) has parentheses of its own.
      if (c == ')' || c == '(') text.fail_expected("a number");
      text.take_while(is_number);
      if (text.peek() == '(') {
        const TextCursor::Position open = text.position();
        text.take_while([](char d) { return d != ')' && d != '\n'; });
        if (!text.accept(')')) text.return_to(open);
      }
    } else {
      text.fail_expected("a number or a list");
    }
  } while (depth != 0);
}

Literal parse_literal(TextCursor& text, const TensorType& type) {
  const TextCursor::Position at = text.next();
  return visit_dtype(type.dtype, [&]<class T>(std::type_identity<T>) -> Literal {
    if (text.peek() != '[') return Literal::splat(type, text.number<T>("a number"));
    if (type.shape.rank() == 0) text.fail(at, "{} is one element, not a list", type.to_string());
    if (type.shape.num_elements() == 0) {
      text.expect('[', "before the elements");
      text.expect(']', fmt::format("at once: {} has no elements", type.to_string()));
      return Literal::zeros(type);
    }
    // Every element takes a character at least: a shape can't ask for more memory than its text.
    if (static_cast<std::uint64_t>(type.shape.num_elements()) > text.text().size()) {
      text.fail(at, "{} has {} elements; the list has fewer", type.to_string(),
                type.shape.num_elements());
    }
    Literal literal = Literal::uninitialized(type);
    T* out = literal.mutable_data<T>();
    parse_elements(text, type.shape, 0, out);
    return literal;
  });
}

}  // namespace ndl::ir
