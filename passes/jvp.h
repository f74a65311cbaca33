// Forward-mode differentiation: Jacobian-vector products. A graph (parameters) -> (results) becomes
//
//   (parameters, a tangent for each parameter) -> (results, a tangent for each result)
//
// where only floating-point parameters and results have tangents.
//
// vjp(f) is linear in the gradients that come in, so its own derivative with respect to those is
// what goes out forward (J. Townsend, "A new trick for calculating Jacobian vector products",
// 2017): no op needs a second rule.
#pragma once

#include "ir/graph.h"
#include "passes/pass.h"

namespace ndl::passes {

ir::Graph jvp(const ir::Graph& graph);

ir::Graph run_jvp(const ir::Graph& graph, const PassContext& context);

}  // namespace ndl::passes
