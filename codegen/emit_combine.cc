#include "codegen/emit_combine.h"

#include "codegen/lane.h"
#include "ir/reduction.h"

namespace ndl::codegen {

llvm::Value* emit_combine(ir::ReduceKind kind, DType accumulator, llvm::Value* a, llvm::Value* b) {
  llvm::Value* result = nullptr;
  ir::visit_reduction(kind, accumulator, [&]<ir::ReduceKind kKind, class A>() {
    result = ir::combine<kKind>(Lane<A>(a), Lane<A>(b)).value;
  });
  return result;
}

llvm::Value* emit_neutral(ir::ReduceKind kind, DType accumulator) {
  llvm::Value* result = nullptr;
  ir::visit_reduction(kind, accumulator, [&]<ir::ReduceKind kKind, class A>() {
    result = ir::neutral_element<kKind, Lane<A>>().value;
  });
  return result;
}

llvm::Value* emit_empty(ir::ReduceKind kind, DType accumulator) {
  llvm::Value* result = nullptr;
  ir::visit_reduction(kind, accumulator, [&]<ir::ReduceKind kKind, class A>() {
    result = ir::empty_reduction<kKind, Lane<A>>().value;
  });
  return result;
}

}  // namespace ndl::codegen
