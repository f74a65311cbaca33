// Canonicalize: one way to write a thing, and nothing written that need not be.
//
//   %0 = neg(%x) : f32[3]                   %0 = mul(%x, %y) : f32[3]
//   %1 = neg(%y) : f32[3]            ->     return %0
//   %2 = mul(%0, %1) : f32[3]
//   return %2
//
// Applies the rules of canonicalize_rules(), merges equal nodes, folds small constants and drops
// dead nodes. Every rule is exact in floating point: no bit of any result changes, whatever the
// inputs. A second run changes nothing.
#pragma once

#include <span>

#include "ir/graph.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace ndl::passes {

std::span<const Rule> canonicalize_rules();

ir::Graph run_canonicalize(const ir::Graph& graph, const PassContext& context);

}  // namespace ndl::passes
