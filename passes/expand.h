// Expands named composed ops (softmax, split, fused_add_scalars, ...) into the ops they stand for.
//
//   %0 = fused_add_scalars(%x, scalars=[1, 2]) : (f32[1], f32[1])
//
// becomes
//
//   %0 = constant(1) : f32[1]
//   %1 = add(%x, %0) : f32[1]
//   %2 = constant(2) : f32[1]
//   %3 = add(%x, %2) : f32[1]
//   %4 = make_tuple(%1, %3) : (f32[1], f32[1])
//
// The expansion is the op's meaning, so no bit of any result changes.
#pragma once

#include "ir/graph.h"
#include "passes/pass.h"

namespace ndl::passes {

ir::Graph run_expand(const ir::Graph& graph, const PassContext& context);

}  // namespace ndl::passes
