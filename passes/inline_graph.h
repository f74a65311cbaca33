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

// Copies of a graph's parameters, and those of them that have derivatives.
struct ClonedParameters {
  std::vector<ir::Value> all;
  std::vector<ir::Value> floats;
};
ClonedParameters clone_parameters(ir::Builder& b, const ir::Graph& source);

// Adds a parameter for each floating-point tensor of the result of `source`, of its type.
std::vector<ir::Value> add_result_parameters(ir::Builder& b, const ir::Graph& source);

}  // namespace ndl::passes
