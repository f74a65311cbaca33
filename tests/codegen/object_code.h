// What is in a relocatable object file of x86-64.
#pragma once

#include <string>
#include <vector>

namespace ndl::codegen {

// The names of the symbols that it imports.
std::vector<std::string> undefined_symbols(const std::string& object);

// Its instructions that plain x86-64, which ends with SSE2, does not have, as text; bytes that are
// no instruction are listed too.
std::vector<std::string> instructions_beyond_sse2(const std::string& object);

}  // namespace ndl::codegen
