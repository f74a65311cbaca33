#include "tools/ndl/exit_code.h"

#include <fmt/format.h>

#include <new>

#include "base/error.h"

namespace ndl::tools {
namespace {

ExitCode exit_code_of(const Error& error) {
  if (dynamic_cast<const UsageError*>(&error) != nullptr) return kUsage;
  if (dynamic_cast<const NumericError*>(&error) != nullptr) return kMismatch;
  if (dynamic_cast<const UnsupportedError*>(&error) != nullptr) return kUnsupported;
  return kFailed;
}

}  // namespace

Failure current_failure() {
  try {
    throw;
  } catch (const Error& error) {
    const bool has_place = error.diagnostic().location.line != 0;
    return {exit_code_of(error), fmt::format("{}{}\n", has_place ? "" : "error: ", error.what())};
  } catch (const std::bad_alloc&) {
    return {kFailed, "error: out of memory\n"};
  } catch (const std::exception& error) {
    return {kInternal, fmt::format("error: {}\nThis is a bug in needle: please report it with the "
                                   "command, its input and what 'ndl doctor' says.\n",
                                   error.what())};
  }
}

}  // namespace ndl::tools
