// Kernels that have been compiled, by what they do: equal kernels of all programs are one. No LLVM.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "codegen/loop_nest.h"
#include "codegen/target.h"
#include "runtime/kernel.h"

namespace ndl::codegen {

struct CompiledKernel {
  runtime::KernelFunction function = nullptr;
  std::shared_ptr<const void> code;  // what keeps it alive
};

// A nest and its key, see LoopNest::key.
struct KeyedNest {
  const LoopNest* nest;
  const std::string* key;
};

// One for each nest; they differ. Those that are not in the cache are compiled together, and the
// cache keeps the most recently used ones. Any thread may call it. Throws CompileError.
std::vector<CompiledKernel> compiled_kernels(std::span<const KeyedNest> nests,
                                             const Target& target);

}  // namespace ndl::codegen
