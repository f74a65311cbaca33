#include "passes/inline_graph.h"

#include <algorithm>

namespace ndl::passes {

using ir::Value;

std::vector<Value> inline_graph(ir::Builder& b, const ir::Graph& source,
                                std::span<const Value> inputs) {
  std::vector<Value> mapped(source.size());
  std::ranges::copy(inputs, mapped.begin());
  std::vector<Value> operands;
  for (auto id = static_cast<std::uint32_t>(inputs.size()); id < source.size(); ++id) {
    operands.clear();
    for (const Value operand : source.operands({id})) operands.push_back(mapped[operand.id]);
    mapped[id] = b.clone(source, {id}, operands);
  }
  const Value result = mapped[source.result().id];
  if (!source.result_type().is_tuple()) return {result};
  std::vector<Value> results;
  const auto count = static_cast<std::int64_t>(source.result_type().elements().size());
  for (std::int64_t i = 0; i < count; ++i) results.push_back(b.get_tuple_element(result, i));
  return results;
}

ClonedParameters clone_parameters(ir::Builder& b, const ir::Graph& source) {
  ClonedParameters cloned;
  for (std::uint32_t i = 0; i < source.num_parameters(); ++i) {
    cloned.all.push_back(b.clone(source, {i}, {}));
    if (is_float_tensor(source.type({i}))) cloned.floats.push_back(cloned.all.back());
  }
  return cloned;
}

std::vector<Value> add_result_parameters(ir::Builder& b, const ir::Graph& source) {
  std::vector<Value> parameters;
  for (const ir::TensorType& type : source.result_type().elements()) {
    if (is_float(type.dtype)) parameters.push_back(b.parameter(type));
  }
  return parameters;
}

}  // namespace ndl::passes
