// Loops and stack memory in LLVM IR. Internal to codegen.
#pragma once

#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>

#include <cstdint>
#include <vector>

#include "codegen/lane.h"

namespace ndl::codegen {

using Values = std::vector<llvm::Value*>;

inline llvm::Value* int64(std::int64_t value) {
  return emit().getInt64(static_cast<std::uint64_t>(value));
}
// The value of an i64 constant, or nothing.
inline const llvm::ConstantInt* as_constant(llvm::Value* value) {
  return llvm::dyn_cast<llvm::ConstantInt>(value);
}

// a + b and a * b on i64, without code for neutral constants.
llvm::Value* add64(llvm::Value* a, llvm::Value* b);
llvm::Value* mul64(llvm::Value* a, std::int64_t b);

llvm::BasicBlock* new_block(const char* name);

// for (i = begin; i < end; i += step) carried = body(i, carried); returns the last `carried`.
// At least one iteration is made if `runs` says so. A loop known to have one is no loop.
template <class F>
Values emit_loop(llvm::Value* begin, llvm::Value* end, std::int64_t step, bool runs, Values carried,
                 F&& body) {
  llvm::IRBuilder<>& b = emit();
  const llvm::ConstantInt* first = as_constant(begin);
  const llvm::ConstantInt* last = as_constant(end);
  if (first != nullptr && last != nullptr) {
    const std::int64_t extent = last->getSExtValue() - first->getSExtValue();
    if (extent <= 0) return carried;
    if (extent <= step) return body(begin, std::move(carried));
    runs = true;
  }
  llvm::BasicBlock* before = b.GetInsertBlock();
  llvm::BasicBlock* loop = new_block("loop");
  llvm::BasicBlock* done = new_block("done");
  if (runs) {
    b.CreateBr(loop);
  } else {
    b.CreateCondBr(b.CreateICmpSLT(begin, end), loop, done);
  }
  b.SetInsertPoint(loop);
  llvm::PHINode* index = b.CreatePHI(b.getInt64Ty(), 2);
  index->addIncoming(begin, before);
  std::vector<llvm::PHINode*> phis;
  Values inside;
  for (llvm::Value* value : carried) {
    phis.push_back(b.CreatePHI(value->getType(), 2));
    phis.back()->addIncoming(value, before);
    inside.push_back(phis.back());
  }
  const Values next = body(static_cast<llvm::Value*>(index), std::move(inside));
  llvm::BasicBlock* latch = b.GetInsertBlock();
  llvm::Value* next_index = b.CreateAdd(index, int64(step), "", true, true);
  index->addIncoming(next_index, latch);
  for (std::size_t i = 0; i < phis.size(); ++i) phis[i]->addIncoming(next[i], latch);
  b.CreateCondBr(b.CreateICmpSLT(next_index, end), loop, done);
  b.SetInsertPoint(done);
  if (runs) return next;
  Values result;
  for (std::size_t i = 0; i < carried.size(); ++i) {
    llvm::PHINode* merged = b.CreatePHI(carried[i]->getType(), 2);
    merged->addIncoming(carried[i], before);
    merged->addIncoming(next[i], latch);
    result.push_back(merged);
  }
  return result;
}

// if (condition) then();
template <class F>
void emit_if(llvm::Value* condition, F&& then) {
  llvm::IRBuilder<>& b = emit();
  llvm::BasicBlock* yes = new_block("then");
  llvm::BasicBlock* done = new_block("endif");
  b.CreateCondBr(condition, yes, done);
  b.SetInsertPoint(yes);
  then();
  b.CreateBr(done);
  b.SetInsertPoint(done);
}

// condition ? then() : otherwise(), without a condition the latter.
template <class F, class G>
Values emit_choice(llvm::Value* condition, F&& then, G&& otherwise) {
  if (condition == nullptr) return otherwise();
  llvm::IRBuilder<>& b = emit();
  llvm::BasicBlock* yes = new_block("then");
  llvm::BasicBlock* no = new_block("else");
  llvm::BasicBlock* done = new_block("endif");
  b.CreateCondBr(condition, yes, no);
  b.SetInsertPoint(yes);
  const Values first = then();
  yes = b.GetInsertBlock();
  b.CreateBr(done);
  b.SetInsertPoint(no);
  const Values second = otherwise();
  no = b.GetInsertBlock();
  b.CreateBr(done);
  b.SetInsertPoint(done);
  Values result;
  for (std::size_t i = 0; i < first.size(); ++i) {
    llvm::PHINode* merged = b.CreatePHI(first[i]->getType(), 2);
    merged->addIncoming(first[i], yes);
    merged->addIncoming(second[i], no);
    result.push_back(merged);
  }
  return result;
}

// `bytes` of stack memory, aligned to 64; and zeroed when the function begins, if it says so.
llvm::Value* stack_memory(std::int64_t bytes, bool is_zeroed = true);

}  // namespace ndl::codegen
