// From records to IR: the graph that computes what is pending.
//
// Where an elementwise op's operands differ in shape or dtype, the IR has `convert` and `broadcast`
// nodes that the program did not write. The lines of the program become the nodes' locations.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "needle/record.h"
#include "needle/walk.h"

namespace ndl {

// What graphs of records are compiled with: naive code is made stable first.
inline constexpr std::string_view kFrontEndPipeline =
    "canonicalize,stabilize,expand,canonicalize,hoist,fuse";

struct Lowered {
  ir::Graph graph;
  // What the graph computes: the roots asked for, then the sources of leaves that are to be kept.
  std::vector<RecordRef> roots;
  // What each parameter of the graph stands for.
  std::vector<RecordRef> inputs;
  // What each node of the graph is the value of; empty where no record is, and for tuples of roots.
  std::vector<RecordRef> records;
};

// The graph whose result is the one root, or a tuple of all tensors if there are several; the
// inputs of the walk are its parameters. The caller holds record_mutex().
Lowered lower(const Walk& walk);
Lowered lower(std::span<const RecordRef> roots, Garbage& garbage, const WalkOptions& options = {});

}  // namespace ndl
