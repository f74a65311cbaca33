// Which parameters of a graph hold indices, and how large those may be.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace ndl::tools {

// For each parameter the largest elements that no op finds out of range: none if it holds no
// indices (or nothing simple connects it with the op that reads them), one for all elements, or one
// for each. Elements of at least 0 are meant; a limit of 0 may still be out of range.
std::vector<ir::Dims> index_limits(const ir::Graph& graph);

}  // namespace ndl::tools
