#include "codegen/lower_graph.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "codegen/arrange_launches.h"
#include "codegen/graph_lowering.h"
#include "codegen/lower_region.h"
#include "codegen/pack_operand.h"
#include "codegen/split_reduction.h"
#include "ir/builder.h"
#include "ir/expansion.h"

namespace ndl::codegen {

using ir::Attr;
using ir::Builder;
using ir::Graph;
using ir::Op;
using ir::TensorType;
using ir::Value;

namespace {

// Whether a kernel of the op can have splat constants inside, so that they need no memory: all, or
// that which the result begins as.
bool takes_splat(const Graph& graph, Value value, std::size_t operand) {
  switch (graph.op(value)) {
    case Op::kFusion:
    case Op::kCond:
    case Op::kWhile:
    case Op::kScan:
    case Op::kMakeTuple:
    case Op::kReshape:
    case Op::kAfter:
    case Op::kGather:
    case Op::kDynamicSlice:
    case Op::kSort:
      return false;
    case Op::kDynamicUpdateSlice:
    case Op::kScatterAdd:
      return operand == 0;
    default:
      return graph.def(value).expand == nullptr;
  }
}

// The op alone, in a graph of its own: splat constants inside, the other operands as parameters.
Graph single_op(const Graph& graph, Value value, const std::vector<Buffers>& values,
                Buffers& parameters) {
  Graph body("body");
  Builder b(body);
  std::map<Value, Value> inside;
  for (std::size_t i = 0; i < graph.operands(value).size(); ++i) {
    const Value operand = graph.operand(value, i);
    const bool is_inside = graph.is_splat(operand) && takes_splat(graph, value, i);
    if (is_inside || inside.contains(operand)) continue;
    inside[operand] = b.parameter(graph.type(operand));
    parameters.push_back(values[operand.id].front());
  }
  std::vector<Value> operands;
  for (const Value operand : graph.operands(value)) {
    if (!inside.contains(operand)) inside[operand] = b.clone(graph, operand, {});
    operands.push_back(inside[operand]);
  }
  b.set_result(b.clone(graph, value, operands));
  return body;
}

}  // namespace

void GraphLowering::launch(LoopNest nest, Buffers buffers, LaunchKind kind, std::int32_t check) {
  verify(nest);
  const auto [it, is_new] = kernels_.try_emplace(nest.key(), schedule_.kernels.size());
  if (is_new) {
    schedule_.kernels.push_back(std::move(nest));
    schedule_.keys.push_back(it->first);
  }
  schedule_.launches.push_back({it->second, std::move(buffers), kind, check, {}, {}});
}

std::int32_t GraphLowering::temporary(const TensorType& type) {
  schedule_.buffers.push_back({type, BufferRole::kTemporary});
  return static_cast<std::int32_t>(schedule_.buffers.size()) - 1;
}

Buffers GraphLowering::temporaries(const ir::Type& type) {
  Buffers result;
  for (const TensorType& element : type.elements()) result.push_back(temporary(element));
  return result;
}

std::int32_t GraphLowering::constant(const ir::Literal& literal) {
  // More than this is made by a kernel whenever it is needed, rather than kept.
  constexpr std::int64_t kMostKept = 1 << 16;
  const std::int32_t buffer = temporary(literal.type());
  if (literal.is_splat() && literal.type().bytes() > kMostKept) {
    fill(literal, buffer);
    return buffer;
  }
  schedule_.buffers.back().role = BufferRole::kConstant;
  schedule_.constants.push_back(buffer);
  schedule_.constant_values.push_back(literal.dense());
  return buffer;
}

Schedule GraphLowering::run(const Graph& graph) {
  Buffers parameters;
  for (std::size_t i = 0; i < graph.num_parameters(); ++i) {
    parameters.push_back(temporary(graph.type(graph.parameter(i)).tensor()));
    schedule_.buffers.back().role = BufferRole::kInput;
  }
  schedule_.inputs = parameters;
  for (std::int32_t result : lower(graph, parameters)) {
    if (schedule_.buffers[static_cast<std::size_t>(result)].role != BufferRole::kTemporary) {
      const std::int32_t output = temporary(type(result));
      copy(result, output);
      result = output;
    }
    schedule_.buffers[static_cast<std::size_t>(result)].role = BufferRole::kOutput;
    schedule_.outputs.push_back(result);
  }
  // A result that is a reshape of what it was computed as has that type.
  for (std::size_t i = 0; i < schedule_.outputs.size(); ++i) {
    schedule_.buffers[static_cast<std::size_t>(schedule_.outputs[i])].type =
        graph.result_type().elements()[i];
  }
  arrange_launches(schedule_);
  return std::move(schedule_);
}

Buffers GraphLowering::lower(const Graph& graph, const Buffers& parameters) {
  const std::vector<bool> live = graph.live_nodes();
  std::vector<Buffers> values(graph.size());
  // Constants are made where something reads them from memory.
  const auto need = [&](Value value) {
    if (graph.op(value) == Op::kConstant && values[value.id].empty()) {
      values[value.id] = {constant(graph.attributes(value).literal(Attr::kValue))};
    }
  };
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    const Value value{id};
    if (graph.op(value) == Op::kParameter) {
      values[id] = {parameters[id]};
      continue;
    }
    if (!live[id] || graph.op(value) == Op::kConstant) continue;
    for (std::size_t i = 0; i < graph.operands(value).size(); ++i) {
      const Value operand = graph.operand(value, i);
      if (!graph.is_splat(operand) || !takes_splat(graph, value, i)) need(operand);
    }
    values[id] = lower_node(graph, value, values);
  }
  need(graph.result());
  return values[graph.result().id];
}

