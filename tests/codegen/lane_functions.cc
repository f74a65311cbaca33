#include "tests/codegen/lane_functions.h"

#include <llvm/ADT/SmallVector.h>
#include <llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <utility>
#include <vector>

#include "base/error.h"
#include "codegen/lane.h"
#include "codegen/memory.h"

namespace ndl::codegen {

LaneFunctions::LaneFunctions(Target target)
    : target_(std::move(target)),
      context_(std::make_unique<llvm::LLVMContext>()),
      module_(make_module(*context_, "lanes", target_)) {}

void LaneFunctions::add(const std::string& name, std::span<const DType> operands, DType result,
                        unsigned width, const Body& body) {
  llvm::IRBuilder<> b(*context_);
  llvm::Type* pointer = b.getPtrTy();
  llvm::Function* function = llvm::Function::Create(
      llvm::FunctionType::get(b.getVoidTy(), {pointer, pointer, b.getInt64Ty()}, false),
      llvm::Function::ExternalLinkage, name, *module_);
  llvm::BasicBlock* entry = llvm::BasicBlock::Create(*context_, "entry", function);
  llvm::BasicBlock* loop = llvm::BasicBlock::Create(*context_, "loop", function);
  llvm::BasicBlock* exit = llvm::BasicBlock::Create(*context_, "exit", function);

  b.SetInsertPoint(entry);
  std::vector<llvm::Value*> arrays;
  for (unsigned i = 0; i < operands.size(); ++i) {
    arrays.push_back(
        b.CreateLoad(pointer, b.CreateConstInBoundsGEP1_64(pointer, function->getArg(0), i)));
  }
  b.CreateBr(loop);

  b.SetInsertPoint(loop);
  llvm::PHINode* index = b.CreatePHI(b.getInt64Ty(), 2);
  index->addIncoming(b.getInt64(0), entry);
  const auto element = [&](llvm::Value* array, DType dtype) {
    return b.CreatePtrAdd(array, b.CreateMul(index, b.getInt64(size_of(dtype))));
  };
  const LaneScope scope(b, width, target_.has_fma);
  std::vector<llvm::Value*> lanes;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    lanes.push_back(load_lanes(operands[i], element(arrays[i], operands[i])));
  }
  store_lanes(result, body(lanes), element(function->getArg(1), result));
  llvm::Value* next = b.CreateAdd(index, b.getInt64(width));
  index->addIncoming(next, b.GetInsertBlock());
  b.CreateCondBr(b.CreateICmpULT(next, function->getArg(2)), loop, exit);

  b.SetInsertPoint(exit);
  b.CreateRetVoid();
}

void LaneFunctions::add_scalar(const std::string& name, DType dtype, unsigned operand_count,
                               unsigned width, const Body& body) {
  llvm::IRBuilder<> b(*context_);
  llvm::Type* type = dtype == DType::kF32 ? b.getFloatTy() : b.getDoubleTy();
  llvm::Function* function = llvm::Function::Create(
      llvm::FunctionType::get(type, std::vector<llvm::Type*>(operand_count, type), false),
      llvm::Function::ExternalLinkage, name, *module_);
  b.SetInsertPoint(llvm::BasicBlock::Create(*context_, "entry", function));
  const LaneScope scope(b, width, target_.has_fma);
  std::vector<llvm::Value*> lanes;
  for (llvm::Argument& argument : function->args()) {
    lanes.push_back(b.CreateVectorSplat(width, &argument));
  }
  b.CreateRet(b.CreateExtractElement(body(lanes), width - 1));
}

std::string LaneFunctions::object() const {
  const std::unique_ptr<llvm::Module> module = llvm::CloneModule(*module_);
  return emit_object(*module, target_);
}

std::unique_ptr<MachineCode> LaneFunctions::compile() {
  return codegen::compile(std::move(context_), std::move(module_), target_);
}

ir::Literal run_lanes(const MachineCode& code, const std::string& name,
                      std::span<const ir::Literal> operands, DType result) {
  std::vector<const void*> arrays;
  for (const ir::Literal& operand : operands) arrays.push_back(operand.bytes());
  const std::int64_t count = operands.front().size();
  ir::Literal out = ir::Literal::uninitialized({result, {count}});
  const auto function =
      reinterpret_cast<void (*)(const void* const*, void*, std::int64_t)>(code.function(name));
  function(arrays.data(), out.bytes(), count);
  return out;
}

}  // namespace ndl::codegen
