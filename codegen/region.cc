#include "codegen/region.h"

namespace ndl::codegen {

std::vector<IndexExpr> Region::outer_loops(const ir::Shape& space) {
  nest.nest().outer_lanes = true;
  std::vector<IndexExpr> index;
  for (const std::int64_t extent : space) index.push_back(nest.outer_loop(extent));
  return index;
}

void Region::write_results(const ir::Shape& space, const std::vector<IndexExpr>& index) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (shape(results[i]) != space) throw NotOneKernel();
    nest.write(values.at(results[i], {index, {}}), result_buffer(i), linear(space, index));
  }
}

void Region::write_results_or_transposes(const ir::Shape& space,
                                         const std::vector<IndexExpr>& index) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    ir::Value value = results[i];
    std::vector<IndexExpr> place = index;
    if (body.op(value) == ir::Op::kTranspose) {
      value = body.operand(value, 0);
      const ir::Dims& permutation = attributes(results[i]).integers(ir::Attr::kPermutation);
      for (std::size_t axis = 0; axis < place.size(); ++axis) {
        place[axis] = index[static_cast<std::size_t>(permutation[axis])];
      }
    }
    if (shape(value) != space) throw NotOneKernel();
    nest.write(values.at(value, {index, {}}), result_buffer(i), linear(shape(results[i]), place));
  }
}

}  // namespace ndl::codegen
