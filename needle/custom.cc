#include "needle/custom.h"

#include <algorithm>
#include <mutex>

#include "base/error.h"
#include "ir/builder.h"
#include "ir/inline_graph.h"
#include "passes/derivative_parameters.h"
#include "passes/stabilize.h"
#include "passes/vjp.h"

namespace ndl::internal {
namespace {

// A leaf of that type, without data.
Tensor placeholder(const ir::TensorType& type) {
  return Tensor(make_leaf(type, {}, is_float(type.dtype)));
}

std::vector<Tensor> placeholders(const std::vector<ir::TensorType>& types) {
  std::vector<Tensor> result;
  for (const ir::TensorType& type : types) result.push_back(placeholder(type));
  return result;
}

void require_closed(const Trace& trace, const std::string& name, const char* what) {
  if (trace.captured.empty()) return;
  throw_error<UsageError>(
      "custom op '{}': its {} reads a tensor {} that is not among its arguments; pass it as one",
      name, what, trace.captured.front().type().to_string());
}

ir::Region as_region(ir::Graph graph, std::string_view name) {
  graph.set_name(name);
  return std::make_shared<const ir::Graph>(std::move(graph));
}

Value make_custom(std::vector<RecordRef> inputs, ir::Region body, ir::Region gradient,
                  const std::source_location& at) {
  ir::Attributes attributes{{ir::Attr::kBody, std::move(body)},
                            {ir::Attr::kGradient, std::move(gradient)}};
  return Value(make_record(ir::Op::kCustom, std::move(inputs), std::move(attributes), nullptr, at));
}

}  // namespace

struct CustomOp::Regions {
  std::vector<ir::TensorType> types;  // of the arguments
  ir::Region body;
  ir::Region gradient;
};

struct CustomOp::Known {
  std::mutex mutex;
  std::vector<Regions> regions;
};

CustomOp::CustomOp(std::string name, Body body, Gradient gradient)
    : name_(std::move(name)),
      body_(std::move(body)),
      gradient_(std::move(gradient)),
      known_(std::make_shared<Known>()) {
  if (ir::Graph(name_).name() != name_) {
    throw_error<UsageError>("'{}' is no name of an op: use letters, digits and '_'", name_);
  }
}

CustomOp::Regions CustomOp::regions_for(std::span<const Tensor> arguments) const {
  Regions regions;
  for (const Tensor& x : arguments) regions.types.push_back(x.type().tensor());
  {
    const std::lock_guard lock(known_->mutex);
    const auto it = std::ranges::find(known_->regions, regions.types, &Regions::types);
    if (it != known_->regions.end()) return *it;
  }
  ir::Type result;
  {
    TraceScope scope;
    const std::vector<Tensor> inputs = placeholders(regions.types);
    const Value value = body_(inputs);
    Trace trace = finish_trace(scope, inputs, &value, Numbers::kConstants);
    require_closed(trace, name_, "body");
    result = trace.graph.result_type();
    regions.body = as_region(std::move(trace.graph), name_);
  }
  {
    TraceScope scope;
    std::vector<ir::TensorType> floats = result.elements();
    std::erase_if(floats, [](const ir::TensorType& type) { return !is_float(type.dtype); });
    const CustomGradient at{placeholders(regions.types), placeholders(result.elements()),
                            placeholders(floats)};
    std::vector<Tensor> parameters = at.inputs;
    parameters.insert(parameters.end(), at.results.begin(), at.results.end());
    parameters.insert(parameters.end(), at.gradients.begin(), at.gradients.end());
    const std::vector<Tensor> gradients = gradient_(at);
    const Value value =
        gradients.size() == 1 ? Value(gradients.front()) : Value(make_tuple(std::span(gradients)));
    Trace trace = finish_trace(scope, parameters, &value, Numbers::kConstants);
    require_closed(trace, name_, "gradient");
    regions.gradient = as_region(std::move(trace.graph), "gradient");
  }
  constexpr std::size_t kMostKnown = 64;
  const std::lock_guard lock(known_->mutex);
  if (known_->regions.size() == kMostKnown) known_->regions.erase(known_->regions.begin());
  known_->regions.push_back(regions);
  return regions;
}

Value CustomOp::operator()(std::span<const Operand* const> operands) const {
  std::vector<Tensor> arguments;
  std::vector<RecordRef> inputs;
  for (const Operand* operand : operands) {
    arguments.push_back(operand->tensor());
    inputs.push_back(arguments.back().record());
  }
  const Regions regions = regions_for(arguments);
  return make_custom(std::move(inputs), regions.body, regions.gradient,
                     operands.front()->location());
}

Value checkpointed(const Trace& trace, std::vector<Tensor> arguments,
                   const std::source_location& at) {
  arguments.insert(arguments.end(), trace.captured.begin(), trace.captured.end());
  std::vector<RecordRef> inputs;
  for (const Tensor& x : arguments) inputs.push_back(x.record());
  ir::Graph body = passes::stabilize_traced(trace.graph).graph;

  ir::Graph gradient("gradient");
  ir::Builder b(gradient);
  std::vector<ir::Value> again = passes::clone_parameters(b, body).all;
  for (const ir::TensorType& type : body.result_type().elements()) b.parameter(type);
  const std::vector<ir::Value> incoming = passes::add_result_parameters(b, body);
  for (ir::Value& x : again) {
    if (!incoming.empty()) x = b.after(x, incoming.front());
  }
  again.insert(again.end(), incoming.begin(), incoming.end());
  std::vector<ir::Value> list = ir::inline_graph(b, passes::vjp(body), again);
  list.erase(list.begin(), list.begin() + std::ssize(body.result_type().elements()));
  b.set_result(list.size() == 1 ? list.front() : b.make_tuple(list));
  return make_custom(std::move(inputs), as_region(std::move(body), "checkpoint"),
                     std::make_shared<const ir::Graph>(std::move(gradient)), at);
}

}  // namespace ndl::internal
