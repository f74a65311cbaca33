// Functions over lanes, compiled and run over whole arrays: for tests of what emits lanes.
//
//   LaneFunctions functions(target);
//   functions.add("twice", {{DType::kF32}}, DType::kF32, 8, [](auto v) { return ...; });
//   const auto code = functions.compile();
//   const ir::Literal out = run_lanes(*code, "twice", {{in}}, DType::kF32);
#pragma once

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Value.h>

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/dtype.h"
#include "codegen/jit.h"
#include "codegen/target.h"
#include "ir/literal.h"

namespace ndl::codegen {

class LaneFunctions {
 public:
  explicit LaneFunctions(Target target);

  // The lanes of the result from those of the operands, inside a LaneScope.
  using Body = std::function<llvm::Value*(std::span<llvm::Value* const>)>;

  // Adds result[i] = body(operands[0][i], operands[1][i], ...), `width` elements at a time.
  void add(const std::string& name, std::span<const DType> operands, DType result, unsigned width,
           const Body& body);

  // Adds E name(E, ...), E being float or double: one lane of body() on vectors of `width`.
  void add_scalar(const std::string& name, DType dtype, unsigned operand_count, unsigned width,
                  const Body& body);

  // What has been added as a relocatable object file.
  std::string object() const;

  // What has been added as code that runs here; this is empty afterwards.
  std::unique_ptr<MachineCode> compile();

 private:
  Target target_;
  std::unique_ptr<llvm::LLVMContext> context_;
  std::unique_ptr<llvm::Module> module_;
};

// The function of that name over all elements of the operands. Their number, which they share, is a
// multiple of the function's width.
ir::Literal run_lanes(const MachineCode& code, const std::string& name,
                      std::span<const ir::Literal> operands, DType result);

}  // namespace ndl::codegen
