#include "passes/jvp.h"

#include "base/error.h"
#include "passes/dce.h"
#include "passes/inline_graph.h"
#include "passes/vjp.h"

namespace ndl::passes {

using ir::Builder;
using ir::Graph;
using ir::Value;

namespace {

// The graph without parameters from `first` on, which nothing uses.
Graph without_parameters(const Graph& source, std::size_t first, std::size_t count) {
  Graph graph(source.name());
  Builder b(graph);
  std::vector<Value> inputs;
  for (std::uint32_t i = 0; i < first; ++i) inputs.push_back(b.clone(source, {i}, {}));
  const std::vector<bool> live = source.live_nodes();
  std::vector<Value> mapped = inputs;
  mapped.resize(source.size());
  std::vector<Value> operands;
  for (auto id = static_cast<std::uint32_t>(first + count); id < source.size(); ++id) {
    if (!live[id]) continue;
    operands.clear();
    for (const Value operand : source.operands({id})) {
      NDL_CHECK(operand.id < first || operand.id >= first + count,
                "a derivative is not linear in the gradient: %{}", id);
      operands.push_back(mapped[operand.id]);
    }
    mapped[id] = b.clone(source, {id}, operands);
  }
  b.set_result(mapped[source.result().id]);
  return graph;
}

}  // namespace

Graph jvp(const Graph& source) {
  Graph graph(source.name());
  Builder b(graph, ir::BuilderMode::kSimplifying);
  std::vector<Value> inputs;
  std::vector<Value> wrt;
  for (std::uint32_t i = 0; i < source.num_parameters(); ++i) {
    inputs.push_back(b.clone(source, {i}, {}));
    if (is_float_tensor(source.type({i}))) wrt.push_back(inputs.back());
  }
  std::vector<Value> tangents;
  for (const Value value : wrt) tangents.push_back(b.parameter(b.type(value)));
  // Whatever comes in backwards: nothing that goes forward depends on it.
  std::vector<Value> incoming;
  for (const ir::TensorType& type : source.result_type().elements()) {
    if (is_float(type.dtype)) incoming.push_back(b.parameter(type));
  }
  std::vector<Value> results = inline_graph(b, source, inputs);
  std::vector<Seed> seeds;
  for (const Value result : results) {
    if (is_float_tensor(b.type(result))) seeds.push_back({result, incoming[seeds.size()]});
  }
  const std::vector<std::optional<Value>> gradients = add_gradients(b, seeds, wrt);
  seeds.clear();
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    if (gradients[i]) seeds.push_back({*gradients[i], tangents[i]});
  }
  const std::vector<std::optional<Value>> forward = add_gradients(b, seeds, incoming);
  for (std::size_t i = 0; i < incoming.size(); ++i) {
    results.push_back(forward[i] ? *forward[i] : b.constant_like(incoming[i], 0));
  }
  b.set_result(b.make_tuple(results));
  return without_parameters(remove_dead_nodes(graph), inputs.size() + tangents.size(),
                            incoming.size());
}

Graph run_jvp(const Graph& graph, const PassContext&) { return jvp(graph); }

}  // namespace ndl::passes
