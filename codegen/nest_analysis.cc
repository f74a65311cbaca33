// At which level each instruction of a nest is computed, and whether it varies in lanes.
#include <algorithm>

#include "codegen/nest_emitter.h"

namespace ndl::codegen {

bool NestEmitter::is_lane_loop(std::size_t loop) const {
  const std::size_t outer = nest_.outer.size();
  if (nest_.outer_lanes) return loop + 1 == outer;
  // Phases differ in depth: the caller asks for loops of the current one.
  return loop >= outer && loop + 1 == loops_.size();
}

Level NestEmitter::level_of(std::size_t loop) const {
  if (is_lane_loop(loop)) return nest_.outer_lanes ? Level::kBlock : Level::kLanes;
  return loop < nest_.outer.size() ? Level::kRow : Level::kPhase;
}

Level NestEmitter::level_of(const IndexExpr& index) const {
  Level level = Level::kRow;
  for (std::size_t i = 0; i < index.coefficients.size(); ++i) {
    if (index.coefficients[i] != 0) level = std::max(level, level_of(i));
  }
  for (const IndexExpr::Term& term : index.terms) {
    level = std::max(level, levels_[static_cast<std::size_t>(term.local)]);
  }
  return level;
}

std::int64_t NestEmitter::lane_coefficient(const IndexExpr& index) const {
  if (nest_.outer_lanes) {
    return nest_.outer.empty() ? 0 : index.coefficient(nest_.outer.size() - 1);
  }
  return loops_.size() > nest_.outer.size() ? index.coefficient(loops_.size() - 1) : 0;
}

bool NestEmitter::has_varying_terms(const IndexExpr& index) const {
  return std::ranges::any_of(index.terms, [&](const auto& term) { return varies(term.local); });
}

bool NestEmitter::is_dense(std::int32_t buffer, const IndexExpr& index) const {
  return has_block_elements(buffer) || (lane_coefficient(index) == 1 && !has_varying_terms(index));
}

bool NestEmitter::varies(const IndexExpr& index) const {
  return lane_coefficient(index) != 0 || has_varying_terms(index);
}

void NestEmitter::analyze() {
  levels_.assign(nest_.instructions.size(), Level::kRow);
  varies_.assign(nest_.instructions.size(), false);
  is_term_.assign(nest_.instructions.size(), false);
  is_tiled_.assign(nest_.instructions.size(), false);
  const auto note_terms = [&](const IndexExpr& index) {
    for (const auto& term : index.terms) is_term_[static_cast<std::size_t>(term.local)] = true;
  };
  for (const Phase& phase : nest_.phases) {
    loops_.resize(nest_.outer.size() + phase.loops.size());
    for (const Local local : phase.code) {
      const Instruction& x = at(local);
      note_terms(x.index);
      Level level = level_of(x.index);
      bool is_varying = varies(x.index);
      if (has_block_elements(x.buffer)) {
        level = std::max(level, Level::kBlock);
        is_varying = true;
      }
      for (const Guard& guard : x.guards) {
        note_terms(guard.index);
        level = std::max(level, level_of(guard.index));
        is_varying = is_varying || varies(guard.index);
      }
      // What the loops write is read anew each time.
      const bool changes = x.kind == InstructionKind::kRead && !phase.loops.empty() &&
                           nest_.buffers[static_cast<std::size_t>(x.buffer)].is_written;
      if (changes) level = std::max(level, nest_.outer_lanes ? Level::kPhase : Level::kLanes);
      for (const Local operand : x.operands) {
        level = std::max(level, levels_[static_cast<std::size_t>(operand)]);
        is_varying = is_varying || varies(operand);
      }
      levels_[static_cast<std::size_t>(local)] = level;
      varies_[static_cast<std::size_t>(local)] = is_varying;
    }
    if (partition_.tile > 1 && &phase == &nest_.phases.front()) find_tiled(phase);
    for (const Write& write : phase.writes) note_terms(write.index);
    for (const Reduction& reduction : phase.reductions) {
      const auto result = static_cast<std::size_t>(reduction.result);
      levels_[result] = nest_.outer_lanes ? Level::kBlock : Level::kRow;
      varies_[result] = nest_.outer_lanes;
    }
  }
}

void NestEmitter::find_tiled(const Phase& phase) {
  for (const Local local : phase.code) {
    const Instruction& x = at(local);
    is_tiled_[static_cast<std::size_t>(local)] =
        x.index.coefficient(tile_loop()) != 0 ||
        std::ranges::any_of(
            x.guards,
            [&](const Guard& guard) { return guard.index.coefficient(tile_loop()) != 0; }) ||
        std::ranges::any_of(x.operands, [&](Local operand) { return is_tiled(operand); });
  }
}

}  // namespace ndl::codegen
