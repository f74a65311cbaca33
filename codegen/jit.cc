#include "codegen/jit.h"

#include <fmt/format.h>
#include <llvm/ADT/SmallString.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Target/TargetOptions.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/Triple.h>

#include <atomic>
#include <cstring>

#include "base/error.h"

namespace ndl::codegen {
namespace {

// The value, or a CompileError with LLVM's message.
template <class T>
T take(llvm::Expected<T> expected, std::string_view what) {
  if (expected) return static_cast<T&&>(*expected);
  throw_error<CompileError>("{}: {}", what, llvm::toString(expected.takeError()));
}

void check(llvm::Error error, std::string_view what) {
  if (error) throw_error<CompileError>("{}: {}", what, llvm::toString(std::move(error)));
}

// What LLVM does once for a process. Some passes of code generation cost much and gain nothing on
// kernels, whose loops and addresses are emitted as they should be; LLVM's options are global.
void initialize_llvm() {
  static const bool done = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    auto& options = llvm::cl::getRegisteredOptions();
    for (const char* name : {"disable-lsr", "disable-cgp", "disable-post-ra"}) {
      const auto it = options.find(name);
      if (it != options.end()) static_cast<llvm::cl::opt<bool>*>(it->second)->setValue(true);
    }
    return true;
  }();
  NDL_CHECK(done);
}

std::unique_ptr<llvm::TargetMachine> make_target_machine(const Target& target) {
  initialize_llvm();
  const llvm::Triple triple(llvm::sys::getProcessTriple());
  std::string problem;
  const llvm::Target* llvm_target = llvm::TargetRegistry::lookupTarget(triple, problem);
  if (llvm_target == nullptr) throw_error<CompileError>("{}", problem);
  std::unique_ptr<llvm::TargetMachine> machine(llvm_target->createTargetMachine(
      triple, target.cpu, fmt::format("{}", fmt::join(target.features, ",")), {}, llvm::Reloc::PIC_,
      llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default, true));
  NDL_CHECK(machine != nullptr, "{}", target.cpu);
  return machine;
}

std::string emit_file(llvm::Module& module, const Target& target, llvm::CodeGenFileType type) {
  std::string problems;
  llvm::raw_string_ostream stream(problems);
  NDL_CHECK(!llvm::verifyModule(module, &stream), "{}", problems);
  const std::unique_ptr<llvm::TargetMachine> machine = make_target_machine(target);
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream output(bytes);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, output, nullptr, type)) {
    throw_error<CompileError>("{} has no code of this kind", target.name);
  }
  passes.run(module);
  return std::string(bytes);
}

// One for the process: making it costs as much as a kernel.
llvm::orc::LLJIT& linker() {
  static const std::unique_ptr<llvm::orc::LLJIT> jit = [] {
    initialize_llvm();
    return take(llvm::orc::LLJITBuilder()
                    .setPlatformSetUp(llvm::orc::setUpInactivePlatform)
                    .setLinkProcessSymbolsByDefault(false)
                    .create(),
                "creating the JIT");
  }();
  return *jit;
}

// All that kernels may import: what LLVM makes of copies and fills.
void define_imports(llvm::orc::JITDylib& library) {
  llvm::orc::SymbolMap symbols;
  const auto add = [&](const char* name, auto* function) {
    symbols[linker().mangleAndIntern(name)] = {llvm::orc::ExecutorAddr::fromPtr(function),
                                               llvm::JITSymbolFlags::Exported};
  };
  add("memcpy", static_cast<void* (*)(void*, const void*, std::size_t)>(&std::memcpy));
  add("memmove", static_cast<void* (*)(void*, const void*, std::size_t)>(&std::memmove));
  add("memset", static_cast<void* (*)(void*, int, std::size_t)>(&std::memset));
  check(library.define(llvm::orc::absoluteSymbols(std::move(symbols))), "defining imports");
}

class LinkedCode : public MachineCode {
 public:
  explicit LinkedCode(llvm::orc::JITDylib& library) : library_(library) {}
  ~LinkedCode() override {
    // An error here means that it is gone already.
    llvm::consumeError(linker().getExecutionSession().removeJITDylib(library_));
  }
  LinkedCode(const LinkedCode&) = delete;
  LinkedCode& operator=(const LinkedCode&) = delete;

  void* function(const std::string& name) const override {
    auto address = linker().lookup(library_, name);
    if (!address) {
      const std::string message = llvm::toString(address.takeError());
      NDL_CHECK(false, "function '{}': {}", name, message);
    }
    return address->toPtr<void*>();
  }

 private:
  llvm::orc::JITDylib& library_;
};

}  // namespace

std::unique_ptr<llvm::Module> make_module(llvm::LLVMContext& context, const std::string& name,
                                          const Target& target) {
  auto module = std::make_unique<llvm::Module>(name, context);
  module->setTargetTriple(llvm::Triple(llvm::sys::getProcessTriple()));
  module->setDataLayout(make_target_machine(target)->createDataLayout());
  return module;
}

std::string emit_object(llvm::Module& module, const Target& target) {
  return emit_file(module, target, llvm::CodeGenFileType::ObjectFile);
}

std::string emit_assembly(llvm::Module& module, const Target& target) {
  return emit_file(module, target, llvm::CodeGenFileType::AssemblyFile);
}

std::unique_ptr<MachineCode> compile(std::unique_ptr<llvm::LLVMContext> context,
                                     std::unique_ptr<llvm::Module> module, const Target& target) {
  const std::string object = emit_object(*module, target);
  module.reset();
  context.reset();
  static std::atomic<std::uint64_t> libraries{0};
  llvm::orc::LLJIT& jit = linker();
  llvm::orc::JITDylib& library = take(
      jit.createJITDylib(fmt::format("kernels{}", libraries.fetch_add(1))), "creating a library");
  auto code = std::make_unique<LinkedCode>(library);
  define_imports(library);
  check(jit.addObjectFile(library, llvm::MemoryBuffer::getMemBufferCopy(object, "kernels")),
        "adding an object");
  return code;
}

}  // namespace ndl::codegen
