// The flags that run passes and show what they do, for every sub-command that takes a pipeline.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/flags.h"
#include "ir/graph.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ndl::tools {

class PassFlags {
 public:
  // Adds -p and the rows of all_flags() to `app`.
  void add_to(CLI::App& app);

  // NDL_FLAGS, and over it the command line. Throws UsageError.
  Flags flags() const;

  // `graph` after the pipeline, with everything the flags ask for on standard error and in files.
  ir::Graph run(const ir::Graph& graph) const;

 private:
  std::string pipeline_;
  std::vector<std::pair<const FlagDef*, const CLI::Option*>> options_;
};

}  // namespace ndl::tools
