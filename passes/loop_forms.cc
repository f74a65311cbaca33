#include "passes/loop_forms.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/error.h"
#include "ir/inline_graph.h"
#include "passes/derivative_parameters.h"
#include "passes/rebuild.h"

namespace ndl::passes {

using ir::Attr;
using ir::Attributes;
using ir::Builder;
using ir::Graph;
using ir::Op;
using ir::Value;

namespace {

// The region with the parameters of states without a stack as further results.
ir::Region with_states(const Graph& body, const std::vector<std::int64_t>& stacked) {
  auto graph = std::make_shared<Graph>(body.name());
  Builder b(*graph);
  const std::vector<Value> parameters = clone_parameters(b, body).all;
  std::vector<Value> results = ir::inline_graph(b, body, parameters);
  for (std::size_t i = 0; i < stacked.size(); ++i) {
    if (stacked[i] == -1) results.push_back(parameters[i]);
  }
  b.set_result(b.make_tuple(results));
  return graph;
}

// One step of a while: its state, or what the body makes of it.
ir::Region guarded_body(const Graph& condition, const Graph& body, std::size_t state) {
  Graph same("else");
  Builder inside(same);
  std::vector<Value> unchanged = clone_parameters(inside, body).all;
  unchanged.resize(state);
  inside.set_result(ir::packed(inside, body.result_type(), unchanged));

  auto graph = std::make_shared<Graph>("body");
  Builder b(*graph);
  const std::vector<Value> parameters = clone_parameters(b, body).all;
  const Value goes_on = ir::inline_graph(b, condition, parameters).front();
  auto then = std::make_shared<Graph>(body);
  then->set_name("then");
  b.set_result(
      b.cond(goes_on, parameters, std::move(then), std::make_shared<const Graph>(std::move(same))));
  return graph;
}

bool has_floats(const ir::Type& type) {
  return std::ranges::any_of(type.elements(), [](const auto& t) { return is_float(t.dtype); });
}

}  // namespace

std::vector<std::int64_t> stacked_states(const Graph& graph, Value scan) {
  const Attributes& attributes = graph.attributes(scan);
  const Graph& body = *attributes.region(Attr::kBody);
  const auto carried = static_cast<std::size_t>(attributes.integer(Attr::kCarried));
  const std::vector<Value> results = ir::result_parts(body);
  std::vector<std::int64_t> stacked(carried, -1);
  for (std::size_t k = carried; k < results.size(); ++k) {
    if (results[k].id < carried) stacked[results[k].id] = static_cast<std::int64_t>(k);
  }
  return stacked;
}

Value differentiable_loop(Builder& b, Value loop) {
  const std::vector<Value> operands(b.graph().operands(loop).begin(),
                                    b.graph().operands(loop).end());
  if (b.graph().op(loop) == Op::kWhile) {
    const Attributes attributes = b.graph().attributes(loop);
    const std::int64_t limit = attributes.integer(Attr::kLimit);
    if (limit == -1) {
      throw UnsupportedError(Diagnostic{b.graph().location(loop),
                                        "while: without a limit it has no derivative; give it one",
                                        {}});
    }
    const Graph& body = *attributes.region(Attr::kBody);
    const std::size_t state = body.result_type().elements().size();
    loop = b.scan(operands, guarded_body(*attributes.region(Attr::kCondition), body, state), limit,
                  static_cast<std::int64_t>(state), 0);
  }
  const std::vector<std::int64_t> stacked = stacked_states(b.graph(), loop);
  if (std::ranges::find(stacked, -1) == stacked.end()) return loop;
  Attributes attributes = b.graph().attributes(loop);
  attributes.set(Attr::kBody, with_states(*attributes.region(Attr::kBody), stacked));
  return b.add_node(Op::kScan, operands, std::move(attributes));
}

Graph with_differentiable_loops(const Graph& graph) {
  const auto build = [&](Builder& b, Value value, std::span<const Value> operands) {
    const Value copy = b.clone(graph, value, operands);
    const bool has_form =
        graph.op(value) == Op::kScan ||
        (graph.op(value) == Op::kWhile && graph.attributes(value).integer(Attr::kLimit) != -1);
    if (!has_form || !has_floats(graph.type(value))) return copy;
    const Value form = differentiable_loop(b, copy);
    if (form == copy) return copy;
    if (!graph.type(value).is_tuple()) return b.get_tuple_element(form, 0);
    std::vector<Value> results;
    for (std::size_t i = 0; i < graph.type(value).elements().size(); ++i) {
      results.push_back(b.get_tuple_element(form, static_cast<std::int64_t>(i)));
    }
    return b.make_tuple(results);
  };
  return rebuild(graph, ir::BuilderMode::kSimplifying, build);
}

}  // namespace ndl::passes
