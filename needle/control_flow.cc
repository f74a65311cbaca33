#include "needle/control_flow.h"

#include <algorithm>
#include <memory>
#include <unordered_map>

#include "base/error.h"
#include "ir/builder.h"
#include "ir/inline_graph.h"
#include "needle/no_grad.h"
#include "needle/shaping.h"
#include "passes/loop_forms.h"

namespace ndl::internal {
namespace {

using ir::Attr;

// The operands of regions that are one node: arguments, then what each of them captures. A captured
// tensor is an operand once, even if it is an argument too: of a loop, that one changes.
class Operands {
 public:
  explicit Operands(const std::vector<Tensor>& arguments) : arguments_(arguments.size()) {
    for (const Tensor& x : arguments) records_.push_back(x.record());
  }

  // Where the region's parameters are among the operands.
  std::vector<std::size_t> add_captured(const Trace& trace) {
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < arguments_; ++i) places.push_back(i);
    for (const Tensor& x : trace.captured) {
      const auto [it, is_new] = known_.try_emplace(&*x.record(), records_.size());
      if (is_new) records_.push_back(x.record());
      places.push_back(it->second);
    }
    return places;
  }

  const std::vector<RecordRef>& records() const { return records_; }
  bool require_grad() const {
    return std::ranges::any_of(records_, [](const RecordRef& r) { return r->requires_grad; });
  }

  // The graph with a parameter for each operand, of which the first have these types.
  ir::Region region(const ir::Graph& graph, const std::vector<std::size_t>& places,
                    std::string_view name, const std::vector<ir::Type>& types) const {
    auto region = std::make_shared<ir::Graph>(name);
    ir::Builder b(*region);
    std::vector<std::string> names(records_.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
      names[places[i]] = graph.name(graph.parameter(i));
    }
    std::vector<ir::Value> parameters;
    for (std::size_t i = 0; i < records_.size(); ++i) {
      const ir::Type& type = i < types.size() ? types[i] : *records_[i]->type;
      parameters.push_back(b.parameter(type, names[i]));
    }
    std::vector<ir::Value> inputs;
    for (const std::size_t place : places) inputs.push_back(parameters[place]);
    const std::vector<ir::Value> results = ir::inline_graph(b, graph, inputs);
    b.set_result(ir::packed(b, graph.result_type(), results));
    return region;
  }

 private:
  std::vector<RecordRef> records_;
  std::unordered_map<const Record*, std::size_t> known_;  // that are captured
  std::size_t arguments_;
};

std::vector<ir::Type> types_of(const std::vector<Tensor>& xs) {
  std::vector<ir::Type> types;
  for (const Tensor& x : xs) types.push_back(x.type());
  return types;
}

// A tensor without data for each type, with history where the operand has it.
std::vector<Tensor> placeholders(const std::vector<ir::Type>& types,
                                 const std::vector<Tensor>& like) {
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < types.size(); ++i) {
    result.emplace_back(make_leaf(types[i].tensor(), {}, like[i].requires_grad()));
  }
  return result;
}

// The graph of f on tensors of these types.
template <class F>
Trace traced(const std::vector<ir::Type>& types, const std::vector<Tensor>& like, F&& f) {
  TraceScope scope(Changes::kRefused);
  const std::vector<Tensor> parameters = placeholders(types, like);
  const Value result = f(TensorSpan(parameters));
  return finish_trace(scope, parameters, &result, Numbers::kCaptured);
}

// The node of a loop, in the form that has a derivative if one may be wanted.
TensorTuple recorded_loop(ir::Op op, const Operands& operands, const ir::Attributes& attributes,
                          const std::source_location& at) {
  const auto record = [&](ir::Op as, const ir::Attributes& with) {
    return TensorTuple(make_record(as, operands.records(), with, nullptr, at));
  };
  const bool has_gradient = operands.require_grad() && grad_enabled();
  const bool has_form = op == ir::Op::kScan || attributes.integer(Attr::kLimit) != -1;
  if (!has_gradient || !has_form) return record(op, attributes);
  ir::Graph graph;
  ir::Builder b(graph);
  std::vector<ir::Value> parameters;
  for (const RecordRef& x : operands.records()) parameters.push_back(b.parameter(*x->type));
  const ir::Value loop = passes::differentiable_loop(b, b.add_node(op, parameters, attributes));
  return record(graph.op(loop), graph.attributes(loop));
}

