#include "ir/inline_graph.h"

#include <algorithm>

#include "base/error.h"

namespace ndl::ir {

void clone_needed(Builder& b, const Graph& source, std::span<const Value> roots, NodeMap& mapped) {
  std::vector<bool> is_needed(source.size());
  for (const Value root : roots) is_needed[root.id] = true;
  for (auto id = static_cast<std::uint32_t>(source.size()); id-- > 0;) {
    if (mapped[id]) is_needed[id] = false;
    if (!is_needed[id]) continue;
    for (const Value operand : source.operands({id})) is_needed[operand.id] = true;
  }
  std::vector<Value> operands;
  for (std::uint32_t id = 0; id < source.size(); ++id) {
    if (!is_needed[id]) continue;
    NDL_CHECK(source.op({id}) != Op::kParameter, "nothing stands for parameter %{} of '{}'", id,
              source.name());
    operands.clear();
    for (const Value operand : source.operands({id})) operands.push_back(*mapped[operand.id]);
    mapped[id] = b.clone(source, {id}, operands);
  }
}

std::vector<Value> result_parts(const Graph& graph) {
  const Value result = graph.result();
  if (graph.op(result) != Op::kMakeTuple) return {result};
  return {graph.operands(result).begin(), graph.operands(result).end()};
}

Value packed(Builder& b, const Type& type, std::span<const Value> tensors) {
  return type.is_tuple() ? b.make_tuple(tensors) : tensors.front();
}

std::vector<Value> inline_graph(Builder& b, const Graph& source, std::span<const Value> inputs) {
  NodeMap mapped(source.size());
  std::ranges::copy(inputs, mapped.begin());
  const std::vector<Value> parts = result_parts(source);
  clone_needed(b, source, parts, mapped);
  std::vector<Value> results;
  const bool is_whole_tuple =
      source.op(source.result()) != Op::kMakeTuple && source.result_type().is_tuple();
  if (!is_whole_tuple) {
    for (const Value part : parts) results.push_back(*mapped[part.id]);
    return results;
  }
  const auto count = static_cast<std::int64_t>(source.result_type().elements().size());
  for (std::int64_t i = 0; i < count; ++i) {
    results.push_back(b.get_tuple_element(*mapped[source.result().id], i));
  }
  return results;
}

Graph with_results(const Graph& source, std::span<const Value> results) {
  Graph graph(source.name());
  Builder b(graph);
  NodeMap mapped(source.size());
  for (std::size_t i = 0; i < source.num_parameters(); ++i) {
    mapped[i] = b.clone(source, source.parameter(i), {});
  }
  clone_needed(b, source, results, mapped);
  std::vector<Value> values;
  for (const Value result : results) values.push_back(*mapped[result.id]);
  b.set_result(values.size() == 1 ? values.front() : b.make_tuple(values));
  return graph;
}

}  // namespace ndl::ir
