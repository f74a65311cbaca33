// Whole files, read and written so that a failure leaves nothing half done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace ndl::tools {

// A path as messages show it: escaped and not too long.
std::string display_path(std::string_view path);

enum class FileKind {
  kAny,      // "-" is standard input; a pipe is waited for
  kRegular,  // anything else is refused at once
};

// A file that is open for reading. Errors are IoError and name the path.
class InputFile {
 public:
  explicit InputFile(std::string path, FileKind kind = FileKind::kAny);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }
  // Of a regular file; 0 for any other.
  std::int64_t size() const { return size_; }
  // Bytes read: `count`, or fewer at the end of the file.
  std::size_t read(void* data, std::size_t count);
  // The descriptor, which is the caller's to close from here on. Nothing can be read afterwards.
  int release() { return std::exchange(descriptor_, -1); }

 private:
  std::string path_;
  int descriptor_ = -1;
  std::int64_t size_ = 0;
};

constexpr std::size_t kMaxTextBytes = std::size_t{1} << 30;

// All of a text file; "-" is standard input. More than `limit` bytes are refused, of which no more
// than one byte beyond the limit has been read.
std::string read_text(const std::string& path, std::size_t limit = kMaxTextBytes);

// Writes all of standard output, with no buffering. Throws BrokenPipe when nobody reads it any
// more, IoError for any other failure.
void write_stdout(std::string_view text);
struct BrokenPipe {};

// Writes to standard error; a failure is ignored.
void write_stderr(std::string_view text);

// Writes `text` to a file ("-" is standard output). A new file beside `path` takes its name once it
// is complete: whatever goes wrong, `path` is as it was before. A symbolic link stays one, and the
// file it leads to is replaced or made. A device or pipe is written directly.
void write_file(const std::string& path, std::string_view text);

}  // namespace ndl::tools
