#include "codegen/short_rows.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <utility>
#include <vector>

#include "codegen/loop_parts.h"
#include "codegen/partition.h"
#include "ir/reduction.h"

namespace ndl::codegen {
namespace {

// Weaving a number of columns takes its square in shuffles, a power of two fewer.
constexpr std::int64_t kLongestRow = 6;
constexpr std::int64_t kLongestPower = 8;
// The longest row whose columns are not alike, as of arrays side by side: no vector runs along it.
constexpr std::int64_t kLongestMixedRow = 16;
// Of elements that are picked from as many vectors.
constexpr std::int64_t kLongestDistance = 8;
constexpr std::int64_t kFewestRows = 16;
// The longest row that is turned to be reduced, if that is cheap and if it is not. Longer ones fill
// the lanes, and what it takes to combine these is little beside the rest.
constexpr std::int64_t kLongestCheapTurned = 12;
constexpr std::int64_t kLongestTurned = 16;
static_assert(kLongestTurned <= ir::kLanes);
constexpr std::int64_t kMostCheap = 16;
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

bool is_near(std::int64_t distance) {
  return distance != 0 && std::abs(distance) <= kLongestDistance;
}

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
         is_near(distance);
}

namespace {

// Where the loops of the rows are: across them, and along each.
struct RowLoops {
  std::size_t across;
  std::size_t along;
};

RowLoops row_loops(const LoopNest& nest) { return {nest.outer.size() - 1, nest.outer.size()}; }

// Whether neighbours in a row are neighbours in memory, and those across the rows are not.
bool lies_along_rows(const LoopNest& nest, const IndexExpr& index) {
  const auto [across, along] = row_loops(nest);
  return index.coefficient(along) == 1 && index.coefficient(across) > 1 && index.terms.empty();
}

bool may_be_turned(const LoopNest& nest, const Instruction& x) {
  return x.kind == InstructionKind::kRead && x.guards.empty() && lies_along_rows(nest, x.index);
}

// Whether an index, or a value that it is made of, changes along a row.
bool is_along(const LoopNest& nest, const IndexExpr& index) {
  const auto of_value = [&](const auto& self, Local local) -> bool {
    const Instruction& x = nest.instructions[static_cast<std::size_t>(local)];
    return is_along(nest, x.index) ||
           std::ranges::any_of(x.operands, [&](Local operand) { return self(self, operand); });
  };
  return index.coefficient(row_loops(nest).along) != 0 ||
         std::ranges::any_of(index.terms, [&](const IndexExpr::Term& term) {
           return of_value(of_value, term.local);
         });
}

// Whether elements of a row are read one by one where they are not turned: they lie apart from
// those of the next row, or some of them are guarded.
bool is_scattered(const LoopNest& nest, const Instruction& x) {
  if (x.kind != InstructionKind::kRead) return false;
  const bool is_apart = x.index.coefficient(row_loops(nest).across) > 1 || !x.index.terms.empty();
  return (is_apart && is_along(nest, x.index)) ||
         std::ranges::any_of(x.guards, [&](const Guard& g) { return is_along(nest, g.index); });
}

// Whether the reductions go along rows one element after the other, with the lanes across the rows.
bool has_sequences(const LoopNest& nest) {
  const auto is_sequence = [](const Reduction& reduction) {
    return reduction.order == ReductionOrder::kSequence ||
           reduction.order == ReductionOrder::kFirst;
  };
  const auto of_phase = [&](const Phase& phase) {
    return std::ranges::all_of(phase.reductions, is_sequence);
  };
  return nest.outer_lanes && std::ranges::all_of(nest.phases, of_phase);
}

// The longest row that is worth turning.
std::int64_t longest_turned(const LoopNest& nest) {
  std::int64_t most = 0;  // that a phase costs
  for (const Phase& phase : nest.phases) most = std::max(most, cost(nest, phase));
  return nest.outer_lanes || most > kMostCheap ? kLongestTurned : kLongestCheapTurned;
}

bool has_short_reductions(const LoopNest& nest) {
  if (nest.outer.empty() || nest.outer.back() < kFewestRows) return false;
  if (nest.outer_lanes && !has_sequences(nest)) return false;
  const ir::Dims& loops = nest.phases.front().loops;
  if (loops.size() != 1 || loops.front() > longest_turned(nest)) return false;
  const bool is_alike = std::ranges::all_of(nest.phases, [&](const Phase& phase) {
    return (phase.loops.empty() || phase.loops == loops) && phase.checks.empty();
  });
  return is_alike && std::ranges::none_of(nest.instructions, [&](const Instruction& x) {
           return is_scattered(nest, x) && !may_be_turned(nest, x);
         });
}

class Turn {
 public:
  explicit Turn(LoopNest& nest) : nest_(nest), loops_(nest.phases.front().loops) {
    in_row_.coefficients.resize(row_loops(nest).along + 1);
    in_row_.coefficients.back() = 1;
  }

