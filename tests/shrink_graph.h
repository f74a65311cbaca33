// Finds the small graph inside a large one that fails.
#pragma once

#include <functional>

#include "ir/graph.h"

namespace ndl::test {

// A graph that `fails`, as `graph` does, of which no part can be left out: no element of the
// result, no node, which a parameter or one of its operands could stand for, no fusion that could
// be what it holds; and no extent can be smaller. Parameters are not those of `graph`, so `fails`
// chooses inputs by the graph it is given.
ir::Graph shrink_graph(const ir::Graph& graph, const std::function<bool(const ir::Graph&)>& fails);

}  // namespace ndl::test
