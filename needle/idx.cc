#include "needle/idx.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/error.h"

namespace ndl::data {
namespace {

template <class... Args>
[[noreturn]] void fail(const std::string& path, fmt::format_string<Args...> format,
                       Args&&... args) {
  throw_error<IoError>("{}: {}", path, fmt::format(format, std::forward<Args>(args)...));
}

class GzipFile {
 public:
  explicit GzipFile(const std::string& path) : path_(path), file_(gzopen(path.c_str(), "rb")) {
    if (!file_) fail(path, "cannot be opened: {}", std::strerror(errno));
    constexpr unsigned kBuffer = 1 << 18;
    gzbuffer(file_.get(), kBuffer);
  }

  // Up to `count` bytes; fewer at the end of the file.
  std::int64_t read(void* out, std::int64_t count) {
    auto* bytes = static_cast<char*>(out);
    std::int64_t done = 0;
    while (done < count) {
      constexpr std::int64_t kMost = 1 << 30;
      const int got =
          gzread(file_.get(), bytes + done, static_cast<unsigned>(std::min(count - done, kMost)));
      if (got < 0) {
        int code = 0;
        const char* message = gzerror(file_.get(), &code);
        fail(path_, "cannot be read: {}", code == Z_ERRNO ? std::strerror(errno) : message);
      }
      if (got == 0) break;
      done += got;
    }
    // A stream that stops in the middle is no error to gzread.
    if (done < count && gzerror_code() == Z_BUF_ERROR)
      fail(path_, "the compressed data is cut off");
    return done;
  }

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };

  int gzerror_code() {
    int code = 0;
    gzerror(file_.get(), &code);
    return code;
  }

  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

DType dtype_of_code(const std::string& path, std::uint8_t code) {
  switch (code) {
    case 0x08:
      return DType::kU8;
    case 0x09:
      return DType::kI8;
    case 0x0b:
      return DType::kI16;
    case 0x0c:
      return DType::kI32;
    case 0x0d:
      return DType::kF32;
    case 0x0e:
      return DType::kF64;
    default:
      fail(path, "not an IDX file: element type {:#04x}", code);
  }
}

// Elements are big-endian in the file.
void swap_bytes(ir::Literal& literal) {
  static_assert(std::endian::native == std::endian::little);
  const auto width = static_cast<std::ptrdiff_t>(size_of(literal.dtype()));
  if (width == 1) return;
  std::byte* bytes = literal.bytes();
  for (std::int64_t i = 0; i < literal.size(); ++i) {
    std::reverse(bytes + i * width, bytes + (i + 1) * width);
  }
}

}  // namespace

ir::Literal read_idx(const std::string& path) {
  GzipFile file(path);
  std::array<std::uint8_t, 4> magic{};
  if (file.read(magic.data(), 4) != 4 || magic[0] != 0 || magic[1] != 0) {
    fail(path, "not an IDX file: it does not begin with two zero bytes, a type and a rank");
  }
  const DType dtype = dtype_of_code(path, magic[2]);
  ir::Dims dims;
  for (int i = 0; i < magic[3]; ++i) {
    std::array<std::uint8_t, 4> extent{};
    if (file.read(extent.data(), 4) != 4) fail(path, "the header is cut off");
    dims.push_back(std::int64_t{extent[0]} << 24 | extent[1] << 16 | extent[2] << 8 | extent[3]);
  }
  const ir::TensorType type{dtype, ir::Shape(std::move(dims))};
  // Grows with what is there, so that a header alone cannot ask for all memory.
  constexpr std::int64_t kChunk = 1 << 24;
  std::vector<std::byte> bytes;
  const std::int64_t wanted = type.bytes();
  while (std::ssize(bytes) < wanted) {
    const std::int64_t before = std::ssize(bytes);
    const std::int64_t next = std::min(kChunk, wanted - before);
    bytes.resize(static_cast<std::size_t>(before + next));
    const std::int64_t got = file.read(bytes.data() + before, next);
    if (got < next) {
      fail(path, "holds {} bytes of elements, and {} says {}", before + got, type.to_string(),
           wanted);
    }
  }
  char extra = 0;
  if (file.read(&extra, 1) != 0)
    fail(path, "goes on behind the {} bytes of {}", wanted, type.to_string());
  ir::Literal literal = ir::Literal::uninitialized(type);
  if (wanted > 0) std::memcpy(literal.bytes(), bytes.data(), bytes.size());
  swap_bytes(literal);
  return literal;
}

}  // namespace ndl::data
