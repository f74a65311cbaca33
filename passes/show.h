// Running passes while showing what they do, as the debugging flags ask (base/flags.h): for ndl,
// and through NDL_FLAGS for every program.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/flags.h"
#include "ir/graph.h"
#include "passes/pass.h"

namespace ndl::passes {

// Throws UsageError for what the table of flags cannot check: names that --disable does not know, a
// --print-after that is no regular expression.
void check_flags(const Flags& flags);

// Makes the folder of --dump-to. Throws IoError, whose message begins with `origin`.
void make_dump_folder(const std::string& folder, std::string_view origin = "");

// Where what is shown goes.
struct ShowTo {
  std::function<void(std::string_view)> text;                           // by default standard error
  std::function<void(const std::string& path, std::string_view)> file;  // by default writes it
  // What a call of the graph launches once it is compiled, which passes do not know: the end of
  // --explain=fuse. By default nothing.
  std::function<std::string(const ir::Graph&)> launches;
  std::string folder;  // of the files DIR/00-input.ndl, DIR/01-canonicalize.ndl, ...; "" for none
};

// `graph` after the pipeline.
ir::Graph run_and_show(const ir::Graph& graph, std::span<const PipelineStep> pipeline,
                       const Flags& flags, ShowTo to = {},
                       const decltype(RunOptions::observer)& observer = {});

// Writes a file; throws IoError.
void write_dump(const std::string& path, std::string_view text);

}  // namespace ndl::passes
