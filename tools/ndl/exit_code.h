// What ndl exits with, and how it says what went wrong.
#pragma once

#include <string>

#include "base/error.h"

namespace ndl::tools {

enum ExitCode : int {
  kOk = 0,
  kFailed = 1,       // wrong input, or a verify, compile or run error
  kUsage = 2,        // a wrong command line
  kMismatch = 3,     // results are not what was expected
  kUnsupported = 4,  // valid, but not available
  kInternal = 70,    // a bug of ours
};

// The exit code of an error of the user's.
ExitCode exit_code_of(const Error& error);

// The error as a line of standard error, or several: "error: ..." or "m.ndl:7:12: error: ...".
std::string report_of(const Error& error);

}  // namespace ndl::tools
