#include "tools/io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/text.h"

namespace ndl::tools {
namespace {

[[noreturn]] void throw_errno(std::string_view verb, std::string_view path, int error = errno) {
  throw_error<IoError>("cannot {} '{}': {}", verb, display_path(path), std::strerror(error));
}

// Writes everything, or returns the error.
int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

// Holds back the signals that end the program while a temporary file exists, so that none is left.
class HoldSignals {
 public:
  HoldSignals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, &before_);
  }
  ~HoldSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  HoldSignals(const HoldSignals&) = delete;
  HoldSignals& operator=(const HoldSignals&) = delete;

 private:
  sigset_t before_;
};

// The file that a chain of symbolic links ends at, there or not, so that it is replaced and not the
// link.
std::string resolve(const std::string& path) {
  constexpr int kMaxLinks = 40;  // as many as the kernel follows
  std::filesystem::path target = path;
  for (int i = 0; i <= kMaxLinks; ++i) {
    std::error_code error;
    const std::filesystem::path next = std::filesystem::read_symlink(target, error);
    if (error) return target;
    target = target.parent_path() / next;
  }
  throw_errno("write", path, ELOOP);
}

// Permissions of a file that is replaced, or those of a new one.
mode_t mode_for(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) == 0) return status.st_mode & 0777;
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

bool is_special(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

// Writes to a descriptor and closes it; `path` is for the message.
void write_and_close(int descriptor, const std::string& path, std::string_view text, bool flush) {
  int error = write_all(descriptor, text);
  // Flushed, so that after a crash of the machine the new name never shows less than everything.
  if (error == 0 && flush && ::fsync(descriptor) != 0) error = errno;
  if (::close(descriptor) != 0 && error == 0) error = errno;
  if (error == EPIPE) throw BrokenPipe{};
  if (error != 0) throw_errno("write", path, error);
}

void replace_file(const std::string& path, std::string_view text) {
  const std::string target = resolve(path);
  std::string temporary = target + ".XXXXXX";
  const HoldSignals hold;
  const int descriptor = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0) throw_errno("write", path);
  try {
    if (::fchmod(descriptor, mode_for(target)) != 0) throw_errno("write", path);
    write_and_close(descriptor, path, text, true);
    if (::rename(temporary.c_str(), target.c_str()) != 0) throw_errno("write", path);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

}  // namespace

std::string display_path(std::string_view path) { return excerpt(path, 200); }

InputFile::InputFile(std::string path, FileKind kind) : path_(std::move(path)) {
  if (path_.find('\0') != path_.npos) throw_errno("read", path_, ENOENT);
  const bool only_regular = kind == FileKind::kRegular;
  // Opening a pipe waits for its writer, unless told not to.
  const int flags = O_RDONLY | O_CLOEXEC | (only_regular ? O_NONBLOCK : 0);
  const bool is_stdin = path_ == "-" && !only_regular;
  descriptor_ = is_stdin ? ::dup(STDIN_FILENO) : ::open(path_.c_str(), flags);
  if (descriptor_ < 0) throw_errno("read", path_);
  struct stat status;
  if (::fstat(descriptor_, &status) != 0 || S_ISDIR(status.st_mode)) {
    const int error = S_ISDIR(status.st_mode) ? EISDIR : errno;
    ::close(descriptor_);
    throw_errno("read", path_, error);
  }
  const bool is_regular = S_ISREG(status.st_mode);
  if (only_regular && !is_regular) {
    ::close(descriptor_);
    throw_error<IoError>("cannot read '{}': not a regular file", display_path(path_));
  }
  size_ = is_regular ? status.st_size : 0;
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::size_t InputFile::read(void* data, std::size_t count) {
  std::size_t total = 0;
  while (total < count) {
    const ssize_t got = ::read(descriptor_, static_cast<char*>(data) + total, count - total);
    if (got == 0) break;
    if (got > 0) {
      total += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      throw_errno("read", path_);
    }
  }
  return total;
}

std::string read_text(const std::string& path, std::size_t limit) {
  InputFile file(path);
  if (path == "-" && ::isatty(STDIN_FILENO) != 0) {
    write_stderr("reading a graph from the terminal; Ctrl-D ends it\n");
  }
  // A byte more than expected shows the end of the file without a second round.
  std::size_t chunk = std::max<std::size_t>(static_cast<std::size_t>(file.size()), 1 << 16) + 1;
  chunk = std::min(chunk, limit + 1);
  std::string text;
  while (true) {
    const std::size_t before = text.size();
    text.resize(before + chunk);
    text.resize(before + file.read(text.data() + before, chunk));
    if (text.size() > limit) {
      throw_error<IoError>("cannot read '{}': more than {} bytes of text", display_path(path),
                           limit);
    }
    if (text.size() < before + chunk) return text;
    // Twice as much and a little more, so that the limit is not missed by a byte that costs a copy.
    chunk = std::min(text.size() + 1, limit + 1 - text.size());
  }
}

void write_stdout(std::string_view text) {
  const int error = write_all(STDOUT_FILENO, text);
  if (error == EPIPE) throw BrokenPipe{};
  if (error != 0) throw_errno("write", "standard output", error);
}

void write_stderr(std::string_view text) { write_all(STDERR_FILENO, text); }

void write_file(const std::string& path, std::string_view text) {
  if (path == "-") return write_stdout(text);
  if (!is_special(path)) return replace_file(path, text);
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) throw_errno("write", path);
  write_and_close(descriptor, path, text, false);
}

}  // namespace ndl::tools
