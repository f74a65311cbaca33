// The sub-commands of ndl, one file each.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace ndl::tools {

// What ndl exits with.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,       // wrong input, or a verify or run error
  kUsage = 2,        // a wrong command line
  kMismatch = 3,     // results are not what was expected
  kUnsupported = 4,  // valid, but not available
  kInternal = 70,    // a bug of ours
};

// A sub-command that has added itself to the application. `run` does the work once the command
// line has been read, and returns an exit code or throws.
struct Command {
  CLI::App* app = nullptr;
  std::function<int()> run;
};

Command add_opt(CLI::App& parent);
Command add_run(CLI::App& parent);
Command add_info(CLI::App& parent);
Command add_ops(CLI::App& parent);
Command add_passes(CLI::App& parent);
Command add_doctor(CLI::App& parent);

}  // namespace ndl::tools
