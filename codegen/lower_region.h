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
// (all but general reshapes) which gives results of one shape; the same with reduces over the same
// axes of one shape as further results; and the same with argmax, argmin, cumsum, reduce_window,
// matmul or conv as the only result. Indices of gathers and dynamic slices must be parameters; they
// are not checked here.
//
// Results have elements.
std::optional<LoopNest> lower_region(const ir::Graph& body);

}  // namespace ndl::codegen
