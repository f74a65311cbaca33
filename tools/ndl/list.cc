// ndl ops and ndl passes: the reference, from the tables.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/error.h"
#include "tools/io/file.h"
#include "tools/ndl/commands.h"
#include "tools/ndl/help.h"
#include "tools/ndl/reference.h"

namespace ndl::tools {
namespace {

constexpr const char* kOpsExamples =
    "  ndl ops                  all of them, a line each\n"
    "  ndl ops reduce           one of them, whole\n"
    "  ndl ops --md > docs/ops.md\n";
constexpr const char* kPassesExamples =
    "  ndl passes               all of them, a line each, with their rules\n"
    "  ndl passes canonicalize  one of them, whole\n"
    "  ndl passes slice-pad     what a rule does, by example\n"
    "  ndl passes --md > docs/passes.md\n";

struct Options {
  std::string name;
  bool json = false;
  bool markdown = false;
};

int run(const Options& options, std::string (*reference)(std::string_view, ReferenceFormat)) {
  if (options.json && options.markdown)
    throw_error<UsageError>("--json and --md exclude each other");
  const ReferenceFormat format = options.json       ? ReferenceFormat::kJson
                                 : options.markdown ? ReferenceFormat::kMarkdown
                                                    : ReferenceFormat::kText;
  write_stdout(reference(options.name, format));
  return kOk;
}

Command add(CLI::App& parent, const std::string& name, const std::string& one_line,
            const std::string& examples,
            std::string (*reference)(std::string_view, ReferenceFormat)) {
  const auto options = std::make_shared<Options>();
  CLI::App* app = add_command(parent, name, one_line, examples);
  app->add_option("NAME", options->name, "only this one");
  app->add_flag("--json", options->json, "as JSON")->group("Output");
  app->add_flag("--md", options->markdown, "as Markdown")->group("Output");
  return {app, [options, reference] { return run(*options, reference); }};
}

}  // namespace

Command add_ops(CLI::App& parent) {
  return add(parent, "ops", "list the ops, or show one", kOpsExamples, op_reference);
}

Command add_passes(CLI::App& parent) {
  return add(parent, "passes", "list the passes and their rules, or show one", kPassesExamples,
             pass_reference);
}

}  // namespace ndl::tools
