#include "ir/control_flow.h"

namespace ndl::ir {

bool has_control_flow(const Graph& graph) {
  if (graph.region_depth() == 0) return false;
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    if (is_control_flow(graph.op({id}))) return true;
  }
  return false;
}

RegionParameters region_parameters(const Graph& graph, Value control_flow) {
  switch (graph.op(control_flow)) {
    case Op::kWhile:
      return {graph.type(control_flow).elements().size(), 0};
    case Op::kScan: {
      const Attributes& attributes = graph.attributes(control_flow);
      return {static_cast<std::size_t>(attributes.integer(Attr::kCarried)),
              static_cast<std::size_t>(attributes.integer(Attr::kScanned))};
    }
    default:
      return {};
  }
}

}  // namespace ndl::ir
