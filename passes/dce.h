// Dead code elimination: drops what the result does not depend on.
//
//   graph f(%x: f32[3]) -> f32[3] {         graph f(%x: f32[3]) -> f32[3] {
//     %0 = exp(%x) : f32[3]           ->      %0 = neg(%x) : f32[3]
//     %1 = neg(%x) : f32[3]                   return %0
//     return %1                             }
//   }
//
// Parameters stay, used or not: they are the graph's signature.
#pragma once

#include "ir/graph.h"
#include "passes/pass.h"

namespace ndl::passes {

ir::Graph remove_dead_nodes(const ir::Graph& graph);

ir::Graph run_dce(const ir::Graph& graph, const PassContext& context);

}  // namespace ndl::passes