  void run() {
    for (std::size_t i = 0; i < nest_.instructions.size(); ++i) {
      if (may_be_turned(nest_, nest_.instructions[i])) turn(i);
    }
    for (Phase& phase : nest_.phases) {
      for (Write& write : phase.writes) {
        if (lies_along_rows(nest_, write.index)) turn(write);
      }
      for (Reduction& reduction : phase.reductions) {
        if (!nest_.outer_lanes) reduction.order = ReductionOrder::kHalves;
      }
    }
    std::vector<Phase> phases;
    for (const Copy& x : in_) phases.push_back(copy(x.buffer, x.index, x.local, in_row_));
    std::ranges::move(nest_.phases, std::back_inserter(phases));
    for (const Copy& x : out_) phases.push_back(copy(x.local, in_row_, x.buffer, x.index));
    nest_.phases = std::move(phases);
    nest_.outer_lanes = true;
  }

 private:
  // Rows that memory holds at `index` of `buffer`, and `local` turned.
  struct Copy {
    std::int32_t buffer;
    IndexExpr index;
    std::int32_t local;
  };

  DType dtype(std::int32_t buffer) const {
    return nest_.buffers[static_cast<std::size_t>(buffer)].dtype;
  }

  std::int32_t local_like(std::int32_t buffer) {
    nest_.buffers.push_back({dtype(buffer), loops_.front(), true, true});
    return static_cast<std::int32_t>(nest_.buffers.size()) - 1;
  }

  void turn(std::size_t read) {
    Instruction& x = nest_.instructions[read];
    const auto is_known = [&](const Copy& copy) {
      return copy.buffer == x.buffer && copy.index == x.index;
    };
    const auto known = std::ranges::find_if(in_, is_known);
    const std::int32_t local = known == in_.end() ? local_like(x.buffer) : known->local;
    if (known == in_.end()) in_.push_back({x.buffer, x.index, local});
    x.buffer = local;
    x.index = in_row_;
  }

  void turn(Write& write) {
    out_.push_back({write.buffer, write.index, local_like(write.buffer)});
    write.buffer = out_.back().local;
    write.index = in_row_;
  }

  Phase copy(std::int32_t from, const IndexExpr& source, std::int32_t to, const IndexExpr& target) {
    const auto element = static_cast<Local>(nest_.instructions.size());
    nest_.instructions.push_back(
        {.kind = InstructionKind::kRead, .dtype = dtype(from), .buffer = from, .index = source});
    Phase phase;
    phase.loops = loops_;
    phase.code = {element};
    phase.writes = {{element, to, target}};
    return phase;
  }

  LoopNest& nest_;
  const ir::Dims loops_;
  IndexExpr in_row_;
  std::vector<Copy> in_;
  std::vector<Copy> out_;
};

}  // namespace

void turn_short_rows(LoopNest& nest) {
  if (has_short_reductions(nest)) Turn(nest).run();
}

bool has_turned_rows(const LoopNest& nest) {
  return std::ranges::any_of(nest.phases,
                             [&](const Phase& phase) { return turns_rows(nest, phase); });
}

bool turns_rows(const LoopNest& nest, const Phase& phase) {
  if (!nest.outer_lanes || phase.loops.size() != 1 || !phase.reductions.empty()) return false;
  if (phase.code.size() != 1 || phase.writes.size() != 1) return false;
  const Instruction& x = nest.instructions[static_cast<std::size_t>(phase.code.front())];
  const Write& write = phase.writes.front();
  if (write.local != phase.code.front()) return false;
  const auto is_local = [&](std::int32_t buffer) {
    return nest.buffers[static_cast<std::size_t>(buffer)].is_local;
  };
  return is_local(write.buffer) ? may_be_turned(nest, x)
                                : is_local(x.buffer) && lies_along_rows(nest, write.index);
}

}  // namespace ndl::codegen
