// The canonicalize rules that no pattern can say, because they compute attributes.
#pragma once

#include <vector>

#include "passes/rewrite.h"

namespace ndl::passes {

std::vector<Rule> structural_rules();
// Those of them that are about reshape, broadcast, transpose and reverse.
std::vector<Rule> move_rules();
// Those of them that are about slices, concatenations and padding.
std::vector<Rule> part_rules();
// Those that are about control flow.
std::vector<Rule> control_rules();

}  // namespace ndl::passes
