#include "tools/ndl/exit_code.h"

#include <fmt/format.h>

namespace ndl::tools {

ExitCode exit_code_of(const Error& error) {
  if (dynamic_cast<const UsageError*>(&error) != nullptr) return kUsage;
  if (dynamic_cast<const NumericError*>(&error) != nullptr) return kMismatch;
  if (dynamic_cast<const UnsupportedError*>(&error) != nullptr) return kUnsupported;
  return kFailed;
}

std::string report_of(const Error& error) {
  const bool has_place = error.diagnostic().location.line != 0;
  return fmt::format("{}{}\n", has_place ? "" : "error: ", error.what());
}

}  // namespace ndl::tools
