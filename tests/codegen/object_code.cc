#include "tests/codegen/object_code.h"

#include <llvm/ADT/ArrayRef.h>
#include <llvm/ADT/StringRef.h>
#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCDisassembler/MCDisassembler.h>
#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstPrinter.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/MCTargetOptions.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Object/ObjectFile.h>
#include <llvm/Support/MemoryBufferRef.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/TargetParser/Triple.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "base/error.h"

namespace ndl::codegen {
namespace {

std::unique_ptr<llvm::object::ObjectFile> opened(const std::string& object) {
  return llvm::cantFail(
      llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object, "object")));
}

// Whether the encoding is one that came after SSE2: VEX, EVEX and XOP by their first byte, SSSE3 to
// SSE4.2 and others by the opcode maps 0F38 and 0F3A, some by their opcode.
bool is_beyond_sse2(llvm::ArrayRef<std::uint8_t> code) {
  const auto is_prefix = [](std::uint8_t byte) {
    constexpr std::array<std::uint8_t, 11> kLegacy = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
                                                      0x66, 0x67, 0xf0, 0xf2, 0xf3};
    return std::ranges::find(kLegacy, byte) != kLegacy.end();
  };
  bool repeats = false;    // f3
  bool is_packed = false;  // 66
  bool is_repne = false;   // f2
  std::size_t i = 0;
  for (; i < code.size() && is_prefix(code[i]); ++i) {
    repeats |= code[i] == 0xf3;
    is_packed |= code[i] == 0x66;
    is_repne |= code[i] == 0xf2;
  }
  const auto byte = [&](std::size_t at) { return at < code.size() ? code[at] : 0; };
  if (byte(i) == 0xc4 || byte(i) == 0xc5 || byte(i) == 0x62) return true;
  if (byte(i) == 0x8f && (byte(i + 1) & 0x1f) >= 8) return true;
  if ((byte(i) & 0xf0) == 0x40) ++i;  // REX
  if (byte(i) != 0x0f) return false;
  switch (byte(i + 1)) {
    case 0x38:
    case 0x3a:
      return true;
    case 0xb8:  // popcnt
    case 0xbd:  // lzcnt
      return repeats;
    case 0x12:  // movsldup, movddup
      return repeats || is_repne;
    case 0x16:  // movshdup
      return repeats;
    case 0x7c:  // haddpd, haddps
    case 0x7d:
    case 0xd0:  // addsubpd, addsubps
      return is_packed || is_repne;
    case 0xf0:  // lddqu
      return is_repne;
    default:
      return false;
  }
}

}  // namespace

std::vector<std::string> undefined_symbols(const std::string& object) {
  const auto file = opened(object);
  std::vector<std::string> names;
  for (const llvm::object::SymbolRef& symbol : file->symbols()) {
    if ((llvm::cantFail(symbol.getFlags()) & llvm::object::SymbolRef::SF_Undefined) == 0) continue;
    const std::string name = llvm::cantFail(symbol.getName()).str();
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

std::vector<std::string> instructions_beyond_sse2(const std::string& object) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  llvm::InitializeNativeTargetDisassembler();
  const auto file = opened(object);
  const llvm::Triple triple = file->makeTriple();
  std::string problem;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, problem);
  NDL_CHECK(target != nullptr, "{}", problem);
  // Everything that can be decoded at all is, so that what is found can be shown.
  const std::unique_ptr<llvm::MCRegisterInfo> registers(target->createMCRegInfo(triple));
  const llvm::MCTargetOptions options;
  const std::unique_ptr<llvm::MCAsmInfo> syntax(
      target->createMCAsmInfo(*registers, triple, options));
  const std::unique_ptr<llvm::MCSubtargetInfo> cpu(
      target->createMCSubtargetInfo(triple, "x86-64", ""));
  const std::unique_ptr<llvm::MCInstrInfo> instructions(target->createMCInstrInfo());
  llvm::MCContext context(triple, syntax.get(), registers.get(), cpu.get());
  const std::unique_ptr<llvm::MCDisassembler> disassembler(
      target->createMCDisassembler(*cpu, context));
  const std::unique_ptr<llvm::MCInstPrinter> printer(
      target->createMCInstPrinter(triple, 0, *syntax, *instructions, *registers));

  std::vector<std::string> found;
  for (const llvm::object::SectionRef& section : file->sections()) {
    if (!section.isText()) continue;
    const llvm::StringRef contents = llvm::cantFail(section.getContents());
    llvm::ArrayRef<std::uint8_t> code(contents.bytes_begin(), contents.size());
    while (!code.empty()) {
      llvm::MCInst instruction;
      std::uint64_t size = 0;
      const auto status = disassembler->getInstruction(instruction, size, code, 0, llvm::nulls());
      if (status != llvm::MCDisassembler::Success) {
        found.push_back("bytes that are no instruction");
        break;
      }
      if (is_beyond_sse2(code.take_front(size))) {
        std::string text;
        llvm::raw_string_ostream stream(text);
        printer->printInst(&instruction, 0, "", *cpu, stream);
        found.push_back(text);
      }
      code = code.drop_front(size);
    }
  }
  return found;
}

}  // namespace ndl::codegen
