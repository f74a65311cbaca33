// From IR back to records: what passes/vjp.h adds to a graph becomes history like any other.
#pragma once

#include <span>
#include <vector>

#include "ir/graph.h"
#include "needle/record.h"

namespace ndl {

// The records of `roots`, nodes of `graph`. `known` says which nodes are the values of records that
// there are (see Lowered::records); parameters all are. The others on the way get records of their
// own, with the lines of the known records whose location their nodes have.
std::vector<RecordRef> raise(const ir::Graph& graph, std::span<const ir::Value> roots,
                             std::vector<RecordRef> known);

}  // namespace ndl
