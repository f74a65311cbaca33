// What the pass `fuse` did with each edge of a graph, and why: what --explain=fuse prints.
#pragma once

#include <string>

#include "ir/graph.h"
#include "passes/cost_model.h"

namespace ndl::passes {

// A line for each use of a value: producer, consumer, reason (passes/fuse.h), bytes saved and where
// the consumer was written; then what came of them all: kernels are those of the graph, ops but for
// those that only name or reshape data. `before` entered the pass and `after` left it.
//
//   producer      consumer  reason  bytes saved  written at
//   %x parameter  %0 exp    input             0  m.ndl:4:8
//   %0 exp        %1 add    fused            32  m.ndl:5:8
//   1 of 2 edges fused, 32 bytes saved, 2 kernels become 1
std::string fusion_table(const ir::Graph& before, const ir::Graph& after, const CostModel& model);

}  // namespace ndl::passes
