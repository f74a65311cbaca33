#include "tests/codegen/fused_multiply_add.h"

#include "codegen/lower_graph.h"
#include "tests/math/leaves.h"

namespace ndl::codegen {

FusedMultiplyAdd fused_multiply_add(const ir::Graph& graph) {
  FusedMultiplyAdd found;
  for (const LoopNest& nest : lower_graph(graph).kernels) {
    for (const Instruction& x : nest.instructions) {
      found.in_leaves |= x.kind == InstructionKind::kOp &&
                         ir::math::test::bounds_of(ir::name_of(x.op)).has_value();
    }
    for (const Phase& phase : nest.phases) {
      for (const Reduction& reduction : phase.reductions) {
        found.in_sums |=
            reduction.order == ReductionOrder::kContraction && is_float(reduction.accumulator);
      }
    }
  }
  return found;
}

}  // namespace ndl::codegen
