#include "ir/signature.h"

#include <fmt/format.h>

#include "base/error.h"

namespace ndl::ir {

Signature signature_of(const Graph& graph) {
  Signature signature;
  signature.name = graph.name();
  for (std::size_t i = 0; i < graph.num_parameters(); ++i) {
    signature.input_names.push_back(graph.name(graph.parameter(i)));
    signature.inputs.push_back(graph.type(graph.parameter(i)).tensor());
  }
  signature.outputs = graph.result_type().elements();
  return signature;
}

void check_inputs(const Signature& signature, std::span<const Literal> inputs) {
  if (inputs.size() != signature.inputs.size()) {
    throw_error<ShapeError>("graph '{}' takes {} input{}, got {}", signature.name,
                            signature.inputs.size(), signature.inputs.size() == 1 ? "" : "s",
                            inputs.size());
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorType& expected = signature.inputs[i];
    if (inputs[i].type() == expected) continue;
    const std::string& name = signature.input_names[i];
    const std::string label =
        name.empty() ? fmt::format("input {}", i) : fmt::format("input '{}'", name);
    const std::string message = fmt::format("{} must be {}, got {}", label, expected.to_string(),
                                            inputs[i].type().to_string());
    if (inputs[i].dtype() != expected.dtype) throw DTypeError(message);
    throw ShapeError(message);
  }
}

}  // namespace ndl::ir
