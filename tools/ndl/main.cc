// ndl: the command line of needle.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/version.h"
#include "tools/io/file.h"
#include "tools/ndl/commands.h"
#include "tools/ndl/help.h"

namespace ndl::tools {
namespace {

constexpr const char* kExamples =
    "  ndl run softmax.ndl --input=x=3xf32=\"100 100 101\"\n"
    "  ndl opt softmax.ndl -p canonicalize | ndl info -\n"
    "  ndl compile softmax.ndl --to=asm\n"
    "  ndl check softmax.ndl\n"
    "  ndl ops reduce\n";

// The arguments, last first as CLI11 wants them. "--flag=" becomes two, since CLI11 would take the
// argument that follows for the value; "-f=value" becomes "-fvalue".
std::vector<std::string> reversed_arguments(int argc, char** argv) {
  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i) {
    std::string argument = argv[i];
    const std::size_t equals = argument.find('=');
    const bool is_long = argument.starts_with("--");
    if (argument.starts_with("-") && equals == argument.size() - 1) {
      argument.pop_back();
      arguments.emplace_back();
    } else if (argument.starts_with("-") && !is_long && equals == 2) {
      argument.erase(equals, 1);
    }
    arguments.push_back(std::move(argument));
  }
  return arguments;
}

int run(int argc, char** argv) {
  CLI::App app("ndl: check, transform, compile, run and describe needle graphs", "ndl");
  set_up_help(app, kExamples);
  app.set_version_flag("--version", fmt::format("ndl {}", kVersion), "show the version")
      ->group("Flags");
  app.require_subcommand(0, 1);
  const Command commands[] = {add_opt(app),   add_compile(app), add_run(app),
                              add_check(app), add_bench(app),   add_info(app),
                              add_ops(app),   add_passes(app),  add_doctor(app)};
  try {
    app.parse(reversed_arguments(argc, argv));
  } catch (const CLI::CallForHelp&) {
    const auto parsed = app.get_subcommands();
    write_stdout((parsed.empty() ? app : *parsed[0]).help());
    return kOk;
  } catch (const CLI::CallForVersion& version) {
    write_stdout(fmt::format("{}\n", version.what()));
    return kOk;
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  check_extras(app);
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    check_extras(*command.app);
    return command.run();
  }
  write_stderr(app.help());
  return kUsage;
}

int run_and_report(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const BrokenPipe&) {
    return kOk;  // the reader has what it wants
  } catch (...) {
    const Failure failure = current_failure();
    write_stderr(failure.report);
    return failure.code;
  }
}

}  // namespace
}  // namespace ndl::tools

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return ndl::tools::run_and_report(argc, argv);
}
