#include "passes/jvp.h"

#include "base/error.h"
#include "ir/inline_graph.h"
#include "passes/dce.h"
#include "passes/derivative_parameters.h"
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
  const ClonedParameters parameters = clone_parameters(b, source);
  std::vector<Value> tangents;
  for (const Value value : parameters.floats) tangents.push_back(b.parameter(b.type(value)));
  // Whatever comes in backwards: nothing that goes forward depends on it.
  const std::vector<Value> incoming = add_result_parameters(b, source);
  std::vector<Value> results = ir::inline_graph(b, source, parameters.all);
  const auto gradients = add_gradients(b, seeds_of(b, results, incoming), parameters.floats);
  std::vector<Seed> seeds;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (gradients[i]) seeds.push_back({*gradients[i], tangents[i]});
  }
  const auto forward = add_gradients(b, seeds, incoming);
  for (std::size_t i = 0; i < incoming.size(); ++i) {
    results.push_back(forward[i] ? *forward[i] : b.constant_like(incoming[i], 0));
  }
  b.set_result(b.make_tuple(results));
  return without_parameters(remove_dead_nodes(graph), parameters.all.size() + tangents.size(),
                            incoming.size());
}

Graph run_jvp(const Graph& graph, const PassContext&) { return jvp(graph); }

}  // namespace ndl::passes
