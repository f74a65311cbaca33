// What a forward computation leaves for the gradients, so that these do not compute it again.
//
// Where a loss is asked for, backward() may follow. Of what the gradients will read, the results of
// contractions and other ops that cost much are kept, on their records, like the loss itself; what
// is cheap to compute from them is computed again.
#pragma once

#include <span>
#include <vector>

#include "ir/graph.h"
#include "needle/record.h"

namespace ndl {

// Whether results of the graph's ops are worth keeping.
bool has_costly_ops(const ir::Graph& graph);

// The pending records that gradients of `roots` read and that are worth keeping; only of roots of
// one element, which are what gradients are taken of. The caller holds record_mutex().
std::vector<RecordRef> residuals(std::span<const RecordRef> roots, Garbage& garbage);

}  // namespace ndl
