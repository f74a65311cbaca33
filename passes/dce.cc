#include "passes/dce.h"

#include "passes/rebuild.h"

namespace ndl::passes {

ir::Graph remove_dead_nodes(const ir::Graph& graph) {
  return rebuild(graph, ir::BuilderMode::kRaw,
                 [&](ir::Builder& builder, ir::Value value, std::span<const ir::Value> operands) {
                   return builder.clone(graph, value, operands);
                 });
}

ir::Graph run_dce(const ir::Graph& graph, const PassContext&) { return remove_dead_nodes(graph); }

}  // namespace ndl::passes
