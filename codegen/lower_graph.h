// From a graph to kernels on buffers. No LLVM.
#pragma once

#include "codegen/schedule.h"
#include "ir/graph.h"

namespace ndl::codegen {

// Any valid graph. A fusion that one kernel cannot do becomes several.
Schedule lower_graph(const ir::Graph& graph);

}  // namespace ndl::codegen
