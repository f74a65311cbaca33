// The reference: runs a graph node by node.
//
// Typed evaluation is the meaning of a graph: every op rounds to its dtype. Wide evaluation is the
// reference for accuracy: every float is an f64, while predicates, integers and indices are taken
// from the typed run beside it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "ir/graph.h"
#include "ir/literal.h"

namespace ndl::ir {

struct InterpretOptions {
  bool wide = false;
  // Stops at the first op that makes a NaN or an infinity of finite operands: NumericError "div:
  // nan at [0, 3], of finite operands", with the node's location. Constants and inputs may hold
  // them.
  bool check_nan = false;
  // Bytes that values alive at one time may take; nothing: what the machine has available.
  std::optional<std::int64_t> memory_limit;
};

// The result, as one literal for each element of its type (a wide run has f64 for floats). Inputs
// are one literal for each parameter, of its type. Throws ShapeError or DTypeError for inputs that
// do not fit, IndexError for an index out of range (with the node's location when it has one), and
// ResourceError "needs N bytes, limit M" before anything is computed.
std::vector<Literal> interpret(const Graph& graph, std::span<const Literal> inputs,
                               const InterpretOptions& options = {});

// Bytes of the values alive at one time, at most, when `graph` is interpreted: typed, or wide.
std::int64_t peak_bytes(const Graph& graph, bool wide = false);

// One node on its operands' elements: what the constant folder runs. Structural, elementwise and
// composed ops only.
std::vector<Literal> evaluate_node(Op op, const Attributes& attributes, const Type& result,
                                   std::span<const Literal> operands);

}  // namespace ndl::ir
