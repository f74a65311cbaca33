// Reading the graph a sub-command works on.
#pragma once

#include <string>

#include "ir/graph.h"

namespace ndl::tools {

// The verified graph in a file; "-" is standard input.
ir::Graph load_graph(const std::string& path);

}  // namespace ndl::tools
