// The difference of two texts, line by line.
#pragma once

#include <string>
#include <string_view>

namespace ndl {

// Lines only in `before` begin with "-", lines only in `after` with "+", and up to three equal
// lines around them with a space; "..." stands for equal lines left out. "" for equal texts.
std::string line_diff(std::string_view before, std::string_view after);

}  // namespace ndl
