// What several rules ask of a node, those of derivatives among them. Internal to rules.
#pragma once

#include <cstdint>
#include <optional>

#include "ir/graph.h"
#include "ir/shape.h"

namespace ndl::passes {

bool all_are(const ir::Dims& values, std::int64_t x);

// The permutation that takes another back.
ir::Dims inverse(const ir::Dims& permutation);

// The operand of an operand, when that operand is of the same op as `value`.
std::optional<ir::Value> inner_of_same_op(const ir::Graph& graph, ir::Value value);

}  // namespace ndl::passes
