// Random valid graphs over the whole op table.
#pragma once

#include <cstdint>
#include <span>

#include "ir/graph.h"
#include "tests/random.h"

namespace ndl::test {

// `nodes` ops, more or less, over a few parameters; every op of the table turns up in time, with
// names, zero extents, rank 0, all dtypes, tuples and fusions among them. Running it may fail only
// with an IndexError.
ir::Graph random_graph(std::uint64_t seed, int nodes);

// The same over parameters of these types, without fusions inside: for the body of one.
ir::Graph random_body(std::uint64_t seed, std::span<const ir::Type> parameters, int nodes);

}  // namespace ndl::test
