// Reverse-mode differentiation: vector-Jacobian products, as nodes of the same graph.
//
//   Builder b(graph);                       // holds loss = f(x, w)
//   const auto gradients = add_gradients(b, {{loss, b.constant_like(loss, 1)}}, {{w}});
//
// As a pass, a graph (parameters) -> (results) becomes
//
//   (parameters, a gradient for each result) -> (results, a gradient for each parameter)
//
// where only floating-point results and parameters have gradients. Ops that are equal to earlier
// ones of the gradient are those. passes/derive.h has the rules and their conventions.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"
#include "passes/pass.h"

namespace ndl::passes {

// A value that is differentiated, and the gradient that comes in for it, of the same type.
struct Seed {
  ir::Value value;
  ir::Value gradient;
};

// Adds the gradients of the seeds with respect to each value of `wrt`, all of them floating-point
// tensors; nothing where the seeds do not depend on the value, and the gradient is 0. The nodes get
// the locations of the nodes whose gradients they belong to. Throws UnsupportedError for a fusion
// and for a while without a limit.
std::vector<std::optional<ir::Value>> add_gradients(ir::Builder& b, std::span<const Seed> seeds,
                                                    std::span<const ir::Value> wrt);

// A seed for each of `values` that is a floating-point tensor, with the next of `gradients`.
std::vector<Seed> seeds_of(const ir::Builder& b, std::span<const ir::Value> values,
                           std::span<const ir::Value> gradients);

// The graph with gradients as above.
ir::Graph vjp(const ir::Graph& graph);

ir::Graph run_vjp(const ir::Graph& graph, const PassContext& context);

}  // namespace ndl::passes
