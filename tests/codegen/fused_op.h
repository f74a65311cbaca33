// Graphs in which a given op is fused with others.
#pragma once

#include <cstdint>
#include <optional>

#include "base/dtype.h"
#include "ir/graph.h"
#include "ir/op.h"

namespace ndl::codegen {

enum class Surroundings : std::uint8_t {
  kChain,      // elementwise ops before and after, and a reduction at the end
  kNeighbour,  // an elementwise op over the same elements
  kEpilogue,   // a reduction before, an elementwise op after
};
inline constexpr int kSurroundings = 3;

// A graph with the op, on `dtype` as in op_cell(), in such surroundings, twice: as one fusion, and
// as ops that the passes may fuse. The rest is random. Elements of all inputs from 0 to 1 are
// indices in range, mostly.
ir::Graph fused_op(const ir::OpDef& def, DType dtype, Surroundings surroundings,
                   std::uint64_t seed);

}  // namespace ndl::codegen
