// What emitting a loop nest knows while it goes: the loops it is in, and the values that are there.
//
// Work is done at four levels, from the outside:
//
//   kRow     once a point of the outer loops without lanes
//   kBlock   once a block of lanes of the outer loop, in a nest with outer_lanes
//   kPhase   once a point of the phase's loops without lanes
//   kLanes   once a block of lanes of the phase's innermost loop, in other nests
//
// An instruction is emitted at the innermost level that it depends on, so what does not change in a
// loop is not computed there. A value that is the same in all lanes is held once, in a vector of
// width 1; one that varies in `unroll` vectors of the full width, which together are the block.
//
// In a tiled nest (partition.h) the first phase is done for `tile` points at once: its instructions
// that depend on the point are emitted once for each. The sums of a contraction go through stack
// memory to the phases after it, which do one point after the other. A map whose reads are turned
// has one phase, and so has a woven one (short_rows.h), whose tile is all columns of its rows.
//
// Internal to codegen.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "codegen/control_flow.h"
#include "codegen/loop_nest.h"
#include "codegen/loop_parts.h"
#include "codegen/partition.h"
#include "codegen/target.h"

namespace ndl::codegen {

enum class Level : std::uint8_t { kRow, kBlock, kPhase, kLanes };

// Lanes of a block, at most: four of the widest vectors.
inline constexpr std::int64_t kMostLanes = 64;

// The indices [first, first + count) of the loop in lanes; count is below `size` at the end of the
// loop, if that is possible at all.
struct LaneBlock {
  std::int64_t size = 1;           // unroll * width
  llvm::Value* first = nullptr;    // i64
  llvm::Value* count = nullptr;    // i64; null if always `size`
  llvm::Value* partial = nullptr;  // i1: count < size; null if never
  Values masks;                    // of each vector, which lanes are below count; none if all
};

class NestEmitter {
 public:
  // Arguments of the kernel ABI (runtime/kernel.h) are those of `function`.
  NestEmitter(const LoopNest& nest, const Target& target, llvm::Function* function);

  // The whole kernel, to the end of the function.
  void emit_kernel(const Partition& partition);

 private:
  // What depends on what (nest_analysis.cc).
  void analyze();
  // Whether there is an outer loop in lanes.
  bool has_lanes_outside() const { return nest_.outer_lanes && !nest_.outer.empty(); }
  Level level_of(std::size_t loop) const;
  bool is_lane_loop(std::size_t loop) const;
  Level level_of(const IndexExpr& index) const;
  bool varies(const IndexExpr& index) const;
  bool varies(Local local) const { return varies_[static_cast<std::size_t>(local)]; }
  // Whether values other than the loop in lanes make the index vary.
  bool has_varying_terms(const IndexExpr& index) const;
  std::int64_t lane_coefficient(const IndexExpr& index) const;
  // What depends on the loop that is tiled, in the phase in which it is.
  void find_tiled(const Phase& phase);
  bool is_tiled(Local local) const { return is_tiled_[static_cast<std::size_t>(local)]; }
  std::size_t tile_loop() const { return nest_.outer.size() - 2; }

  // Loops and code (nest_emitter.cc).
  void emit_rows();
  // i1: whether all buffers that may be streamed to are aligned for it; null if there are none.
  llvm::Value* can_stream();
  void emit_row(llvm::Value* row);
  // The lanes of the chunk, and in each block body().
  void emit_chunk(llvm::Value* chunk, const std::function<void()>& body);
  // A phase of a nest with outer lanes, at the level of a block.
  void emit_block(const Phase& phase);
  void emit_phase_rows(const Phase& phase);
  // The state of the phase's reductions at its end.
  Values reduce_phase(const Phase& phase);
  template <class F>
  auto in_phase_rows(const Phase& phase, F&& f);
  // Lanes [begin, end) of a loop. The last block ends with them if it is less than a whole one.
  struct LaneRange {
    llvm::Value* begin;
    llvm::Value* end;
    bool has_whole_blocks;
    bool runs = true;  // is not empty
  };
  // carried = body(carried) for each block of the range.
  Values emit_lane_loop(const LaneRange& range, Values carried,
                        const std::function<Values(Values)>& body);
  std::int64_t block_size() const { return static_cast<std::int64_t>(unroll_) * width_; }
  // The masks of the block in lanes_, which may be partial.
  Values emit_masks();
  void emit_code(const Phase& phase, Level level);
  Values emit_instruction(const Instruction& x, bool is_varying);
  Values emit_random(const Instruction& x, bool is_varying, const std::vector<Values>& operands);
  void emit_checks(const Phase& phase);
  // Quotient and remainder.
  std::pair<llvm::Value*, llvm::Value*> divide(llvm::Value* x, std::int64_t by);
  // The indices of the loops from `first_loop` on, from their position in row-major order.
  void decode(llvm::Value* position, std::size_t first_loop, std::span<const std::int64_t> extents);
  // The value as `unroll` vectors of the full width, also if it is the same in all lanes.
  Values spread(Local local);
  llvm::Value* spread(llvm::Value* narrow);

