// ndl compile: what compiling a graph makes on the way to machine code.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "codegen/program.h"
#include "tools/io/file.h"
#include "tools/ndl/commands.h"
#include "tools/ndl/help.h"
#include "tools/ndl/load.h"
#include "tools/ndl/pass_flags.h"
#include "tools/ndl/target_flags.h"

namespace ndl::tools {
namespace {

constexpr const char* kExamples =
    "  ndl compile m.ndl --to=fused                  the graph after the passes\n"
    "  ndl compile m.ndl --to=asm --cpu=x86-64-v3    assembly\n"
    "  ndl compile m.ndl --to=obj -o m.o             an ELF object\n"
    "  ndl compile m.ndl --to=loops --explain=fuse   why ops became one kernel, or not\n";

struct Options {
  std::string file;
  std::string stage;
  std::string output = "-";
  TargetFlags target;
  PassFlags passes;
};

codegen::Stage parse_stage(const std::string& text) {
  const auto names = codegen::stage_names();
  if (text.empty())
    throw_error<UsageError>("--to is not given; it is one of {}", fmt::join(names, ", "));
  const auto it = std::ranges::find(names, text);
  if (it == names.end()) {
    throw_error<UsageError>("--to: '{}' is not one of {}", excerpt(text), fmt::join(names, ", "));
  }
  return static_cast<codegen::Stage>(it - names.begin());
}

int run(const Options& options) {
  const codegen::Stage stage = parse_stage(options.stage);
  if (stage == codegen::Stage::kObject && options.output == "-" && ::isatty(1) != 0) {
    throw_error<UsageError>("--to=obj: an object is no text for a terminal; -o FILE writes it");
  }
  codegen::CompileOptions compile;
  compile.cpu = options.target.cpu();
  const ir::Graph source = load_graph(options.file);
  // The passes run here, where their flags show what they do.
  const ir::Graph graph = options.passes.run(source, compile.cpu);
  compile.pipeline = "";
  options.passes.dump_kernels(graph, compile.cpu);
  const bool before_passes = stage == codegen::Stage::kGraph;
  write_file(options.output, codegen::compile_to(before_passes ? source : graph, stage, compile));
  return kOk;
}

}  // namespace

Command add_compile(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* app =
      add_command(parent, "compile", "show what a graph is compiled to, stage by stage", kExamples);
  app->add_option("FILE", options->file, "the graph; - reads standard input");
  app->add_option("--to", options->stage, "how far: the graph as given, after passes, ...")
      ->type_name(fmt::format("{}", fmt::join(codegen::stage_names(), "|")))
      ->group("Output");
  app->add_option("-o,--output", options->output, "where it goes; - is standard output")
      ->type_name("FILE")
      ->default_str("-")
      ->group("Output");
  options->target.add_cpu(*app);
  options->passes.add_to(*app, codegen::CompileOptions{}.pipeline);
  return {app, [options] { return run(*options); }};
}

}  // namespace ndl::tools
