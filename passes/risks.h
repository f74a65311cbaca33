// What of a graph is prone to overflow, or to divide by zero or cancel, for some finite inputs:
// what is left to say after `stabilize`, for --explain=stabilize.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace ndl::passes {

struct Risk {
  ir::Value value;
  std::string what;       // "overflows f32 above 88.72"
  std::string_view hint;  // what to write instead
};

// In the order of nodes; of live ones. No claim that any input makes it happen: ranges are wider
// than what is computed.
std::vector<Risk> find_risks(const ir::Graph& graph);

}  // namespace ndl::passes
