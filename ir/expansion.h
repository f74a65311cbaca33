// What a composed op stands for, as a graph.
#pragma once

#include <span>

#include "ir/attributes.h"
#include "ir/graph.h"

namespace ndl::ir {

// A graph with a parameter for each operand, of these types, that computes the op.
Graph expansion(const OpDef& def, const Attributes& attributes, std::span<const Type> operands);
// The same for a node of a graph.
Graph expansion(const Graph& graph, Value value);

}  // namespace ndl::ir
