// What is asked of control flow in many places: cond, while and scan.
#pragma once

#include <cstddef>

#include "ir/graph.h"

namespace ndl::ir {

// Whether the op decides which of its regions run, and how often.
constexpr bool is_control_flow(Op op) {
  return op == Op::kCond || op == Op::kWhile || op == Op::kScan;
}

// Whether a node of the graph is control flow; regions are not looked into.
bool has_control_flow(const Graph& graph);

// The parameters of a region: states, items of what is scanned, and what is the same in each step.
// All parameters of the regions of a cond are of the last kind.
struct RegionParameters {
  std::size_t states = 0;
  std::size_t scanned = 0;
  std::size_t first_fixed() const { return states + scanned; }
};
RegionParameters region_parameters(const Graph& graph, Value control_flow);

}  // namespace ndl::ir
