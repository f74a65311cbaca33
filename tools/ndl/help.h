// How the command line explains itself: one line, usage, examples, flags in groups.
#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace ndl::tools {

// A sub-command with our help. `examples` are lines of shell.
CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& one_line,
                      const std::string& examples);

// Gives `app` our help and lets it hand over what it does not know, for check_extras.
void set_up_help(CLI::App& app, const std::string& examples);

// Throws UsageError for the first argument that `app` did not understand, with the flag or
// sub-command that may have been meant.
void check_extras(const CLI::App& app);

}  // namespace ndl::tools
