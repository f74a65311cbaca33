// How the work of a loop nest is cut: into rows, the unit that threads share, and these into what
// registers hold. No LLVM.
#pragma once

#include <cstdint>

#include "codegen/loop_nest.h"
#include "codegen/target.h"

namespace ndl::codegen {

// A row is a point of the outer loops that have no lanes, and a chunk of the one that has. In a
// tiled nest it is `tile` points of the last loop without lanes, at once: what is read for one of a
// contraction is used for all, and a map that reads across its lanes reads along the points instead
// and turns the tile in registers.
struct Partition {
  unsigned unroll = 1;      // vectors of lanes that are done at once, of a nest with outer_lanes
  std::int64_t chunk = 1;   // indices of the outer loop in lanes; 1 if there is none
  std::int64_t chunks = 1;  // of each point
  std::int64_t tile = 1;    // more in a tiled nest
  std::int64_t tiles = 1;   // that the loop is cut into; the last one begins earlier if need be
  std::int64_t rows = 1;    // in all
  bool is_woven = false;    // the tile is all of a short loop (short_rows.h)
  // Rows are numbered chunk by chunk, not point by point: what reads across memory finds in the
  // cache what the point before has read.
  bool chunks_outside = false;
  std::int64_t grain = 1;  // rows that take about a microsecond, at least 1
};

Partition partition(const LoopNest& nest, const Target& target);

// Whether the first phase, a contraction, can be done for several points at once: only indices of
// loops address its memory, and only its sum is left of it.
bool can_be_tiled(const LoopNest& nest);

// Whether an instruction reads side by side along the last loop without lanes, and apart along that
// with lanes, in a nest where the one before and the one after may change places.
bool is_turned(const LoopNest& nest, const Instruction& x);

// How many vectors of a loop of that extent are worth doing at once.
unsigned choose_unroll(const LoopNest& nest, const Phase& phase, std::int64_t extent,
                       const Target& target);

// About how many simple vector operations one index of the innermost loop of a phase takes.
std::int64_t cost(const LoopNest& nest, const Phase& phase);

}  // namespace ndl::codegen
