#include "codegen/partition.h"

#include <algorithm>

#include "base/checked.h"
#include "codegen/short_rows.h"
#include "passes/cost_model.h"

namespace ndl::codegen {
namespace {

using passes::CostModel;

// A chunk is a multiple of this, which every number of lanes divides.
constexpr std::int64_t kChunkUnit = 1024;
// Indices that read across memory together: a line of f32, and few enough lines for one set of the
// first cache.
constexpr std::int64_t kStridedChunk = 16;

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

namespace {

// Whether neighbouring indices of the outer loop in lanes read elements that are far apart.
bool has_strided_reads(const LoopNest& nest) {
  if (!nest.outer_lanes || nest.outer.empty()) return false;
  const auto is_strided = [&](Local local) {
    const Instruction& x = nest.instructions[static_cast<std::size_t>(local)];
    const std::int64_t stride = x.index.coefficient(nest.outer.size() - 1);
    return x.kind == InstructionKind::kRead && stride != 0 && !is_near(stride);
  };
  return std::ranges::any_of(nest.phases, [&](const Phase& phase) {
    return !turns_rows(nest, phase) && std::ranges::any_of(phase.code, is_strided);
  });
}

unsigned lanes_of(const Target& target) { return static_cast<unsigned>(target.vector_bytes) / 4; }

// Sums for `tile` points and `unroll` vectors stay in registers, beside one row of the right
// operand.
void choose_tile(const LoopNest& nest, const Target& target, Partition& p) {
  const DType accumulator = nest.phases.front().reductions.front().accumulator;
  const std::int64_t registers_per_vector =
      std::max<std::int64_t>(1, static_cast<std::int64_t>(size_of(accumulator)) / 4);
  const std::int64_t sums = target.vector_registers * 3 / 4 / registers_per_vector;
  const std::int64_t width = lanes_of(target);
  const auto vectors = [&](std::int64_t unroll) {
    return ceil_div(nest.outer.back(), unroll * width) * unroll;
  };
  // Vectors beyond the end are work for nothing: an eighth at most.
  std::int64_t unroll =
      std::max<std::int64_t>(1, target.vector_registers / 8 / registers_per_vector);
  while (unroll > 1 && 8 * vectors(unroll) > 9 * vectors(1)) unroll /= 2;
  const std::int64_t extent = nest.outer[nest.outer.size() - 2];
  p.unroll = static_cast<unsigned>(unroll);
  p.tiles = ceil_div(extent, sums / unroll);
  p.tile = ceil_div(extent, p.tiles);
  p.tiles = ceil_div(extent, p.tile);
  p.chunk = unroll * width;
  p.chunks = ceil_div(nest.outer.back(), p.chunk);
  p.rows = ir::product(nest.outer) / nest.outer.back() / extent * p.chunks * p.tiles;
}

// Whether a map is better done in square tiles that are turned: it reads across its lanes, and has
// not so much code that doing all points of a tile at once is too much of it.
bool can_be_turned(const LoopNest& nest, const Target& target) {
  constexpr std::int64_t kMostCost = 16;
  if (!nest.outer_lanes || nest.outer.size() < 2 || nest.phases.size() != 1) return false;
  const Phase& phase = nest.phases.front();
  if (!phase.loops.empty() || !phase.reductions.empty() || !phase.checks.empty()) return false;
  if (nest.outer[nest.outer.size() - 2] < lanes_of(target)) return false;
  if (cost(nest, phase) > kMostCost) return false;
  return !has_terms(nest) && std::ranges::any_of(nest.instructions, [&](const Instruction& x) {
    return is_turned(nest, x);
  });
}

// Of a map, with chunks of at most so many lanes.
void choose_tile_of_map(const LoopNest& nest, std::int64_t tile, std::int64_t chunk, Partition& p) {
  p.tile = tile;
  p.tiles = ceil_div(nest.outer[nest.outer.size() - 2], tile);
  p.chunk = std::min(chunk, nest.outer.back());
  p.chunks = ceil_div(nest.outer.back(), p.chunk);
  p.rows = ir::product(nest.outer) / nest.outer.back() / nest.outer[nest.outer.size() - 2] *
           p.chunks * p.tiles;
}

}  // namespace

bool can_be_tiled(const LoopNest& nest) {
  if (!nest.outer_lanes || nest.outer.size() < 2) return false;
  const Phase& first = nest.phases.front();
  if (first.reductions.size() != 1 || !first.writes.empty()) return false;
  if (first.reductions.front().order != ReductionOrder::kContraction) return false;
  return std::ranges::all_of(first.code, [&](Local local) {
    const Instruction& x = nest.instructions[static_cast<std::size_t>(local)];
    return x.index.terms.empty() &&
           std::ranges::all_of(x.guards, [](const Guard& g) { return g.index.terms.empty(); });
  });
}

bool is_turned(const LoopNest& nest, const Instruction& x) {
  if (x.kind != InstructionKind::kRead || x.dtype == DType::kBool || !x.guards.empty()) {
    return false;
  }
  const std::int64_t across = x.index.coefficient(nest.outer.size() - 1);
  return across != 0 && across != 1 && x.index.coefficient(nest.outer.size() - 2) == 1;
}

unsigned choose_unroll(const LoopNest& nest, const Phase& phase, std::int64_t extent,
                       const Target& target) {
  constexpr std::int64_t kCheap = 6;  // code that is worth repeating for fewer branches
  unsigned unroll = cost(nest, phase) <= kCheap && !has_strided_reads(nest) ? 4 : 1;
  while (unroll > 1 && unroll * lanes_of(target) > extent) unroll /= 2;
  return unroll;
}

Partition partition(const LoopNest& nest, const Target& target) {
  Partition result;
  std::int64_t work = 0;  // of one index of all outer loops
  for (const Phase& phase : nest.phases) {
    work += times(cost(nest, phase), ir::product(phase.loops));
  }
  result.rows = ir::product(nest.outer);
  std::int64_t row_work = work;
  if (can_be_tiled(nest)) {
    constexpr std::int64_t kSpeed = 4;  // over an operation that reads its operands
    choose_tile(nest, target, result);
    row_work = times(work, result.tile * result.chunk) / kSpeed;
  } else if (is_woven(nest)) {
    constexpr std::int64_t kChunk = 256;
    result.is_woven = true;
    choose_tile_of_map(nest, nest.outer[nest.outer.size() - 2], kChunk, result);
    row_work = times(work, result.tile * result.chunk);
  } else if (can_be_turned(nest, target)) {
    constexpr std::int64_t kChunk = 128;
    choose_tile_of_map(nest, lanes_of(target), kChunk, result);
    row_work = times(work, result.tile * result.chunk);
  } else if (nest.outer_lanes) {
    if (!nest.outer.empty()) {
      const std::int64_t extent = nest.outer.back();
      const std::int64_t others = result.rows / extent;
      result.chunk = extent;
      if (others < CostModel::kEnoughRows) {
        const std::int64_t worth = 4 * CostModel::kElementsPerMicrosecond / work;
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
    const bool is_one_vector = has_turned_rows(nest);  // of each column
    result.unroll =
        is_one_vector ? 1 : choose_unroll(nest, nest.phases.front(), result.chunk, target);
  }
  result.grain = std::max<std::int64_t>(
      1, CostModel::kElementsPerMicrosecond / std::max<std::int64_t>(row_work, 1));
  return result;
}

}  // namespace ndl::codegen
