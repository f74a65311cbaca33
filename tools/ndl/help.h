// How the command line explains itself: one line, usage, examples, flags in groups.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ndl::tools {

// A sub-command with our help. `examples` are lines of shell.
CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& one_line,
                      const std::string& examples);

// Adds a flag that takes the specification of a tensor, and may be given again for more.
CLI::Option* add_specs(CLI::App& app, const std::string& name, std::vector<std::string>& specs,
                       const std::string& doc);

// Gives `app` our help and lets it hand over what it does not know, for check_extras.
void set_up_help(CLI::App& app, const std::string& examples);

// Throws UsageError for the first argument that `app` did not understand, with the flag or
// sub-command that may have been meant.
void check_extras(const CLI::App& app);

}  // namespace ndl::tools
