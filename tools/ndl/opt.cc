// ndl opt: text in, passes, text out.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "ir/printer.h"
#include "tools/io/file.h"
#include "tools/ndl/commands.h"
#include "tools/ndl/help.h"
#include "tools/ndl/load.h"
#include "tools/ndl/pass_flags.h"

namespace ndl::tools {
namespace {

constexpr const char* kExamples =
    "  ndl opt m.ndl                                    check a file and print it\n"
    "  ndl opt m.ndl -p canonicalize -o out.ndl         run a pass\n"
    "  ndl opt m.ndl -p canonicalize --print-changed=diff\n"
    "  ndl opt m.ndl -p expand,fuse --explain=fuse      why ops became one kernel, or not\n"
    "  ndl opt m.ndl -p canonicalize | ndl run - --input=3xf32\n";

struct Options {
  std::string file = "-";
  std::string output = "-";
  PassFlags passes;
};

int run(const Options& options) {
  const ir::Graph graph = options.passes.run(load_graph(options.file));
  write_file(options.output, ir::print(graph));
  return kOk;
}

}  // namespace

Command add_opt(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* app = add_command(parent, "opt", "run passes on a graph; text in, text out", kExamples);
  app->add_option("FILE", options->file, "the graph; - reads standard input");
  app->add_option("-o,--output", options->output, "where the graph goes; - is standard output")
      ->type_name("FILE")
      ->default_str("-")
      ->group("Output");
  options->passes.add_to(*app);
  return {app, [options] { return run(*options); }};
}

}  // namespace ndl::tools
