// Text to graph: the inverse of print(), and strict.
#pragma once

#include <string>
#include <string_view>

#include "ir/graph.h"

namespace ndl::ir {

// `file` names the text in errors and in the locations of the nodes. Throws ParseError for text
// that is not of the grammar, and what Builder throws (ShapeError, DTypeError, ...) for text that
// is no valid graph; each error has line, column, the line itself and a caret. Comments run from //
// to the end of the line. Time is linear in the text; regions nest at most 256 deep.
Graph parse(std::string_view text, const std::string& file = "<text>");

}  // namespace ndl::ir
