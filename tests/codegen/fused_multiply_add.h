// What of a graph's results depends on whether multiply and add are fused, which plain x86-64 does
// not do.
#pragma once

#include "ir/graph.h"

namespace ndl::codegen {

struct FusedMultiplyAdd {
  bool in_leaves = false;  // some leaf function
  bool in_sums = false;    // sums of products of floats
};

FusedMultiplyAdd fused_multiply_add(const ir::Graph& graph);

}  // namespace ndl::codegen
