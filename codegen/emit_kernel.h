// From a loop nest to a function of the kernel ABI. Internal to codegen.
#pragma once

#include <llvm/IR/Module.h>

#include <string>

#include "codegen/loop_nest.h"
#include "codegen/target.h"

namespace ndl::codegen {

// Adds the function `name` to the module: a runtime::KernelFunction over the rows of
// partition(nest, target), whose buffers are those of the nest in order.
void emit_kernel(llvm::Module& module, const std::string& name, const LoopNest& nest,
                 const Target& target);

}  // namespace ndl::codegen
