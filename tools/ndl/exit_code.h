// What ndl exits with, and how it says what went wrong.
#pragma once

#include <string>

namespace ndl::tools {

enum ExitCode : int {
  kOk = 0,
  kFailed = 1,       // wrong input, or a verify, compile or run error
  kUsage = 2,        // a wrong command line
  kMismatch = 3,     // results are not what was expected, or came too slowly
  kUnsupported = 4,  // valid, but not available
  kInternal = 70,    // a bug of ours
};

struct Failure {
  ExitCode code;
  std::string report;  // lines: "error: ..." or "m.ndl:7:12: error: ..."
};

// What the exception means that is being handled. Passes on what is no std::exception.
Failure current_failure();

}  // namespace ndl::tools
