// Short rows: nests whose innermost loop has fewer indices than a vector has lanes. No LLVM.
//
//   for i0 < 65536 {            for i1 < 3 {
//     for i1 < 3 lanes {   ->     for i0 < 65536 lanes {
//       b1[3*i0 + i1] = ...         b1[3*i0 + i1] = ...
//
// The lanes run across the rows, and all of a row is done at once: what lies side by side in the
// rows is read and written in whole vectors, which are taken apart and woven in registers.
#pragma once

#include "codegen/loop_nest.h"

namespace ndl::codegen {

// Swaps the two innermost outer loops of a map whose rows are short and lie side by side.
void weave_short_rows(LoopNest& nest);

// Whether a nest is what weave_short_rows makes of one.
bool is_woven(const LoopNest& nest);

// Whether a read of a woven nest is of rows that lie at most so far apart that all of them are
// read.
bool reads_rows(const LoopNest& nest, const Instruction& x);

}  // namespace ndl::codegen
