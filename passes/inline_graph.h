// A graph's nodes as nodes of another.
#pragma once

#include <span>
#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"

namespace ndl::passes {

// Adds the nodes of `source`, its parameters being `inputs`. One value for each tensor of the
// result.
std::vector<ir::Value> inline_graph(ir::Builder& b, const ir::Graph& source,
                                    std::span<const ir::Value> inputs);

inline bool is_float_tensor(const ir::Type& type) {
  return !type.is_tuple() && is_float(type.dtype());
}

}  // namespace ndl::passes