std::vector<Tensor> elements(const TensorTuple& tuple, std::size_t begin, std::size_t end) {
  std::vector<Tensor> result;
  for (std::size_t i = begin; i < end; ++i) result.push_back(tuple[static_cast<std::int64_t>(i)]);
  return result;
}

}  // namespace

Value recorded_cond(const Tensor& pred, const Trace& then, const Trace& otherwise,
                    const std::vector<Tensor>& arguments, const std::source_location& at) {
  Operands operands(arguments);
  const std::vector<std::size_t> of_then = operands.add_captured(then);
  const std::vector<std::size_t> of_else = operands.add_captured(otherwise);
  std::vector<RecordRef> inputs = {pred.record()};
  inputs.insert(inputs.end(), operands.records().begin(), operands.records().end());
  return Value(make_record(ir::Op::kCond, std::move(inputs),
                           {{Attr::kThen, operands.region(then.graph, of_then, "then", {})},
                            {Attr::kElse, operands.region(otherwise.graph, of_else, "else", {})}},
                           nullptr, at));
}

std::vector<Tensor> recorded_while(const std::function<Tensor(TensorSpan)>& condition,
                                   const std::function<std::vector<Tensor>(TensorSpan)>& body,
                                   const std::vector<Tensor>& state, const WhileOptions& options,
                                   const std::source_location& at) {
  if (state.empty()) throw_error<UsageError>("while_loop: a loop without a state does nothing");
  const std::vector<ir::Type> types = types_of(state);
  const Trace goes_on = traced(types, state, condition);
  const Trace step = traced(types, state, [&](TensorSpan s) { return ndl::make_tuple(body(s)); });
  if (step.graph.result_type().elements().size() != state.size()) {
    throw_error<UsageError>("while_loop: the body gives {} tensors for a state of {}",
                            step.graph.result_type().elements().size(), state.size());
  }
  Operands operands(state);
  const std::vector<std::size_t> of_condition = operands.add_captured(goes_on);
  const std::vector<std::size_t> of_body = operands.add_captured(step);
  const TensorTuple result = recorded_loop(
      ir::Op::kWhile, operands,
      {{Attr::kLimit, options.limit},
       {Attr::kCondition, operands.region(goes_on.graph, of_condition, "condition", types)},
       {Attr::kBody, operands.region(step.graph, of_body, "body", types)}},
      at);
  return elements(result, 0, state.size());
}

ScanStep recorded_scan(const std::function<ScanStep(TensorSpan, TensorSpan)>& body,
                       const std::vector<Tensor>& state, const std::vector<Tensor>& items,
                       const ScanOptions& options, const std::source_location& at) {
  std::vector<Tensor> arguments = state;
  arguments.insert(arguments.end(), items.begin(), items.end());
  std::vector<ir::Type> types = types_of(state);
  std::int64_t length = options.length;
  for (const Tensor& x : items) {
    const ir::TensorType& type = x.type().tensor();
    if (type.shape.rank() == 0) {
      throw_error<ShapeError>("scan: items are {}, which has no axis to go along",
                              type.to_string());
    }
    if (length == -1) length = type.shape[0];
    const ir::Dims& dims = type.shape.dims();
    types.emplace_back(type.dtype, ir::Shape(ir::Dims(dims.begin() + 1, dims.end())));
  }
  if (length == -1) throw_error<UsageError>("scan: without items it needs a length");
  std::size_t outputs = 0;
  const Trace step = traced(types, arguments, [&](TensorSpan xs) {
    ScanStep result = body(xs.first(state.size()), xs.subspan(state.size()));
    if (result.state.size() != state.size()) {
      throw_error<UsageError>("scan: the body gives a state of {} tensors for one of {}",
                              result.state.size(), state.size());
    }
    outputs = result.outputs.size();
    std::vector<Tensor> all = std::move(result.state);
    all.insert(all.end(), result.outputs.begin(), result.outputs.end());
    return ndl::make_tuple(all);
  });
  Operands operands(arguments);
  const std::vector<std::size_t> of_body = operands.add_captured(step);
  const TensorTuple result =
      recorded_loop(ir::Op::kScan, operands,
                    {{Attr::kLength, length},
                     {Attr::kCarried, std::ssize(state)},
                     {Attr::kScanned, std::ssize(items)},
                     {Attr::kReverse, std::int64_t{options.reverse}},
                     {Attr::kBody, operands.region(step.graph, of_body, "body", types)}},
                    at);
  return {elements(result, 0, state.size()),
          elements(result, state.size(), state.size() + outputs)};
}

}  // namespace ndl::internal
