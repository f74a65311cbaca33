// Numbers given to flags.
#pragma once

#include <cstdint>
#include <string_view>

namespace ndl::tools {

// Each throws UsageError that names the flag for text that is no such number.

// From 0 to `most`.
std::int64_t parse_count(std::string_view flag, std::string_view text,
                         std::int64_t most = INT64_MAX);
// At least 0, with an optional factor K, M, G or T of 1024 each.
std::int64_t parse_bytes(std::string_view flag, std::string_view text);
// Finite and at least 0.
double parse_tolerance(std::string_view flag, std::string_view text);

}  // namespace ndl::tools
