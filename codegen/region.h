// What the lowering of a body to one loop nest works on. Internal to codegen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "codegen/nest_builder.h"
#include "codegen/region_values.h"
#include "ir/graph.h"

namespace ndl::codegen {

struct Region {
  Region(const ir::Graph& graph, std::string name)
      : body(graph), nest(std::move(name)), values(graph, nest) {}

  const ir::Graph& body;
  NestBuilder nest;
  RegionValues values;
  std::vector<ir::Value> results;  // their buffers come after those of the parameters

  const ir::Shape& shape(ir::Value value) const { return body.type(value).shape(); }
  DType dtype(ir::Value value) const { return body.type(value).dtype(); }
  const ir::Attributes& attributes(ir::Value value) const { return body.attributes(value); }
  std::int32_t result_buffer(std::size_t i) const {
    return static_cast<std::int32_t>(body.num_parameters() + i);
  }

  // An outer loop for each axis, with lanes along the last.
  std::vector<IndexExpr> outer_loops(const ir::Shape& space);
  // Writes the results, all of that shape, at `index` in the current phase.
  void write_results(const ir::Shape& space, const std::vector<IndexExpr>& index);
  // The same after a contraction, whose elements some results have at other places.
  void write_results_or_transposes(const ir::Shape& space, const std::vector<IndexExpr>& index);
};

// The loops of a kernel and all that is in them. Each throws NotOneKernel.
//
// Of reduces over the same axes of one space, and what follows them there (lower_rows.cc).
void lower_rows(Region& region, const std::vector<ir::Value>& reduces);
// Of one op and what follows it (lower_window.cc, lower_contraction.cc).
void lower_extremum(Region& region, ir::Value root);
void lower_cumsum(Region& region, ir::Value root);
void lower_reduce_window(Region& region, ir::Value root);
void lower_matmul(Region& region, ir::Value root);
void lower_conv(Region& region, ir::Value root);

}  // namespace ndl::codegen
