#include "ir/verifier.h"

#include <algorithm>

#include "ir/infer.h"
#include "ir/printer.h"

namespace ndl::ir {
namespace {

template <class... Args>
[[noreturn]] void fail(const Graph& graph, Value value, fmt::format_string<Args...> format,
                       Args&&... args) {
  const std::string message = fmt::format(format, std::forward<Args>(args)...);
  throw VerifyError(Diagnostic{
      graph.location(value),
      fmt::format("{}, in '{}' of graph '{}'", message, print_node(graph, value), graph.name()),
      ""});
}

void verify_graph(const Graph& graph, int depth);

void verify_node(const Graph& graph, Value value, int depth) {
  const bool is_parameter = graph.op(value) == Op::kParameter;
  if (is_parameter != (value.id < graph.num_parameters())) {
    fail(graph, value, "parameters come before every other op");
  }
  for (const Value operand : graph.operands(value)) {
    if (operand.id >= value.id) fail(graph, value, "uses node {}, which comes later", operand.id);
  }
  if (is_parameter) {
    if (graph.type(value).is_tuple()) fail(graph, value, "a parameter is a tensor");
    return;
  }
  std::vector<const Type*> types;
  for (const Value operand : graph.operands(value)) types.push_back(&graph.type(operand));
  Attributes attributes = graph.attributes(value);
  try {
    infer_type(graph.def(value), types, attributes, &graph.type(value));
  } catch (const Error& error) {
    fail(graph, value, "{}", error.message());
  }
  if (!(attributes == graph.attributes(value))) {
    fail(graph, value, "its attributes are not complete or not in order");
  }
  for (const auto& [name, attribute] : attributes) {
    const auto* region = std::get_if<Region>(&attribute);
    if (region != nullptr) verify_graph(**region, depth + 1);
  }
}

void verify_graph(const Graph& graph, int depth) {
  if (depth > kMaxRegionDepth) {
    throw_error<VerifyError>("graph '{}': regions nest at most {} deep", graph.name(),
                             kMaxRegionDepth);
  }
  if (!graph.has_result()) throw_error<VerifyError>("graph '{}' has no result", graph.name());
  for (std::uint32_t id = 0; id < graph.size(); ++id) verify_node(graph, {id}, depth);
}

}  // namespace

void verify(const Graph& graph) { verify_graph(graph, 0); }

}  // namespace ndl::ir
