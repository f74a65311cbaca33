// Short rows: nests whose innermost loop has fewer indices than a vector has lanes, or few more, so
// that the lanes run across the rows instead. No LLVM.
//
// Rows of a map are woven:
//
//   for i0 < 65536 {            for i1 < 3 {
//     for i1 < 3 lanes {   ->     for i0 < 65536 lanes {
//       b1[3*i0 + i1] = ...         b1[3*i0 + i1] = ...
//
// All of a row is done at once: what lies side by side in the rows is read and written in whole
// vectors, which are taken apart and woven in registers.
//
// Rows that are reduced, or summed up to each element, are turned: phases of their own copy what
// lies side by side in the rows from memory to local buffers, or back, and the others find
// neighbouring rows side by side there.
//
//   for i0 < 8192 {             local b2: f32[10]
//     for i1 < 10 lanes {       for i0 < 8192 lanes {
//       read b0[10*i0 + i1]       for i1 < 10 {
//       reduce(order=tree)          b2[i1] = read b0[10*i0 + i1]
//     }                           }
//     b1[i0] = ...         ->     for i1 < 10 {
//   }                               read b2[i1]
//                                   reduce(order=halves)
//                                 }
//                                 b1[i0] = ...
//                               }
#pragma once

#include "codegen/loop_nest.h"

namespace ndl::codegen {

// Whether elements so far apart, in either direction, had better be picked from vectors of all that
// lies between them than be read one by one.
bool is_near(std::int64_t distance);

// Swaps the two innermost outer loops of a map whose rows are short and lie side by side.
void weave_short_rows(LoopNest& nest);

// Whether a nest is what weave_short_rows makes of one.
bool is_woven(const LoopNest& nest);

// Whether a read of a woven nest is of rows that lie at most so far apart that all of them are
// read.
bool reads_rows(const LoopNest& nest, const Instruction& x);

// Turns the rows of a nest that reduces each of them, or goes along them in order, if they are
// short and many.
void turn_short_rows(LoopNest& nest);

// Whether a nest turns rows.
bool has_turned_rows(const LoopNest& nest);

// Whether a phase copies rows between memory and a local buffer, as turn_short_rows makes it do.
bool turns_rows(const LoopNest& nest, const Phase& phase);

}  // namespace ndl::codegen
