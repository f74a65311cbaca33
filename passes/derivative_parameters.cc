#include "passes/derivative_parameters.h"

namespace ndl::passes {

using ir::Value;

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
