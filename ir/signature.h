// What a graph takes and gives.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/literal.h"

namespace ndl::ir {

struct Signature {
  std::string name;
  std::vector<std::string> input_names;  // "" for a parameter without one
  std::vector<TensorType> inputs;        // one for each parameter
  std::vector<TensorType> outputs;       // one for each element of the result
};

Signature signature_of(const Graph& graph);

// Throws ShapeError or DTypeError unless `inputs` are one literal of each input's type.
void check_inputs(const Signature& signature, std::span<const Literal> inputs);

}  // namespace ndl::ir
