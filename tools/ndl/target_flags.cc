#include "tools/ndl/target_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "codegen/target.h"
#include "tools/ndl/numbers.h"

namespace ndl::tools {

void TargetFlags::add_cpu(CLI::App& app) {
  options_.push_back(app.add_option("--cpu", cpu_, "the CPU to compile for")
                         ->type_name(fmt::format("{}", fmt::join(codegen::target_names(), "|")))
                         ->default_str(cpu_)
                         ->group("Running"));
}

void TargetFlags::add_threads(CLI::App& app) {
  options_.push_back(
      app.add_option("--threads", threads_, "the most threads to run on; 0 is all CPUs")
          ->type_name("N")
          ->default_str(threads_)
          ->group("Running"));
}

const std::string& TargetFlags::cpu() const {
  const std::vector<std::string_view> names = codegen::target_names();
  if (std::ranges::find(names, cpu_) == names.end()) {
    throw_error<UsageError>("--cpu: there is no CPU '{}'; there are: {}", excerpt(cpu_),
                            fmt::join(names, ", "));
  }
  return cpu_;
}

int TargetFlags::threads() const {
  constexpr std::int64_t kMost = 1024;
  return static_cast<int>(parse_count("--threads", threads_, kMost));
}

void TargetFlags::refuse(std::string_view reason) const {
  for (const CLI::Option* option : options_) {
    if (option->count() > 0) throw_error<UsageError>("{}: {}", option->get_name(), reason);
  }
}

}  // namespace ndl::tools
