// The sub-commands of ndl, one file each.
#pragma once

#include <functional>

#include "tools/ndl/exit_code.h"

namespace CLI {
class App;
}

namespace ndl::tools {

// A sub-command that has added itself to the application. `run` does the work once the command
// line has been read, and returns an exit code or throws.
struct Command {
  CLI::App* app = nullptr;
  std::function<int()> run;
};

Command add_opt(CLI::App& parent);
Command add_compile(CLI::App& parent);
Command add_run(CLI::App& parent);
Command add_check(CLI::App& parent);
Command add_bench(CLI::App& parent);
Command add_info(CLI::App& parent);
Command add_ops(CLI::App& parent);
Command add_passes(CLI::App& parent);
Command add_doctor(CLI::App& parent);

}  // namespace ndl::tools
