#include "tools/io/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "tools/io/file.h"
#include "tools/io/npy_header.h"
#include "tools/machine.h"

namespace ndl::tools {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "\x93NUMPY";
// Data begins at a multiple of this.
constexpr std::size_t kAlignment = 64;

// Reads exactly `count` bytes that stand at `offset`.
void read_exactly(const ByteSource& source, std::int64_t offset, void* data, std::size_t count) {
  const std::size_t got = source.read(data, count);
  if (got != count) {
    throw_npy_error(source.name, offset + static_cast<std::int64_t>(got), "the file ends here");
  }
}

// The header, and where the data begins.
struct Prefix {
  NpyHeader header;
  std::int64_t end;
};

Prefix read_prefix(const ByteSource& source) {
  unsigned char fixed[12];
  const auto require = [&](std::int64_t bytes) {
    if (source.size < bytes) throw_npy_error(source.name, source.size, "the file ends here");
  };
  require(10);
  read_exactly(source, 0, fixed, 10);
  if (std::memcmp(fixed, kMagic.data(), kMagic.size()) != 0) {
    throw_npy_error(source.name, 0, "not an .npy file: it does not begin with \\x93NUMPY");
  }
  const int major = fixed[6];
  const int minor = fixed[7];
  if (major < 1 || major > 3 || minor != 0) {
    throw_error<UnsupportedError>("{}: .npy format {}.{} is not one of 1.0, 2.0, 3.0", source.name,
                                  major, minor);
  }
  std::int64_t length = fixed[8] | fixed[9] << 8;
  std::int64_t begin = 10;
  if (major >= 2) {
    require(12);
    read_exactly(source, 10, fixed + 10, 2);
    length |= std::int64_t{fixed[10]} << 16 | std::int64_t{fixed[11]} << 24;
    begin = 12;
  }
  if (length > source.size - begin) {
    throw_npy_error(source.name, 8,
                    fmt::format("a header of {} bytes does not fit the {} that "
                                "follow",
                                length, source.size - begin));
  }
  std::string text(static_cast<std::size_t>(length), '\0');
  read_exactly(source, begin, text.data(), text.size());
  return {parse_npy_header(text, begin, source.name), begin + length};
}

void swap_bytes(std::byte* data, std::int64_t elements, std::size_t width) {
  for (std::int64_t i = 0; i < elements; ++i, data += width) std::reverse(data, data + width);
}

// Elements from first-axis-fastest order to row-major order.
ir::Literal from_fortran_order(const ir::Literal& source) {
  ir::Literal result = ir::Literal::uninitialized(source.type());
  const ir::Shape& shape = source.shape();
  const std::size_t width = size_of(source.dtype());
  std::vector<std::int64_t> index(shape.rank(), 0);
  std::vector<std::int64_t> stride(shape.rank(), 1);
  for (std::size_t axis = 1; axis < shape.rank(); ++axis) {
    stride[axis] = stride[axis - 1] * shape[axis - 1];
  }
  std::int64_t from = 0;
  for (std::int64_t to = 0; to < source.size(); ++to) {
    std::memcpy(result.bytes() + static_cast<std::size_t>(to) * width,
                source.bytes() + static_cast<std::size_t>(from) * width, width);
    for (std::size_t axis = shape.rank(); axis-- > 0;) {
      from += stride[axis];
      if (++index[axis] < shape[axis]) break;
      from -= stride[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

// A bool that is neither 0 nor 1 must not reach C++.
void check_booleans(const ir::Literal& literal, const ByteSource& source, std::int64_t offset) {
  for (std::int64_t i = 0; i < literal.size(); ++i) {
    const auto byte = static_cast<int>(literal.bytes()[i]);
    if (byte > 1) {
      throw_npy_error(source.name, offset + i, fmt::format("a bool is {}, not 0 or 1", byte));
    }
  }
}

}  // namespace

ir::Literal decode_npy(const ByteSource& source, const TypeCheck& check) {
  const auto [header, offset] = read_prefix(source);
  const std::int64_t needed = header.type.bytes();
  const std::int64_t available = source.size - offset;
  if (needed > available) {
    throw_npy_error(source.name, source.size,
                    fmt::format("the file ends here, but {} has {} bytes and only {} follow its "
                                "header",
                                header.type.to_string(), needed, available));
  }
  if (needed < available) {
    throw_npy_error(source.name, offset + needed,
                    fmt::format("{} bytes follow the data", available - needed));
  }
  if (check) check(header.type);
  require_memory(needed, source.name);  // a sparse file may be larger
  ir::Literal literal = ir::Literal::uninitialized(header.type);
  read_exactly(source, offset, literal.bytes(), static_cast<std::size_t>(needed));
  if (header.type.dtype == DType::kBool) check_booleans(literal, source, offset);
  if (header.big_endian) swap_bytes(literal.bytes(), literal.size(), size_of(literal.dtype()));
  if (header.fortran_order && header.type.shape.rank() > 1) return from_fortran_order(literal);
  return literal;
}

ir::Literal read_npy(const std::string& path, const TypeCheck& check) {
  InputFile file(path, FileKind::kRegular);
  const auto read = [&](void* data, std::size_t count) { return file.read(data, count); };
  return decode_npy({display_path(path), file.size(), read}, check);
}

std::string encode_npy(const ir::Literal& literal) {
  std::string header = format_npy_header(literal.type());
  const std::size_t prefix = kMagic.size() + 4;
  const std::size_t padding = kAlignment - 1 - (prefix + header.size()) % kAlignment;
  header.append(padding, ' ');
  header += '\n';
  const ir::Literal dense = literal.dense();
  std::string bytes(kMagic);
  bytes += '\x01';
  bytes += '\x00';
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(dense.bytes()),
               static_cast<std::size_t>(dense.type().bytes()));
  return bytes;
}

}  // namespace ndl::tools
