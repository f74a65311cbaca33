// From records to IR: the graph that computes what is pending.
//
// Where an elementwise op's operands differ in shape or dtype, the IR has `convert` and `broadcast`
// nodes that the program did not write. The lines of the program become the nodes' locations.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "ir/graph.h"
#include "needle/record.h"

namespace ndl {

// What graphs of records are compiled with: naive code is made stable first.
inline constexpr std::string_view kFrontEndPipeline =
    "canonicalize,stabilize,expand,canonicalize,fuse";

struct LowerOptions {
  // The first parameters of the graph, used or not.
  std::span<const RecordRef> parameters = {};
  // Numbers of the program are constants of the graph. Else they are parameters of rank 0, so that
  // a graph is the same whatever the learning rate, but for 0, 1, -1, 2 and 0.5, which simplify.
  bool numbers_are_constants = false;
  // Whether sources of leaves with `is_kept` become roots.
  bool keeps = false;
  // Records made during an earlier trace, or none, are parameters of the graph even if pending.
  std::uint32_t trace = 0;
  // For differentiating: what requires a gradient is a node even if it is realized, all else is a
  // parameter, and so is every leaf.
  bool history = false;
  // Realized records that are nodes all the same.
  const std::unordered_set<const Record*>* through = nullptr;
  // Whether Lowered::records is filled.
  bool keeps_records = false;
};

struct Lowered {
  ir::Graph graph;
  // What the graph computes: the roots asked for, then the sources of leaves that are to be kept.
  std::vector<RecordRef> roots;
  // What each parameter of the graph stands for: realized, a leaf without data, or, when lowering
  // for a trace, any record from before it.
  std::vector<RecordRef> inputs;
  // What each node of the graph is the value of; empty where no record is, and for tuples of roots.
  std::vector<RecordRef> records;
};

// The graph whose result is the one root, or a tuple of all tensors if there are several. Realized
// records, leaves and numbers are parameters, in the order in which the roots need them. The caller
// holds record_mutex().
Lowered lower(std::span<const RecordRef> roots, Garbage& garbage, const LowerOptions& options = {});

}  // namespace ndl
