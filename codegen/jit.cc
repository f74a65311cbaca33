#include "codegen/jit.h"

#include <llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/ExecutionEngine/Orc/ThreadSafeModule.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/TargetParser/Triple.h>

#include "base/error.h"

namespace ndl::codegen {
namespace {

// The value, or a CompileError with LLVM's message.
template <class T>
T take(llvm::Expected<T> expected, std::string_view what) {
  if (expected) return std::move(*expected);
  throw_error<CompileError>("{}: {}", what, llvm::toString(expected.takeError()));
}

void check(llvm::Error error, std::string_view what) {
  if (error) throw_error<CompileError>("{}: {}", what, llvm::toString(std::move(error)));
}

class LljitCode : public MachineCode {
 public:
  explicit LljitCode(std::unique_ptr<llvm::orc::LLJIT> jit) : jit_(std::move(jit)) {}

  void* function(const std::string& name) const override {
    auto address = jit_->lookup(name);
    if (!address) {
      const std::string message = llvm::toString(address.takeError());
      NDL_CHECK(false, "function '{}': {}", name, message);
    }
    return address->toPtr<void*>();
  }

 private:
  std::unique_ptr<llvm::orc::LLJIT> jit_;
};

}  // namespace

std::unique_ptr<MachineCode> compile(std::unique_ptr<llvm::LLVMContext> context,
                                     std::unique_ptr<llvm::Module> module, const Target& target) {
  static const bool initialized = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    return true;
  }();
  NDL_CHECK(initialized);

  std::string problems;
  llvm::raw_string_ostream stream(problems);
  NDL_CHECK(!llvm::verifyModule(*module, &stream), "{}", problems);

  llvm::orc::JITTargetMachineBuilder machine{llvm::Triple(module->getTargetTriple())};
  machine.setCPU(target.cpu);
  machine.addFeatures(target.features);
  machine.setCodeGenOptLevel(llvm::CodeGenOptLevel::Default);
  auto jit = take(llvm::orc::LLJITBuilder()
                      .setJITTargetMachineBuilder(std::move(machine))
                      .setPlatformSetUp(llvm::orc::setUpInactivePlatform)
                      .setLinkProcessSymbolsByDefault(false)
                      .create(),
                  "creating the JIT");
  module->setDataLayout(jit->getDataLayout());
  check(jit->addIRModule(llvm::orc::ThreadSafeModule(std::move(module), std::move(context))),
        "adding a module");
  return std::make_unique<LljitCode>(std::move(jit));
}

}  // namespace ndl::codegen
