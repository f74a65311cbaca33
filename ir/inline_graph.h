// A graph's nodes as nodes of another.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"

namespace ndl::ir {

// Adds the nodes of `source` that its result needs, its parameters being `inputs`. One value for
// each tensor of the result.
std::vector<Value> inline_graph(Builder& b, const Graph& source, std::span<const Value> inputs);

// What the result is made of: the operands of a make_tuple, else the result itself, also if that is
// a tuple.
std::vector<Value> result_parts(const Graph& graph);

// The tensors as a value of that type: a tuple of them, or the only one.
Value packed(Builder& b, const Type& type, std::span<const Value> tensors);

// What stands for each node of a graph, if something does.
using NodeMap = std::vector<std::optional<Value>>;

// Adds the nodes of `source` that `roots` need and for which nothing stands yet, and notes what
// stands for them. No such node is a parameter.
void clone_needed(Builder& b, const Graph& source, std::span<const Value> roots, NodeMap& mapped);

// The graph with these of its values as its results, and no others.
Graph with_results(const Graph& source, std::span<const Value> results);

}  // namespace ndl::ir
