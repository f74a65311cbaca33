// From an LLVM module to machine code in memory. Internal to codegen.
#pragma once

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <memory>
#include <string>

#include "codegen/target.h"

namespace ndl::codegen {

// The functions of one module; the code goes when the object does.
class MachineCode {
 public:
  virtual ~MachineCode() = default;
  // The address of a function of the module; an internal error for another name.
  virtual void* function(const std::string& name) const = 0;
};

// Verifies and compiles `module`, which was made in `context`. No passes run on the IR: kernels are
// emitted as they should be. Throws CompileError.
std::unique_ptr<MachineCode> compile(std::unique_ptr<llvm::LLVMContext> context,
                                     std::unique_ptr<llvm::Module> module, const Target& target);

}  // namespace ndl::codegen