  // Tiles (emit_tile.cc).
  //
  // The place of a tile: its loops are set, but for the one in lanes.
  struct TilePlace {
    llvm::Value* chunk;  // of lanes
    llvm::Value* start;  // the first point
    llvm::Value* first;  // the first point that is not the tile's before
  };
  TilePlace enter_tile(llvm::Value* row);
  void emit_contraction_tile(llvm::Value* row);
  void emit_turned_tile(llvm::Value* row);

  // Short rows (emit_short_rows.cc): of a map, ...
  void emit_rows_of_columns(llvm::Value* row);
  // f() for each column, with what its guards say known.
  template <class F>
  void for_each_column(F&& f);
  void emit_columns(Local local, bool is_varying);
  void write_rows(const Write& w);
  // ... and a phase that turns others.
  void emit_turned_rows(const Phase& phase);

  // Parts of loops (emit_parts.cc).
  //
  // f() for the part of a loop without lanes, one that chooses what is computed, in which its index
  // is: with row_part_ set for each; without if there is no such loop.
  void in_row_part(const std::function<void()>& f);
  // f(part) for the parts of the phases' loop in lanes, with lane_part_ and unroll_ set for each.
  void for_each_lane_part(std::span<const Phase> phases, std::int64_t extent,
                          const std::function<void(const LoopPart&)>& f);
  // All lanes of the part, or those that the chunk has of it.
  LaneRange lanes_of(const LoopPart& part) const;
  LaneRange lanes_of_chunk(llvm::Value* chunk, const LoopPart& part);
  // Whether a guard holds in the parts of loops that are emitted, if that is known.
  std::optional<bool> is_known(const Guard& guard) const;
  // Whether a guard is known to fail.
  bool is_outside(const Instruction& x) const;

  // Indices and memory (emit_access.cc).
  //
  // What is known of an index at the levels that have begun.
  struct Partial {
    llvm::Value* value = nullptr;  // the index, i64, or the address of that element of a buffer
    std::int32_t buffer = -1;
  };
  template <class F>
  void for_each_index(const Phase& phase, F&& f) const;
  void start_indices(const Phase& phase);
  // Adds what begins to be known at the level: the loops, before its code, ...
  void advance_loops(const Phase& phase, Level level);
  // ... and the values that its code computed, after it.
  void advance_terms(const Phase& phase, Level level);
  void advance(Partial& partial, llvm::Value* distance);
  // The index or address at the current level: the same in all lanes, or that of the first.
  llvm::Value* current(const IndexExpr& index);
  // The same for lane `lane` (i64) of the block.
  llvm::Value* at_lane(const IndexExpr& index, llvm::Value* lane);
  Values index_lanes(const IndexExpr& index);
  using Guards = std::vector<const Guard*>;
  // Those which vary in lanes, or those which do not, without those that are known to hold.
  Guards guards_of(const Instruction& x, bool in_lanes) const;
  // i1: whether all guards hold, for one lane or for all of the block.
  llvm::Value* guards_hold(const Guards& guards, llvm::Value* lane);
  llvm::Value* guards_hold_for_block(const Guards& guards);
  // i1: whether some guard holds for no lane of the block.
  llvm::Value* guard_fails_for_block(const Guards& guards);
  Values inside_lanes(const Instruction& x, bool is_varying);
  Values read(const Instruction& x, bool is_varying);
  void fill(const Instruction& x, llvm::Value* memory);
  // Whether vectors can be read, and written, without the lanes that a mask excludes.
  bool has_masks() const { return target_.vector_bytes >= 32; }
  bool reads_masked(DType dtype) const {
    return target_.vector_bytes >= 64 || (has_masks() && size_of(dtype) >= 4);
  }
  bool writes_masked() const { return target_.vector_bytes >= 64; }
  // The elements of a whole block at their distance: picked from all that lies between, ...
  Values read_near(const Instruction& x);
  // ... or one by one.
  Values read_strided(const Instruction& x);
  // The blocks of all points of the tile, read along the points and turned.
  void read_turned(Local local);
  void emit_writes(const Phase& phase);
  void write(const Write& write);
  // Whether the write goes past the caches, which are too small for what it writes: of whole
  // vectors, aligned if the buffer is.
  bool may_stream(const Write& write) const;
  // Local buffers have room for whole blocks at their end, so these need no special end of a loop.
  bool is_local(std::int32_t buffer) const {
    return nest_.buffers[static_cast<std::size_t>(buffer)].is_local;
  }
  // Whether each element of a buffer is a block of lanes.
  bool has_block_elements(std::int32_t buffer) const {
    return nest_.outer_lanes && buffer >= 0 && is_local(buffer);
  }
  // Whether lanes lie side by side where `index` says.
  bool is_dense(std::int32_t buffer, const IndexExpr& index) const;
  // f(lane) for each lane of the block.
  void for_each_lane(const std::function<void(llvm::Value*)>& f);
  // Stack memory for a block, one for each key; zeros at first.
  llvm::Value* block_memory(const void* key);

