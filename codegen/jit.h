// From an LLVM module to machine code: in memory, as an object file, as text. Internal to codegen.
//
// No passes run on the IR: kernels are emitted as they should be.
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

// A module named `name` for the CPU, with nothing in it.
std::unique_ptr<llvm::Module> make_module(llvm::LLVMContext& context, const std::string& name,
                                          const Target& target);

// Verifies and compiles a module that make_module made, for a CPU that this one can stand in for.
// Throws CompileError.
std::unique_ptr<MachineCode> compile(std::unique_ptr<llvm::LLVMContext> context,
                                     std::unique_ptr<llvm::Module> module, const Target& target);

// The bytes of an ELF object, or assembly. Any CPU will do.
std::string emit_object(llvm::Module& module, const Target& target);
std::string emit_assembly(llvm::Module& module, const Target& target);

}  // namespace ndl::codegen
