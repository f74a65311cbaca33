#include "tools/ndl/help.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace ndl::tools {
namespace {

// "-o, --output PATH", "--print-changed[=graph|diff]".
std::string left_column(const CLI::Option& option) {
  std::string text;
  for (const std::string& name : option.get_snames()) text += fmt::format("-{}, ", name);
  for (const std::string& name : option.get_lnames()) text += fmt::format("--{}, ", name);
  text.resize(text.size() - 2);
  const std::string value = option.get_type_name();
  if (value.empty()) return text;
  const bool is_flag = option.get_expected_max() == 0;
  return is_flag ? fmt::format("{}[={}]", text, value) : fmt::format("{}={}", text, value);
}

class Formatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const override {
    std::string text = app->get_description() + "\n";
    text += usage(*app);
    if (!app->get_footer().empty()) text += "\nExamples:\n" + app->get_footer();
    append_commands(*app, text);
    append_flags(*app, text);
    return text;
  }

 private:
  static std::string usage(const CLI::App& app) {
    std::string path = app.get_name();
    for (const CLI::App* up = app.get_parent(); up != nullptr; up = up->get_parent()) {
      path = up->get_name() + " " + path;
    }
    std::string text = fmt::format("\nUsage: {}", path);
    if (!app.get_subcommands({}).empty()) text += " COMMAND";
    for (const CLI::Option* option : app.get_options()) {
      if (!option->get_positional()) continue;
      const bool is_list = option->get_expected_max() > 1;
      text += fmt::format(" [{}]{}", option->get_name(true), is_list ? "..." : "");
    }
    return text + " [FLAGS]\n";
  }

  static void append_commands(const CLI::App& app, std::string& text) {
    const auto commands = app.get_subcommands({});
    if (commands.empty()) return;
    text += "\nCommands:\n";
    for (const CLI::App* command : commands) {
      text += fmt::format("  {:<12}{}\n", command->get_name(), command->get_description());
    }
  }

  static void append_flags(const CLI::App& app, std::string& text) {
    std::size_t width = 0;
    for (const CLI::Option* option : app.get_options()) {
      if (!option->get_positional()) width = std::max(width, left_column(*option).size());
    }
    for (const std::string& group : app.get_groups()) {
      std::string lines;
      for (const CLI::Option* option : app.get_options()) {
        if (option->get_group() != group || option->get_positional()) continue;
        const std::string fallback = option->get_default_str();
        lines +=
            fmt::format("  {:<{}}  {}{}\n", left_column(*option), width, option->get_description(),
                        fallback.empty() ? "" : fmt::format(" (default: {})", fallback));
      }
      if (!lines.empty()) text += fmt::format("\n{}:\n{}", group, lines);
    }
  }
};

}  // namespace

void set_up_help(CLI::App& app, const std::string& examples) {
  app.formatter(std::make_shared<Formatter>());
  app.set_help_flag("-h,--help", "show this help")->group("Flags");
  app.footer(examples);
  app.allow_extras();
}

CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& one_line,
                      const std::string& examples) {
  CLI::App* app = parent.add_subcommand(name, one_line);
  set_up_help(*app, examples);
  return app;
}

CLI::Option* add_specs(CLI::App& app, const std::string& name, std::vector<std::string>& specs,
                       const std::string& doc) {
  return app.add_option(name, specs, doc)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->type_name("SPEC");
}

void check_extras(const CLI::App& app) {
  const std::vector<std::string> extras = app.remaining();
  if (extras.empty()) return;
  // A flag rather than what may have been its value.
  const auto flag =
      std::ranges::find_if(extras, [](const auto& text) { return text.starts_with("-"); });
  const std::string& first = flag == extras.end() ? extras.front() : *flag;
  const bool is_flag = first.starts_with("-");
  const std::string written = first.substr(0, is_flag ? first.find('=') : first.npos);

  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    if (!is_flag) break;
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const CLI::App* command : app.get_subcommands({})) {
    if (!is_flag) names.push_back(command->get_name());
  }
  const std::string_view kind = is_flag                           ? "flag"
                                : app.get_subcommands({}).empty() ? "argument"
                                                                  : "command";
  const std::string_view near = nearest_name(written, {names.begin(), names.end()});
  throw_error<UsageError>(
      "unknown {} '{}'{}", kind, excerpt(written),
      near.empty() ? "; --help shows what there is" : fmt::format("; did you mean '{}'?", near));
}

}  // namespace ndl::tools
