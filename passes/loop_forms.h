// Forms of loops that have derivatives.
//
// The gradient of a scan runs backwards over the states that each step began with. So it is
// differentiated in a form that stacks these as further results:
//
//   %1 = scan(%h, %xs, length=9, carried=1, scanned=1) : (f32[4], f32[9,4])
//   body(%h: f32[4], %x: f32[4]) {
//     %0 = mul(%h, %x) : f32[4]
//     %1 = make_tuple(%0, %h) : (f32[4], f32[4])
//     return %1
//   }
//
// A `while` with a limit is the scan of that length which does the body while the condition holds.
#pragma once

#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"

namespace ndl::passes {

// For each of the `carried` states of a scan, the result that stacks it; -1 where none does.
std::vector<std::int64_t> stacked_states(const ir::Graph& graph, ir::Value scan);

// A node for the loop, a scan or a while, whose first results are those of `loop`, and which is a
// scan that stacks all its states. It may be `loop`. Throws UnsupportedError for a while that has
// no limit.
ir::Value differentiable_loop(ir::Builder& b, ir::Value loop);

// The graph with loops over floating-point values in that form, but for a while without a limit.
// Loops in regions are left as they are.
ir::Graph with_differentiable_loops(const ir::Graph& graph);

}  // namespace ndl::passes
