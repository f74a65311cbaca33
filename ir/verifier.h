// Checks every rule of the IR on a finished graph: what Builder checked node by node, and more.
#pragma once

#include "ir/graph.h"

namespace ndl::ir {

// Operands come before users, parameters before all, types are what infer_type says, regions are
// sound, and there is a result. Throws VerifyError with the offending node's text. Graphs made by a
// Builder always pass, so a failure after a pass is a bug of that pass.
void verify(const Graph& graph);

}  // namespace ndl::ir
