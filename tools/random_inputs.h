// Random arguments for a graph.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/graph.h"
#include "ir/literal.h"

namespace ndl::tools {

enum class InputKind {
  kOrdinary,  // floats around 0; integers that are small, or in range where they are indices
  kProbing,  // for odd seeds also zeros of both signs, infinities, NaN and the ends of the range of
             // floats; for one seed in eight an index may be out of range by one
};

// One tensor for each parameter, which is no tuple. Equal for equal seeds, on every machine. Throws
// ResourceError when memory is short.
std::vector<ir::Literal> random_inputs(const ir::Graph& graph, std::uint64_t seed, InputKind kind);

}  // namespace ndl::tools
