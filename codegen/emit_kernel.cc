#include "codegen/emit_kernel.h"

#include <llvm/IR/Function.h>

#include "codegen/nest_emitter.h"

namespace ndl::codegen {

void emit_kernel(llvm::Module& module, const std::string& name, const LoopNest& nest,
                 const Target& target) {
  llvm::LLVMContext& context = module.getContext();
  llvm::Type* pointer = llvm::PointerType::get(context, 0);
  llvm::Type* i64 = llvm::Type::getInt64Ty(context);
  llvm::Function* function =
      llvm::Function::Create(llvm::FunctionType::get(i64, {pointer, i64, i64}, false),
                             llvm::Function::ExternalLinkage, name, module);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  NestEmitter(nest, target, function).emit_kernel(partition(nest, target));
}

}  // namespace ndl::codegen
