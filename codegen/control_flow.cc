#include "codegen/control_flow.h"

namespace ndl::codegen {

llvm::Value* add64(llvm::Value* a, llvm::Value* b) {
  const llvm::ConstantInt* x = as_constant(a);
  const llvm::ConstantInt* y = as_constant(b);
  if (x != nullptr && x->isZero()) return b;
  if (y != nullptr && y->isZero()) return a;
  return emit().CreateAdd(a, b, "", false, true);
}

llvm::Value* mul64(llvm::Value* a, std::int64_t b) {
  if (b == 1) return a;
  if (b == 0) return int64(0);
  return emit().CreateMul(a, int64(b), "", false, true);
}

llvm::BasicBlock* new_block(const char* name) {
  llvm::Function* function = emit().GetInsertBlock()->getParent();
  return llvm::BasicBlock::Create(function->getContext(), name, function);
}

llvm::Value* stack_memory(std::int64_t bytes, bool is_zeroed) {
  llvm::BasicBlock& entry = emit().GetInsertBlock()->getParent()->getEntryBlock();
  llvm::IRBuilder<> b(&entry, entry.getFirstInsertionPt());
  llvm::AllocaInst* memory =
      b.CreateAlloca(llvm::ArrayType::get(b.getInt8Ty(), static_cast<std::uint64_t>(bytes)));
  memory->setAlignment(llvm::Align(64));
  if (is_zeroed)
    b.CreateMemSet(memory, b.getInt8(0), static_cast<std::uint64_t>(bytes), llvm::Align(64));
  return memory;
}

}  // namespace ndl::codegen
