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

}  // namespace ndl::codegen