  // Reductions (emit_reduction.cc).
  //
  // Their state is one or several vectors for each reduction of the phase, flattened.
  Values initial_state(const Phase& phase, std::size_t vectors);
  // The state after one more point, at `position` of the phase's rows.
  Values step(const Phase& phase, const Values& state, const Values& operands,
              llvm::Value* position);
  // The state of `earlier` points followed by `later` ones.
  Values combine(const Phase& phase, const Values& earlier, const Values& later);
  // The state over blocks 0, 1, ... in the order of the phase's reductions.
  Values combine_blocks(const Phase& phase, std::int64_t blocks, std::size_t vectors,
                        const std::function<Values(llvm::Value*)>& block);
  Values combine_pairwise(const Phase& phase, std::int64_t blocks, std::size_t vectors,
                          const std::function<Values(llvm::Value*)>& block);
  Values reduce_rows(const Phase& phase, std::int64_t rows,
                     const std::function<void(llvm::Value*)>& enter);
  // Of rows that are lanes of a tree.
  Values reduce_halves(const Phase& phase, std::int64_t rows,
                       const std::function<void(llvm::Value*)>& enter);
  // Reduces the loop in lanes, at the current point of the others, to vectors of width 1.
  Values reduce_lanes(const Phase& phase);
  Values operands(const Phase& phase);
  void define_results(const Phase& phase, const Values& state);

  llvm::IRBuilder<>& b() { return emit(); }
  LaneScope scope(unsigned width) { return {emit(), width, target_.has_fma}; }
  const Instruction& at(Local local) const {
    return nest_.instructions[static_cast<std::size_t>(local)];
  }
  // At the current point of the tile.
  Values& value(Local local) {
    std::vector<Values>& points = values_[static_cast<std::size_t>(local)];
    return points[is_tiled(local) ? tile_point_ : 0];
  }
  // f() at each point of the tile.
  template <class F>
  void for_each_tile_point(F&& f) {
    for (tile_point_ = 0; tile_point_ < tile_; ++tile_point_) f();
    tile_point_ = 0;
  }

  const LoopNest& nest_;
  const Target& target_;
  llvm::Function* function_;
  Partition partition_;
  unsigned width_;
  unsigned unroll_ = 1;
  std::size_t tile_ = 1;  // points that are done at once, now
  std::size_t tile_point_ = 0;
  bool is_streaming_ = false;
  std::optional<LoopPart> row_part_;   // that is being emitted, of a loop without lanes, ...
  std::optional<LoopPart> lane_part_;  // ... and of the one in lanes; none of what is not cut
  std::size_t copies_ = 1;             // that are made of a row's code

  std::vector<Level> levels_;                // of each instruction
  std::vector<bool> varies_;                 // in lanes
  std::vector<bool> is_term_;                // of some index
  std::vector<bool> is_tiled_;               // depends on the point of the tile
  std::vector<std::vector<Values>> values_;  // of each instruction, at each point of the tile
  Values buffers_;                           // their addresses
  Values loops_;                             // the index of each loop; of the one in lanes: none
  LaneBlock lanes_;
  std::optional<Level> open_level_;  // the level whose code is being emitted
  std::unordered_map<const IndexExpr*, Partial> partials_;
  std::unordered_map<const void*, llvm::Value*> memories_;
};

// The type of an element in memory, as bits.
llvm::Type* bits_type(DType dtype);
// A scalar as a vector of width 1, and back.
llvm::Value* as_lane(llvm::Value* scalar);
llvm::Value* as_scalar(llvm::Value* lane);
// Vectors of the current width: an element everywhere, an i64 everywhere, first + 0, 1, 2, ..., and
// whether 0, 1, 2, ... is below `count`.
llvm::Value* constant_lane(DType dtype, std::uint64_t bits);
llvm::Value* splat64(llvm::Value* scalar);
llvm::Value* lane_numbers(std::int64_t first);
llvm::Value* lanes_below(llvm::Value* count);

}  // namespace ndl::codegen
