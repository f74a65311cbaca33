// The version of the library and of its tools.
#pragma once

#include <string_view>

namespace ndl {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace ndl
