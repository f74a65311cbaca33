#include "ir/inline_graph.h"

#include <algorithm>

namespace ndl::ir {

std::vector<Value> inline_graph(Builder& b, const Graph& source, std::span<const Value> inputs) {
  const Value result = source.result();
  std::vector<Value> mapped(source.size());
  std::ranges::copy(inputs, mapped.begin());
  std::vector<Value> operands;
  for (auto id = static_cast<std::uint32_t>(inputs.size()); id < source.size(); ++id) {
    operands.clear();
    for (const Value operand : source.operands({id})) operands.push_back(mapped[operand.id]);
    mapped[id] = b.clone(source, {id}, operands);
  }
  std::vector<Value> results;
  if (source.op(result) == Op::kMakeTuple) {
    for (const Value element : source.operands(result)) results.push_back(mapped[element.id]);
    return results;
  }
  if (!source.result_type().is_tuple()) return {mapped[result.id]};
  const auto count = static_cast<std::int64_t>(source.result_type().elements().size());
  for (std::int64_t i = 0; i < count; ++i) {
    results.push_back(b.get_tuple_element(mapped[result.id], i));
  }
  return results;
}

}  // namespace ndl::ir
