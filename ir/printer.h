// A graph as text: canonical, complete, and read back by the parser as the same graph.
//
//   needle 1
//
//   graph softmax_naive(%x: f32[3]) -> f32[3] {
//     %0 = exp(%x) : f32[3]
//     %1 = reduce(%0, kind=sum, axes=[0]) : f32[]
//     %2 = broadcast(%1) : f32[3]
//     %3 = div(%0, %2) : f32[3]
//     return %3
//   }
//
// One op a line; nothing is left out but attributes at their defaults. A value without a name is
// numbered in order; names that occur twice in one scope get a suffix. docs/ir.md has the grammar.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace ndl::ir {

struct PrintOptions {
  bool names = true;  // false: number every value but the parameters
};

std::string print(const Graph& graph, const PrintOptions& options = {});

// The name that print(graph) gives each value: "%x", "%0".
std::vector<std::string> value_labels(const Graph& graph);

// One node as its line shows it: "add(%x, %0) : f32[3]", for messages.
std::string print_node(const Graph& graph, Value value);

}  // namespace ndl::ir
