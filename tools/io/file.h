// Whole files, read and written so that a failure leaves nothing half done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ndl::tools {

// A path as messages show it: escaped and not too long.
std::string display_path(std::string_view path);

// A file that is open for reading. Errors are IoError and name the path.
class InputFile {
 public:
  explicit InputFile(std::string path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }
  // Whether size() is known beforehand.
  bool is_regular() const { return is_regular_; }
  std::int64_t size() const { return size_; }
  // Bytes read: `count`, or fewer at the end of the file.
  std::size_t read(void* data, std::size_t count);

 private:
  std::string path_;
  int descriptor_ = -1;
  bool is_regular_ = false;
  std::int64_t size_ = 0;
};

// All of a text file; "-" is standard input. More than 1 GiB is refused.
std::string read_text(const std::string& path);

// Writes all of standard output, with no buffering. Throws BrokenPipe when nobody reads it any
// more, IoError for any other failure.
void write_stdout(std::string_view text);
struct BrokenPipe {};

// Writes to standard error; a failure is ignored.
void write_stderr(std::string_view text);

// Writes `text` to a file ("-" is standard output). A new file beside `path` takes its name once it
// is complete: whatever goes wrong, `path` is as it was before. A device or pipe is written
// directly.
void write_file(const std::string& path, std::string_view text);

}  // namespace ndl::tools
