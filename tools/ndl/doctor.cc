// ndl doctor: what a report of a bug should say about the machine and the build.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <string>

#include "base/memory.h"
#include "base/text.h"
#include "base/version.h"
#include "tools/io/file.h"
#include "tools/machine.h"
#include "tools/ndl/commands.h"
#include "tools/ndl/help.h"

namespace ndl::tools {
namespace {

constexpr const char* kExamples = "  ndl doctor\n";

std::string compiler() {
#if defined(__clang__)
  return fmt::format("clang {}", __clang_version__);
#else
  return fmt::format("gcc {}", __VERSION__);
#endif
}

std::string gibibytes(std::int64_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1 << 30));
}

int run() {
  std::string text;
  const auto line = [&](std::string_view name, std::string_view value) {
    text += fmt::format("{:<12}{}\n", name, value);
  };
  const char* flags = std::getenv("NDL_FLAGS");
  line("ndl", kVersion);
  line("compiler", compiler());
  line("cpu", cpu_model());
  line("isa", isa_level());
  line("cpus", fmt::format("{} usable", usable_cpus()));
  line("memory", fmt::format("{}, {} available", gibibytes(physical_memory()),
                             gibibytes(available_memory())));
  line("os", operating_system());
  line("NDL_FLAGS", flags == nullptr ? "not set" : escape_control(flags));
  write_stdout(text);
  return kOk;
}

}  // namespace

Command add_doctor(CLI::App& parent) {
  CLI::App* app = add_command(parent, "doctor",
                              "show version, machine and environment for a report", kExamples);
  return {app, run};
}

}  // namespace ndl::tools
