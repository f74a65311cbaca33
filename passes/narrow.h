// Narrow: what regions take and give, and nobody needs, is dropped.
//
// Of a cond, a while or a scan whose tuple is taken apart, only those results are computed that are
// used, with the states they depend on, from the operands that these need. A state that the body
// gives back as it was stays outside, and so do constants. Part of dropping dead nodes
// (passes/dce.h).
#pragma once

#include "ir/graph.h"

namespace ndl::passes {

// Of a graph that has control flow.
ir::Graph narrow_control_flow(const ir::Graph& graph);

}  // namespace ndl::passes
