// What goes wrong, as types.
//
// A mistake of the user throws an `Error`: one message that names the op or file, what was found
// and what was expected, and where. A broken invariant of the library is an `InternalError`.
#pragma once

#include <fmt/format.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "base/source_location.h"

namespace ndl {

// A place, the line of text there, and what to say about it.
struct Diagnostic {
  SourceLocation location;
  std::string message;
  std::string line;  // the source line for the caret; may be empty

  // "m.ndl:7:12: error: message", then the line and a caret below the column when there is one.
  // Control characters are escaped and a long line is cut around the column.
  std::string render(std::string_view severity) const;
};

class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : Error(Diagnostic{{}, message, {}}) {}
  explicit Error(Diagnostic diagnostic)
      : std::runtime_error(diagnostic.render("error")), diagnostic_(std::move(diagnostic)) {}

  const Diagnostic& diagnostic() const { return diagnostic_; }
  // The message alone, without place or caret.
  const std::string& message() const { return diagnostic_.message; }

  // Throws an error of this same class and message that also carries a place.
  [[noreturn]] void rethrow_at(Diagnostic place) const {
    place.message = message();
    std::rethrow_exception(with(std::move(place)));
  }

 protected:
  virtual std::exception_ptr with(Diagnostic diagnostic) const {
    return std::make_exception_ptr(Error(std::move(diagnostic)));
  }

 private:
  Diagnostic diagnostic_;
};

// X(class, what it means)
#define NDL_FOR_EACH_ERROR(X)                                                    \
  X(ShapeError, "shapes, axes or sizes do not fit")                              \
  X(DTypeError, "an element type is not allowed or does not match")              \
  X(IndexError, "an index is out of range")                                      \
  X(ParseError, "text is not what the grammar says")                             \
  X(VerifyError, "a graph breaks a rule of the IR")                              \
  X(CompileError, "a graph cannot be compiled as asked")                         \
  X(UnsupportedError, "valid, but not available in this version or on this CPU") \
  X(IoError, "a file cannot be read or written, or holds something else")        \
  X(NumericError, "a numeric check failed")                                      \
  X(UsageError, "a flag or command line is wrong")                               \
  X(ResourceError, "more memory is needed than the limit allows")                \
  X(TraceError, "a traced function asks for data, which it does not have yet")  \
  X(GradientError, "a gradient is asked for that there is not")

#define NDL_X(Class, meaning)                                       \
  class Class : public Error {                                      \
   public:                                                          \
    using Error::Error;                                             \
                                                                    \
   protected:                                                       \
    std::exception_ptr with(Diagnostic diagnostic) const override { \
      return std::make_exception_ptr(Class(std::move(diagnostic))); \
    }                                                               \
  };
NDL_FOR_EACH_ERROR(NDL_X)
#undef NDL_X

// throw_error<ShapeError>("matmul: inner dimensions differ: {} x {}", a, b)
template <class E, class... Args>
[[noreturn]] void throw_error(fmt::format_string<Args...> format, Args&&... args) {
  throw E(fmt::format(format, std::forward<Args>(args)...));
}

// The library broke its own rule; always a bug worth a report.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void internal_error(const char* file, int line, const char* condition,
                                 const std::string& message);

// NDL_CHECK(a < b, "a is {}", a): an invariant, checked in every build.
#define NDL_CHECK(condition, ...)                                                           \
  do {                                                                                      \
    if (!(condition)) [[unlikely]]                                                          \
      ::ndl::internal_error(__FILE__, __LINE__, #condition, ::fmt::format("" __VA_ARGS__)); \
  } while (false)

}  // namespace ndl
