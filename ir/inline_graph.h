// A graph's nodes as nodes of another.
#pragma once

#include <span>
#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"

namespace ndl::ir {

// Adds the nodes of `source`, its parameters being `inputs`. One value for each tensor of the
// result.
std::vector<Value> inline_graph(Builder& b, const Graph& source, std::span<const Value> inputs);

}  // namespace ndl::ir
