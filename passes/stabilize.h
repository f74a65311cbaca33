// Stabilize: what overflows, underflows or cancels, rewritten as ops that do not.
//
//   %0 = exp(%x) : f32[3]
//   %1 = reduce(%0, kind=sum, axes=[0]) : f32[]         %0 = softmax(%x, axes=[0]) : f32[3]
//   %2 = broadcast(%1) : f32[3]                   ->    return %0
//   %3 = div(%0, %2) : f32[3]
//   return %3
//
// The two sides of a rule are equal as real numbers, and the right one is finite and accurate where
// the left one need not be: softmax of [1000, 10000, 100] is [0, 1, 0]. Other users of what is
// rewritten keep their values. Run it before differentiating: the gradients of the stable ops are
// stable, too. A spelling that is stable already becomes the same op.
//
// Rules that are switched off leave the others as they are.
#pragma once

#include <span>

#include "ir/graph.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace ndl::passes {

std::span<const Rule> stabilize_rules();

ir::Graph run_stabilize(const ir::Graph& graph, const PassContext& context);

// The graph canonicalized and stabilized in one sweep, and what each node has become.
Rewritten stabilize_traced(const ir::Graph& graph);

}  // namespace ndl::passes
