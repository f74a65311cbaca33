// Fusion: ops over one iteration space become one kernel, with a tuple of outputs where several are
// wanted.
//
//   %0 = exp(%x) : f32[4]              %0 = fusion(%x, %y) : (f32[4], f32[4])
//   %1 = add(%0, %y) : f32[4]    ->        body(%a: f32[4], %b: f32[4]) {
//   %2 = mul(%0, %y) : f32[4]            %0 = exp(%a) : f32[4]
//   ...                                  ...
//
// Precondition: composed ops are expanded (pass `expand`); they are left alone otherwise.
//
// What fuses is said in passes/fusion_plan.h: producers and consumers, neighbours over one space,
// what moves elements into what reads it, producers into reductions, what follows reductions and
// contractions, rows that are reduced several times. Splat constants, and numbers that are as
// easily computed again, are copied into every body that reads them. Bodies are typed graphs, so no
// bit of any result changes.
#pragma once

#include "ir/graph.h"
#include "passes/pass.h"

namespace ndl::passes {

ir::Graph run_fuse(const ir::Graph& graph, const PassContext& context);

}  // namespace ndl::passes
