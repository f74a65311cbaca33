#include "codegen/loop_parts.h"

#include <algorithm>
#include <set>

namespace ndl::codegen {
namespace {

// Each part has code of its own.
constexpr std::size_t kMostParts = 16;
constexpr std::size_t kMostInstructions = 2048;

bool depends_on_alone(const Guard& guard, std::size_t loop) {
  return only_loop(guard.index) == loop;
}

// The first index at which base + coefficient * index has come to the other side of `bound`: is at
// least it, or for a negative coefficient below it.
std::int64_t first_beyond(const IndexExpr& index, std::size_t loop, std::int64_t bound) {
  const std::int64_t coefficient = index.coefficient(loop);
  const std::int64_t distance = bound - index.base;
  return coefficient > 0 ? floor_of_quotient(distance - 1, coefficient) + 1
                         : floor_of_quotient(-distance, -coefficient) + 1;
}

}  // namespace

std::vector<LoopPart> parts_of_loop(const LoopNest& nest, std::span<const Phase> phases,
                                    std::size_t loop, std::int64_t extent, std::size_t copies) {
  std::set<std::int64_t> ends = {extent};
  std::size_t instructions = 0;
  for (const Phase& phase : phases) {
    instructions += phase.code.size();
    for (const Local local : phase.code) {
      for (const Guard& guard : nest.instructions[static_cast<std::size_t>(local)].guards) {
        if (!depends_on_alone(guard, loop)) continue;
        for (const std::int64_t bound : {guard.low, guard.high}) {
          const std::int64_t seam = first_beyond(guard.index, loop, bound);
          if (seam > 0 && seam < extent) ends.insert(seam);
        }
      }
    }
  }
  if (ends.size() > kMostParts || ends.size() * instructions * copies > kMostInstructions) {
    return {{loop, 0, extent}};
  }
  std::vector<LoopPart> parts;
  for (const std::int64_t end : ends)
    parts.push_back({loop, parts.empty() ? 0 : parts.back().end, end});
  return parts;
}

bool chooses_along(const LoopNest& nest, std::size_t loop) {
  return std::ranges::any_of(nest.instructions, [&](const Instruction& x) {
    return x.kind == InstructionKind::kInside &&
           std::ranges::any_of(x.guards,
                               [&](const Guard& guard) { return depends_on_alone(guard, loop); });
  });
}

std::optional<bool> holds_in(const Guard& guard, const LoopPart& part) {
  if (!depends_on_alone(guard, part.loop)) return std::nullopt;
  const auto place = [&](std::int64_t index) {
    const std::int64_t value = guard.index.base + guard.index.coefficient(part.loop) * index;
    return value < guard.low ? -1 : value < guard.high ? 0 : 1;
  };
  const int first = place(part.begin);
  return first == place(part.end - 1) ? std::optional(first == 0) : std::nullopt;
}

}  // namespace ndl::codegen
