#include "tests/parameter_operands.h"

#include <memory>

#include "tests/random_graph.h"

namespace ndl::test {

using ir::TensorType;
using ir::Value;

Value ParameterOperands::any(DTypeSet allowed, std::size_t least_rank) {
  return operand(result_type(allowed, least_rank), 0);
}

Value ParameterOperands::of_type(const TensorType& type) { return operand(type, 0); }

Value ParameterOperands::indices(const TensorType& type, std::int64_t bound) {
  return operand(type, bound);
}

std::optional<Value> ParameterOperands::tuple() {
  const std::vector<Value> elements = {any(kAllDTypes, 0), any(kAllDTypes, 0)};
  return builder_.make_tuple(elements);
}

TensorType ParameterOperands::result_type(DTypeSet allowed, std::size_t least_rank) {
  if (!shape_ || shape_->rank() < least_rank) shape_ = choose_shape(least_rank);
  return {allowed.contains(dtype_) ? dtype_ : random_.dtype(allowed), *shape_};
}

ir::Region ParameterOperands::body(std::span<const ir::Type> parameters) {
  return std::make_shared<const ir::Graph>(random_body(random_.bits(), parameters, 3));
}

Value ParameterOperands::parameter(const TensorType& type, std::int64_t bound) {
  const Value placeholder = builder_.constant(type, 0);
  parameters_.emplace_back(placeholder, bound);
  return placeholder;
}

ParameterOperands::Finished ParameterOperands::finished(Value result) const {
  Finished finished;
  ir::Builder b(finished.graph);
  std::vector<std::optional<Value>> mapped(graph_.size());
  for (const auto& [placeholder, bound] : parameters_) {
    mapped[placeholder.id] = b.parameter(graph_.type(placeholder));
    finished.bounds.push_back(bound);
  }
  for (std::uint32_t id = 0; id <= result.id; ++id) {
    if (mapped[id]) continue;
    std::vector<Value> operands;
    for (const Value operand : graph_.operands({id})) operands.push_back(*mapped[operand.id]);
    mapped[id] = b.clone(graph_, {id}, operands);
  }
  b.set_result(*mapped[result.id]);
  return finished;
}

}  // namespace ndl::test
