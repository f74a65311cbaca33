// Vectorizing map: a graph for one example as a graph for many.
//
//   graph f(%x: f32[3], %w: f32[3]) -> f32[] {       graph f(%x: f32[8,3], %w: f32[3]) -> f32[8] {
//     %0 = mul(%x, %w) : f32[3]                  ->    ...
//
// Parameters that are mapped have a new axis 0, of `size` examples, and so have the results. Values
// that no mapped parameter reaches are computed once. Ops get the axis as one of theirs; an op that
// has no place for it (random bits, a convolution whose kernels differ, windows at places that
// differ) becomes a scan over the examples. So does a `cond` whose examples differ, or a `while`
// whose examples end at different times, if there are indices inside, which may be out of range
// where an example does not go; else the `cond` computes both sides, and the `while` goes on until
// the last example ends.
//
// As a pass: vmap{size=8} maps all parameters, vmap{size=8 shared=1.2} all but numbers 1 and 2.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/graph.h"
#include "passes/pass.h"

namespace ndl::passes {

// `is_mapped` has a flag for each parameter. Throws ShapeError for a negative size.
ir::Graph vmap(const ir::Graph& graph, std::int64_t size, const std::vector<bool>& is_mapped);

ir::Graph run_vmap(const ir::Graph& graph, const PassContext& context);

}  // namespace ndl::passes
