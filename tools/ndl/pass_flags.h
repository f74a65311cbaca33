// The flags that run passes and show what they do, for every sub-command that takes a pipeline.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/flags.h"
#include "ir/graph.h"
#include "passes/pass.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ndl::tools {

class PassFlags {
 public:
  // Adds -p and the rows of all_flags() to `app`. The help says that `fallback` is what runs
  // without -p.
  void add_to(CLI::App& app, const std::string& fallback = "none");

  // NDL_FLAGS, and over it the command line. Throws UsageError.
  Flags flags() const;

  // `graph` after the pipeline, with everything the flags ask for on standard error and in files;
  // if none is given, after that of compiling where it is for a CPU, and else as it is. `observer`
  // sees each step, as passes::RunOptions has it.
  ir::Graph run(const ir::Graph& graph, const std::string& cpu = "",
                const decltype(passes::RunOptions::observer)& observer = {}) const;

  // For a graph after run() that is compiled for a CPU: where --dump-to asks for files, what it is
  // compiled to.
  void dump_kernels(const ir::Graph& graph, const std::string& cpu) const;

 private:
  std::string pipeline_;
  const CLI::Option* pipeline_option_ = nullptr;
  std::vector<std::pair<const FlagDef*, const CLI::Option*>> options_;
};

}  // namespace ndl::tools
