// Hoist: what a loop computes again in every step, of operands that stay, is computed once before
// it.
//
//   %0 = scan(%h, %w, length=9, carried=1)           %0 = transpose(%w, ...)
//   body(%h, %w) {                             ->    %1 = scan(%h, %0, length=9, carried=1)
//     %0 = transpose(%w, ...)                        body(%h, %t) {
//     %1 = matmul(%h, %0)                              %0 = matmul(%h, %t)
//     ...                                              ...
//
// In a scan, products of matrices that no step waits for move out too (passes/loop_products.h).
//
// Indexing stays, as a loop without steps finds no index out of range; so do constants and what
// repeats a value, which cost nothing where they are.
#pragma once

#include "ir/graph.h"
#include "passes/pass.h"

namespace ndl::passes {

ir::Graph run_hoist(const ir::Graph& graph, const PassContext& context);

}  // namespace ndl::passes
