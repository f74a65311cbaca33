// The canonicalize rules that no pattern can say, because they compute attributes.
#pragma once

#include <vector>

#include "passes/rewrite.h"

namespace ndl::passes {

std::vector<Rule> structural_rules();

}  // namespace ndl::passes
