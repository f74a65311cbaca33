#include "codegen/short_rows.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "codegen/loop_parts.h"
#include "codegen/partition.h"

namespace ndl::codegen {
namespace {

// Weaving a number of columns takes its square in shuffles, a power of two fewer.
constexpr std::int64_t kLongestRow = 6;
constexpr std::int64_t kLongestPower = 8;
// The longest row whose columns are not alike, as of arrays side by side: no vector runs along it.
constexpr std::int64_t kLongestMixedRow = 16;
// The distance of rows that are worth reading whole.
constexpr std::int64_t kLongestDistance = 8;
constexpr std::int64_t kFewestRows = 16;
// Of all points of a row, which are code of their own.
constexpr std::int64_t kMostCost = 2048;

// Whether the nest is a map whose results are rows of all of loop `column`, side by side along
// loop `row`.
bool has_short_rows(const LoopNest& nest, std::size_t row, std::size_t column) {
  const std::int64_t extent = nest.outer[column];
  const bool is_mixed = chooses_along(nest, column);
  const bool is_power = std::has_single_bit(static_cast<std::uint64_t>(extent));
  const std::int64_t longest = !is_power  ? kLongestRow
                               : is_mixed ? kLongestMixedRow
                                          : kLongestPower;
  if (extent > longest || nest.outer[row] < kFewestRows || nest.phases.size() != 1) return false;
  const Phase& phase = nest.phases.front();
  if (!phase.loops.empty() || !phase.reductions.empty() || !phase.checks.empty()) return false;
  if (extent * cost(nest, phase) > kMostCost) return false;
  return !has_terms(nest) && std::ranges::all_of(phase.writes, [&](const Write& w) {
    return w.index.terms.empty() && w.index.coefficient(column) == 1 &&
           w.index.coefficient(row) == extent;
  });
}

}  // namespace

void weave_short_rows(LoopNest& nest) {
  const std::size_t loops = nest.outer.size();
  if (nest.outer_lanes && loops >= 2 && has_short_rows(nest, loops - 2, loops - 1)) {
    swap_outer_loops(nest, loops - 2);
  }
}

bool is_woven(const LoopNest& nest) {
  const std::size_t loops = nest.outer.size();
  return nest.outer_lanes && loops >= 2 && has_short_rows(nest, loops - 1, loops - 2);
}

bool reads_rows(const LoopNest& nest, const Instruction& x) {
  const std::size_t loops = nest.outer.size();
  const std::int64_t distance = x.index.coefficient(loops - 1);
  return x.kind == InstructionKind::kRead && x.index.coefficient(loops - 2) == 1 && distance > 1 &&
         distance <= kLongestDistance;
}

}  // namespace ndl::codegen
