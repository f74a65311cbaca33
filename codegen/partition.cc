#include "codegen/partition.h"

#include <algorithm>

#include "base/checked.h"

namespace ndl::codegen {
namespace {

// Elements through one simple vector operation in a microsecond.
constexpr std::int64_t kElementsPerMicrosecond = 16384;
// A chunk is a multiple of this, which every number of lanes divides.
constexpr std::int64_t kChunkUnit = 1024;
// Indices that read across memory together: a line of f32, and few enough lines for one set of the
// first cache.
constexpr std::int64_t kStridedChunk = 16;
// Enough rows for threads to share them evenly.
constexpr std::int64_t kEnoughRows = 64;

std::int64_t cost(const Instruction& x) {
  switch (x.kind) {
    case InstructionKind::kConstant:
    case InstructionKind::kReduced:
      return 0;
    case InstructionKind::kRandom:
      return 64;
    case InstructionKind::kOp:
      // A leaf function is some dozens of operations.
      return ir::op_def(x.op).dtypes == kFloats ? 16 : 1;
    default:
      return 1;
  }
}

// Saturates: it is an estimate.
std::int64_t times(std::int64_t a, std::int64_t b) {
  constexpr std::int64_t kMost = std::int64_t{1} << 50;
  return a > kMost / std::max<std::int64_t>(b, 1) ? kMost : a * b;
}

}  // namespace

std::int64_t cost(const LoopNest& nest, const Phase& phase) {
  std::int64_t sum = static_cast<std::int64_t>(phase.writes.size() + phase.reductions.size());
  for (const Local local : phase.code) {
    sum += cost(nest.instructions[static_cast<std::size_t>(local)]);
  }
  return std::max<std::int64_t>(sum, 1);
}

bool has_strided_reads(const LoopNest& nest) {
  if (!nest.outer_lanes || nest.outer.empty()) return false;
  return std::ranges::any_of(nest.instructions, [&](const Instruction& x) {
    const std::int64_t stride = x.index.coefficient(nest.outer.size() - 1);
    return x.kind == InstructionKind::kRead && stride != 0 && stride != 1;
  });
}

Partition partition(const LoopNest& nest) {
  Partition result;
  std::int64_t work = 0;  // of one index of all outer loops
  for (const Phase& phase : nest.phases) {
    work += times(cost(nest, phase), ir::product(phase.loops));
  }
  result.rows = ir::product(nest.outer);
  std::int64_t row_work = work;
  if (nest.outer_lanes && !nest.outer.empty()) {
    const std::int64_t extent = nest.outer.back();
    const std::int64_t others = result.rows / extent;
    result.chunk = extent;
    if (others < kEnoughRows) {
      const std::int64_t worth = 4 * kElementsPerMicrosecond / work;
      const std::int64_t unit = worth >= kChunkUnit ? kChunkUnit : 64;
      result.chunk = std::min(extent, std::max(worth / unit, std::int64_t{1}) * unit);
    }
    if (others > 1 && result.chunk > kStridedChunk && has_strided_reads(nest)) {
      result.chunk = kStridedChunk;
      result.chunks_outside = true;
    }
    result.chunks = ceil_div(extent, result.chunk);
    result.rows = others * result.chunks;
    row_work = times(work, result.chunk);
  }
  result.grain =
      std::max<std::int64_t>(1, kElementsPerMicrosecond / std::max<std::int64_t>(row_work, 1));
  return result;
}

}  // namespace ndl::codegen