Buffers GraphLowering::lower_node(const Graph& graph, Value value,
                                  const std::vector<Buffers>& values) {
  Buffers operands;
  for (const Value operand : graph.operands(value)) {
    operands.insert(operands.end(), values[operand.id].begin(), values[operand.id].end());
  }
  switch (graph.op(value)) {
    case Op::kMakeTuple:
    case Op::kReshape:
      return operands;
    case Op::kAfter:  // kernels run in the order of nodes
      return {operands.front()};
    case Op::kGetTupleElement:
      return {operands[static_cast<std::size_t>(graph.attributes(value).integer(Attr::kIndex))]};
    case Op::kFusion: {
      const Graph& body = *graph.attributes(value).region(Attr::kBody);
      const Buffers results = temporaries(body.result_type());
      return lower_body(body, operands, results) ? results : lower(body, operands);
    }
    case Op::kCond:
    case Op::kWhile:
    case Op::kScan:
      return lower_control(graph, value, operands);
    default:
      break;
  }
  if (graph.def(value).expand != nullptr) {
    return lower(ir::expansion(graph, value), operands);
  }
  Buffers parameters;
  const Graph body = single_op(graph, value, values, parameters);
  const Buffers results = temporaries(graph.type(value));
  const Op op = graph.op(value);
  if (op == Op::kSort) {
    lower_sort(body, operands, results);
    return results;
  }
  if (op == Op::kConcatenate || !lower_body(body, parameters, results)) {
    check_indices(body, parameters);
    lower_op(body, parameters, results.front());
  }
  return results;
}

bool GraphLowering::lower_body(const Graph& body, const Buffers& parameters, const Buffers& results,
                               LaunchKind kind) {
  const auto has_elements = [&](const TensorType& type) { return type.shape.num_elements() != 0; };
  const std::vector<TensorType>& types = body.result_type().elements();
  if (std::ranges::none_of(types, has_elements)) return check_indices(body, parameters);
  if (!std::ranges::all_of(types, has_elements)) return false;
  std::optional<LoopNest> nest = lower_region(body);
  if (!nest || !check_indices(body, parameters)) return false;
  Buffers buffers = parameters;
  buffers.insert(buffers.end(), results.begin(), results.end());
  launch_parts(std::move(*nest), std::move(buffers), kind);
  return true;
}

void GraphLowering::launch_parts(LoopNest nest, Buffers buffers, LaunchKind kind) {
  std::optional<NestParts> parts = split_reduction(nest);
  if (!parts) parts = pack_right_operand(nest);
  if (!parts) return launch(std::move(nest), std::move(buffers), kind);
  for (const KernelBuffer& buffer : parts->buffers) {
    buffers.push_back(temporary({buffer.dtype, ir::Shape({buffer.elements})}));
  }
  for (NestParts::Part& part : parts->parts) {
    Buffers own;
    for (const std::int32_t number : part.buffers) {
      own.push_back(buffers[static_cast<std::size_t>(number)]);
    }
    launch(std::move(part.nest), std::move(own), kind);
  }
}

Schedule lower_graph(const Graph& graph) { return GraphLowering().run(graph); }

}  // namespace ndl::codegen
