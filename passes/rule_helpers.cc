#include "passes/rule_helpers.h"

#include <algorithm>

namespace ndl::passes {

using ir::Dims;
using ir::Graph;
using ir::Value;

bool all_are(const Dims& values, std::int64_t x) {
  return std::ranges::all_of(values, [x](std::int64_t value) { return value == x; });
}

Dims inverse(const Dims& permutation) {
  Dims result(permutation.size());
  for (std::size_t i = 0; i < permutation.size(); ++i) {
    result[static_cast<std::size_t>(permutation[i])] = static_cast<std::int64_t>(i);
  }
  return result;
}

std::optional<Value> inner_of_same_op(const Graph& graph, Value value) {
  const Value inner = graph.operand(value, 0);
  if (graph.op(inner) != graph.op(value)) return std::nullopt;
  return graph.operand(inner, 0);
}

}  // namespace ndl::passes
