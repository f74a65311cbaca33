#include "passes/dce.h"

#include "ir/control_flow.h"
#include "passes/narrow.h"
#include "passes/rebuild.h"

namespace ndl::passes {

namespace {

ir::Graph remove_unused(const ir::Graph& graph) {
  return rebuild(graph, ir::BuilderMode::kRaw,
                 [&](ir::Builder& builder, ir::Value value, std::span<const ir::Value> operands) {
                   return builder.clone(graph, value, operands);
                 });
}

}  // namespace

ir::Graph remove_dead_nodes(const ir::Graph& graph) {
  return ir::has_control_flow(graph) ? remove_unused(narrow_control_flow(graph))
                                     : remove_unused(graph);
}

ir::Graph run_dce(const ir::Graph& graph, const PassContext&) { return remove_dead_nodes(graph); }

}  // namespace ndl::passes
