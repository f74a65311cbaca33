// What derivatives add to a graph's parameters.
#pragma once

#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"

namespace ndl::passes {

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
