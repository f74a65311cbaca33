// The elements of a constant, as in constant([[1, 2], [3, 4]]). Their type follows them in the
// text, so they are skipped first and read for good when it is known.
#pragma once

#include "ir/literal.h"
#include "ir/text_cursor.h"

namespace ndl::ir {

// Passes a number or a list. Throws ParseError for what can be neither.
void skip_literal(TextCursor& text);

// One number, which stands for all elements, or a list nested by rank. Throws ParseError for what
// does not fit the type. Memory is bounded by the text, whatever the shape.
Literal parse_literal(TextCursor& text, const TensorType& type);

}  // namespace ndl::ir
