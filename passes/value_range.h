// Between which numbers the elements of each value lie, if all parameters are finite numbers of
// their dtype: interval arithmetic, with the few facts that it cannot see (x - max(x) is at most 0,
// x * x at least 0).
#pragma once

#include <vector>

#include "ir/graph.h"

namespace ndl::passes {

struct ValueRange {
  double low;
  double high;

  bool contains(double x) const { return low <= x && x <= high; }
};

// The largest finite number of a dtype of floats.
double largest_finite(DType dtype);

// One for each node; of tuples and of what is not known, everything.
std::vector<ValueRange> value_ranges(const ir::Graph& graph);

}  // namespace ndl::passes
