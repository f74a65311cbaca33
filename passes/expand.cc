#include "passes/expand.h"

#include "passes/rebuild.h"

namespace ndl::passes {

ir::Graph run_expand(const ir::Graph& graph, const PassContext& context) {
  return rebuild(graph, ir::BuilderMode::kRaw,
                 [&](ir::Builder& builder, ir::Value value, std::span<const ir::Value> operands) {
                   const ir::OpDef& def = graph.def(value);
                   const ir::Attributes& attributes = graph.attributes(value);
                   if (def.expand != nullptr) return def.expand(builder, operands, attributes);
                   const auto expand = [&](const ir::Graph& region) {
                     return run_expand(region, context);
                   };
                   return builder.add_node(def.op, operands, map_regions(attributes, expand),
                                           &graph.type(value));
                 });
}

}  // namespace ndl::passes
