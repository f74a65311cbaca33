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
  ir::NodeMap mapped(source.size());
  for (std::uint32_t i = 0; i < source.num_parameters(); ++i) {
    // A derivative is linear in the gradient, so it does not need it.
    if (i < first || i >= first + count) mapped[i] = b.clone(source, {i}, {});
  }
  const Value result = source.result();
  ir::clone_needed(b, source, {&result, 1}, mapped);
  b.set_result(*mapped[result.id]);
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
