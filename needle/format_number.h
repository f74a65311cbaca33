// Numbers as numpy prints them, in columns.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/literal.h"

namespace ndl {

// The texts of the elements at `indices`, padded so that they stand below one another.
std::vector<std::string> format_column(const ir::Literal& literal,
                                       const std::vector<std::int64_t>& indices);

// An element on its own: "4.0", "1e-05", "True".
std::string format_element(const ir::Literal& literal, std::int64_t index);

}  // namespace ndl
