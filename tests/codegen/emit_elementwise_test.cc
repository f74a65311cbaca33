// What lanes compute is what the interpreter computes: every elementwise op on every dtype, bit for
// bit (all NaNs equal), on every target that fuses multiply and add.
#include "codegen/emit_elementwise.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <llvm/TargetParser/Host.h>

#include <algorithm>
#include <map>

#include "base/hash.h"
#include "codegen/jit.h"
#include "codegen/lane.h"
#include "codegen/memory.h"
#include "ir/builder.h"
#include "ir/interpreter.h"
#include "tests/same_results.h"

namespace ndl::codegen {
namespace {

constexpr std::int64_t kElements = 1 << 14;  // a multiple of every width

using Function = void (*)(const void* a, const void* b, const void* c, void* out);

std::string function_name(const ir::OpDef& def, DType dtype) {
  return fmt::format("{}.{}", def.name, name_of(dtype));
}

// The dtype of an operand when the op's dtype is `dtype`.
DType operand_dtype(const ir::OpDef& def, std::size_t index, DType dtype) {
  return def.kind == ir::ElementwiseKind::kSelect && index == 0 ? DType::kBool : dtype;
}

DType result_dtype(const ir::OpDef& def, DType dtype) {
  const bool to_bool =
      def.kind == ir::ElementwiseKind::kPredicate || def.kind == ir::ElementwiseKind::kCompare;
  return to_bool ? DType::kBool : dtype;
}

// for (i = 0; i < kElements; i += width) out[i...] = op(a[i...], b[i...], c[i...])
void emit_function(llvm::Module& module, const ir::OpDef& def, DType dtype, const Target& target) {
  llvm::LLVMContext& context = module.getContext();
  llvm::IRBuilder<> b(context);
  llvm::Type* pointer = b.getPtrTy();
  llvm::Function* function = llvm::Function::Create(
      llvm::FunctionType::get(b.getVoidTy(), {pointer, pointer, pointer, pointer}, false),
      llvm::Function::ExternalLinkage, function_name(def, dtype), module);
  llvm::BasicBlock* entry = llvm::BasicBlock::Create(context, "entry", function);
  llvm::BasicBlock* loop = llvm::BasicBlock::Create(context, "loop", function);
  llvm::BasicBlock* exit = llvm::BasicBlock::Create(context, "exit", function);
  b.SetInsertPoint(entry);
  b.CreateBr(loop);
  b.SetInsertPoint(loop);
  llvm::PHINode* index = b.CreatePHI(b.getInt64Ty(), 2);
  index->addIncoming(b.getInt64(0), entry);

  const auto width = static_cast<unsigned>(target.vector_bytes / 4);
  const LaneScope scope(b, width, target.has_fma);
  const auto address = [&](unsigned argument, DType element) {
    llvm::Value* offset = b.CreateMul(index, b.getInt64(size_of(element)));
    return b.CreatePtrAdd(function->getArg(argument), offset);
  };
  std::vector<llvm::Value*> operands;
  for (unsigned i = 0; i < def.operands.size(); ++i) {
    const DType element = operand_dtype(def, i, dtype);
    operands.push_back(load_lanes(element, address(i, element)));
  }
  llvm::Value* value = emit_elementwise(def.op, dtype, operands);
  store_lanes(result_dtype(def, dtype), value, address(3, result_dtype(def, dtype)));

  llvm::Value* next = b.CreateAdd(index, b.getInt64(width));
  index->addIncoming(next, b.GetInsertBlock());
  b.CreateCondBr(b.CreateICmpULT(next, b.getInt64(kElements)), loop, exit);
  b.SetInsertPoint(exit);
  b.CreateRetVoid();
}

std::unique_ptr<MachineCode> compile_op(const ir::OpDef& def, const Target& target) {
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = std::make_unique<llvm::Module>("ops", *context);
  module->setTargetTriple(llvm::Triple(llvm::sys::getProcessTriple()));
  for (int i = 0; i < kDTypeCount; ++i) {
    const DType dtype = static_cast<DType>(i);
    if (def.dtypes.contains(dtype)) emit_function(*module, def, dtype, target);
  }
  return compile(std::move(context), std::move(module), target);
}

// Inputs of every magnitude: all patterns of bits alike, and special values.
ir::Literal any_bits(const ir::TensorType& type, std::uint64_t seed) {
  ir::Literal literal = test::random_literal(type, seed);
  if (type.dtype == DType::kBool) return literal;
  const std::size_t width = size_of(type.dtype);
  for (std::int64_t i = 0; i < literal.size(); i += 2) {
    const std::uint64_t bits = mix_bits(seed ^ static_cast<std::uint64_t>(i) << 20);
    std::memcpy(literal.bytes() + static_cast<std::size_t>(i) * width, &bits, width);
  }
  return literal;
}

struct Case {
  const ir::OpDef* def;
  std::string target;
};

class EmitElementwise : public testing::TestWithParam<Case> {};

TEST_P(EmitElementwise, ComputesTheInterpretersBits) {
  const ir::OpDef& def = *GetParam().def;
  const std::unique_ptr<MachineCode> code = compile_op(def, target_named(GetParam().target));
  for (int i = 0; i < kDTypeCount; ++i) {
    const DType dtype = static_cast<DType>(i);
    if (!def.dtypes.contains(dtype)) continue;
    std::vector<ir::Literal> operands;
    const void* pointers[3] = {};
    for (std::size_t k = 0; k < def.operands.size(); ++k) {
      operands.push_back(any_bits({operand_dtype(def, k, dtype), {kElements}}, 100 * k + 7));
      pointers[k] = operands.back().bytes();
    }
    const ir::TensorType result{result_dtype(def, dtype), {kElements}};
    const ir::Literal want = ir::evaluate_node(def.op, {}, result, operands).front();
    ir::Literal got = ir::Literal::uninitialized(result);
    const auto function = reinterpret_cast<Function>(code->function(function_name(def, dtype)));
    function(pointers[0], pointers[1], pointers[2], got.bytes());
    for (std::int64_t k = 0; k < kElements; ++k) {
      ASSERT_TRUE(test::same_element(got, want, k))
          << function_name(def, dtype) << " of " << operands[0].as_double(k) << ", "
          << operands.back().as_double(k) << ": " << got.as_double(k) << ", not "
          << want.as_double(k);
    }
  }
}

std::vector<Case> cases() {
  std::vector<Case> cases;
  for (const ir::OpDef& def : ir::all_ops()) {
    if (!def.is_elementwise()) continue;
    for (const char* target : {"native", "x86-64-v3"}) cases.push_back({&def, target});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Ops, EmitElementwise, testing::ValuesIn(cases()), [](const auto& info) {
  std::string name = fmt::format("{}_{}", info.param.def->name, info.param.target);
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(Target, NamesAreChecked) {
  EXPECT_THROW(target_named("pentium"), UsageError);
  EXPECT_EQ(target_named("x86-64").vector_bytes, 16);
  EXPECT_FALSE(target_named("x86-64").has_fma);
  EXPECT_EQ(target_names().front(), "native");
}

}  // namespace
}  // namespace ndl::codegen
