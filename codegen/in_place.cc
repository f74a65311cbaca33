#include "codegen/in_place.h"

#include <algorithm>

namespace ndl::codegen {
namespace {

struct Place {
  std::size_t phase;
  const IndexExpr* index;
};

// The only write to a buffer; without an index if there are several.
Place only_write(const LoopNest& nest, std::size_t buffer) {
  Place found{0, nullptr};
  for (std::size_t phase = 0; phase < nest.phases.size(); ++phase) {
    for (const Write& write : nest.phases[phase].writes) {
      if (static_cast<std::size_t>(write.buffer) != buffer) continue;
      if (found.index != nullptr) return {};
      found = {phase, &write.index};
    }
  }
  return found;
}

// Whether each phase reads of the buffer what `target` writes at the same point of the outer loops.
bool reads_only(const LoopNest& nest, std::size_t buffer, const Place& target) {
  for (std::size_t number = 0; number < nest.phases.size(); ++number) {
    const Phase& phase = nest.phases[number];
    const bool may_read = number == target.phase ||
                          (number < target.phase && phase.loops == nest.phases[target.phase].loops);
    for (const Local local : phase.code) {
      const Instruction& x = nest.instructions[static_cast<std::size_t>(local)];
      const bool is_read =
          x.kind == InstructionKind::kRead && static_cast<std::size_t>(x.buffer) == buffer;
      if (is_read && !(may_read && x.index == *target.index)) return false;
    }
  }
  return true;
}

}  // namespace

bool may_write_over(const LoopNest& nest, std::span<const std::int32_t> buffers,
                    std::size_t written, std::int32_t read) {
  const Place target = only_write(nest, written);
  if (target.index == nullptr || !target.index->terms.empty()) return false;
  // One buffer may be several of the kernel's: a reshape is another name for the same memory.
  for (std::size_t k = 0; k < buffers.size(); ++k) {
    if (buffers[k] != read) continue;
    const KernelBuffer& buffer = nest.buffers[k];
    if (buffer.is_written || buffer.elements != nest.buffers[written].elements ||
        size_of(buffer.dtype) != size_of(nest.buffers[written].dtype) ||
        !reads_only(nest, k, target)) {
      return false;
    }
  }
  return true;
}

}  // namespace ndl::codegen
