// Control flow: a launch that runs schedules of its own, once or again and again.
#include <utility>

#include "codegen/graph_lowering.h"
#include "codegen/lower_graph.h"
#include "ir/control_flow.h"

namespace ndl::codegen {

using ir::Attr;
using ir::Attributes;
using ir::Graph;
using ir::Op;
using ir::Value;

namespace {

runtime::ControlCall control_call(const Graph& graph, Value value) {
  const Attributes& attributes = graph.attributes(value);
  const ir::RegionParameters parameters = ir::region_parameters(graph, value);
  runtime::ControlCall call;
  call.states = parameters.states;
  call.scanned = parameters.scanned;
  switch (graph.op(value)) {
    case Op::kWhile:
      call.kind = runtime::ControlKind::kWhile;
      call.length = attributes.integer(Attr::kLimit);
      break;
    case Op::kScan:
      call.kind = runtime::ControlKind::kScan;
      call.length = attributes.integer(Attr::kLength);
      call.is_reverse = attributes.boolean(Attr::kReverse);
      break;
    default:
      call.kind = runtime::ControlKind::kCond;
  }
  return call;
}

}  // namespace

Buffers GraphLowering::lower_control(const Graph& graph, Value value, const Buffers& operands) {
  auto control = std::make_shared<ControlFlow>();
  control->name = graph.def(value).name;
  control->call = control_call(graph, value);
  control->call.operands = operands.size();
  for (const ir::AttrDef& attr : graph.def(value).attributes) {
    if (attr.kind != ir::AttrKind::kRegion) continue;
    control->regions.push_back(lower_graph(*graph.attributes(value).region(attr.name)));
  }
  Buffers buffers = operands;
  const Buffers results = temporaries(graph.type(value));
  buffers.insert(buffers.end(), results.begin(), results.end());
  const auto add_memory = [&](const ir::TensorType& type) {
    buffers.push_back(temporary(type));
    return static_cast<std::int32_t>(buffers.size()) - 1;
  };
  if (graph.op(value) == Op::kWhile) add_memory({DType::kBool, {}});
  const Schedule& body = control->regions.back();
  for (std::size_t i = 0; i < control->call.states; ++i) {
    const bool is_in_place = body.outputs_over[i] == static_cast<std::int32_t>(i);
    control->call.alternates.push_back(is_in_place ? -1 : add_memory(type(results[i])));
  }
  schedule_.launches.push_back({.buffers = std::move(buffers), .control = std::move(control)});
  return results;
}

}  // namespace ndl::codegen
