// From a graph to the loop nest that computes it. No LLVM.
#pragma once

#include <optional>

#include "codegen/loop_nest.h"
#include "ir/graph.h"

namespace ndl::codegen {

// The body of a fusion, or a single op, as one kernel: its buffers are the parameters and then the
// results. Nothing if one kernel cannot do it.
//
// One kernel can do a body of elementwise ops, conversions, sources and ops that only move elements
// (all but general reshapes) which gives results of one shape. It may also have
//   - reduces over the same axes of one shape, each at most once an element of its result: results
//     are of that shape or of what is left of it;
//   - or one argmax, argmin, reduce_window, matmul or conv, in whose shape all results are;
//   - or one cumsum, which is the result.
// What comes before a matmul or conv is computed whenever it is read. Indices of gathers and
// dynamic slices must be parameters; they are not checked here.
//
// Results have elements.
std::optional<LoopNest> lower_region(const ir::Graph& body);

}  // namespace ndl::codegen
