// NumPy's .npy files, formats 1.0, 2.0 and 3.0: one dense array each.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "ir/literal.h"

namespace ndl::tools {

// Bytes of a known count, read front to back.
struct ByteSource {
  std::string name;  // what errors call it
  std::int64_t size = 0;
  // Copies up to `count` bytes; fewer only at the end.
  std::function<std::size_t(void* data, std::size_t count)> read;
};

// Throws if an array of this type is not wanted.
using TypeCheck = std::function<void(const ir::TensorType& type)>;

// The array, row-major and of this machine's byte order. Nothing is allocated before its size is
// known to be that of the source and `check`, if any, has passed its type. Throws IoError "name:
// byte N: ..." for a source that is not the format, is cut short or goes on, and UnsupportedError
// for an element type that is not ours.
ir::Literal decode_npy(const ByteSource& source, const TypeCheck& check = {});
// Of a regular file: a pipe is refused, not waited for.
ir::Literal read_npy(const std::string& path, const TypeCheck& check = {});

// Format 1.0. Throws UnsupportedError for bf16, which NumPy lacks.
std::string encode_npy(const ir::Literal& literal);

}  // namespace ndl::tools
