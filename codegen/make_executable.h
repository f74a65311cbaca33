// From a schedule to an executable of the runtime. No LLVM.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "codegen/kernel_cache.h"
#include "codegen/schedule.h"
#include "codegen/target.h"
#include "runtime/executable.h"

namespace ndl::codegen {

// What the code throws for an index out of range; the program whose graph it runs knows where.
class CheckError : public IndexError {
 public:
  CheckError(const std::string& message, std::size_t check) : IndexError(message), check_(check) {}
  std::size_t check() const { return check_; }

 private:
  std::size_t check_;  // of all_checks()
};

// The checks of the schedule and of those inside.
std::vector<IndexCheck> all_checks(const Schedule& schedule);

// The kernels of the schedule and of those inside, each once.
std::vector<KeyedNest> distinct_kernels(const Schedule& schedule);

// Compiles what is not in the cache of kernels. Throws CompileError.
std::shared_ptr<const runtime::Executable> make_executable(const Schedule& schedule,
                                                           const Target& target);

}  // namespace ndl::codegen
