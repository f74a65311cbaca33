// How the work of a loop nest is cut into rows, the unit that threads share. No LLVM.
#pragma once

#include <cstdint>

#include "codegen/loop_nest.h"

namespace ndl::codegen {

// A row is a point of the outer loops that have no lanes, and a chunk of the one that has.
struct Partition {
  std::int64_t chunk = 1;   // indices of the outer loop in lanes; 1 if there is none
  std::int64_t chunks = 1;  // of each point
  std::int64_t rows = 1;    // in all
  // Rows are numbered chunk by chunk, not point by point: what reads across memory finds in the
  // cache what the point before has read.
  bool chunks_outside = false;
  std::int64_t grain = 1;  // rows that take about a microsecond, at least 1
};

Partition partition(const LoopNest& nest);

// Whether neighbouring indices of the outer loop in lanes read elements that are not neighbours.
bool has_strided_reads(const LoopNest& nest);

// About how many simple vector operations one index of the innermost loop of a phase takes.
std::int64_t cost(const LoopNest& nest, const Phase& phase);

}  // namespace ndl::codegen
