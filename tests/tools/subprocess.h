// Runs the command line as its users do.
#pragma once

#include <string>
#include <vector>

namespace ndl::tools::test {

struct Invocation {
  std::vector<std::string> arguments;
  std::string input = "";        // standard input
  std::string output_path = "";  // where standard output goes; "": it is captured
  bool close_output = false;     // nobody reads standard output
  std::string flags = "";        // NDL_FLAGS
};

struct Outcome {
  int code = -1;  // -1 if a signal ended it
  int signal = 0;
  std::string out;
  std::string err;
};

// ndl with these arguments.
Outcome run(const Invocation& invocation);

}  // namespace ndl::tools::test
