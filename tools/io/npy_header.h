// The header of an .npy file: a Python dict of element type, order and shape.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ir/type.h"

namespace ndl::tools {

struct NpyHeader {
  ir::TensorType type;
  bool big_endian = false;
  bool fortran_order = false;
};

// Throws IoError about byte `offset` of the file called `name`.
[[noreturn]] void throw_npy_error(std::string_view name, std::int64_t offset,
                                  std::string_view message);

// Reads "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}" with its keys in any order and
// nothing but white space after it. `offset` is where the text stands in the file. Throws IoError,
// and UnsupportedError for an element type that is not ours.
NpyHeader parse_npy_header(std::string_view text, std::int64_t offset, const std::string& name);

// The same text for a row-major array of this machine's byte order, without padding.
std::string format_npy_header(const ir::TensorType& type);

}  // namespace ndl::tools
