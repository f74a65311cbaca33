// What a composed op stands for, as a graph; and what composing takes.
#pragma once

#include <span>

#include "ir/attributes.h"
#include "ir/graph.h"

namespace ndl::ir {

// A graph with a parameter for each operand, of these types, that computes the op.
Graph expansion(const OpDef& def, const Attributes& attributes, std::span<const Type> operands);
// The same for a node of a graph.
Graph expansion(const Graph& graph, Value value);

// x, converted unless it is of that dtype.
Value as_dtype(Builder& b, Value x, DType dtype);
// 16-bit floats as f32, so that what is computed from them is rounded once, at the end.
Value widened(Builder& b, Value x);
// `reduced`, from which `axes` were dropped, repeated along them to `shape`.
Value repeat_along(Builder& b, Value reduced, const Dims& axes, const Shape& shape);
// x combined over `axes`, in the shape of x.
Value reduce_and_repeat(Builder& b, Value x, ReduceKind kind, const Dims& axes);

}  // namespace ndl::ir
