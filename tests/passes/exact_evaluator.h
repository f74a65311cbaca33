// Graphs in arithmetic so wide that nothing overflows and nothing cancels: what a program means as
// mathematics. MPFR, with exponents of 62 bits.
#pragma once

#include <span>
#include <vector>

#include "ir/graph.h"
#include "ir/literal.h"

namespace ndl::passes {

// The results, as the nearest doubles, of a graph of elementwise ops on floats, sums and maxima,
// and ops that move elements. Anything else is an InternalError. The graph's dtypes are ignored.
std::vector<std::vector<double>> evaluate_exactly(const ir::Graph& graph,
                                                  std::span<const ir::Literal> inputs);

}  // namespace ndl::passes
