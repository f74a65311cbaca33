// Matrix products and convolutions: an outer loop for each axis of the result, lanes along the
// last, and a phase that contracts.
#include "codegen/region.h"

namespace ndl::codegen {

using ir::Attr;
using ir::Attributes;
using ir::Op;
using ir::ReduceKind;
using ir::Shape;
using ir::Value;

namespace {

// Contracts `left` and `right` over the loops of the phase to the element `index` of `root`.
void contract(Region& region, Value root, Local left, Local right, std::vector<IndexExpr> index) {
  const DType accumulator = accumulator_of(region.dtype(root));
  region.values.define(root, index,
                       region.nest.reduce(ReductionOrder::kContraction, ReduceKind::kSum,
                                          accumulator, region.nest.convert(left, accumulator),
                                          region.nest.convert(right, accumulator)));
  region.values.begin_phase();
  region.write_results_or_transposes(region.shape(root), index);
}

// The sum of nothing.
void contract_nothing(Region& region, Value root) {
  const std::vector<IndexExpr> index = region.outer_loops(region.shape(root));
  region.values.begin_phase();
  region.values.define(root, index, region.nest.constant(region.dtype(root), 0));
  region.write_results_or_transposes(region.shape(root), index);
}

}  // namespace

void lower_matmul(Region& region, Value root) {
  const Value a = region.body.operand(root, 0);
  const Value b = region.body.operand(root, 1);
  const Shape& result = region.shape(root);
  const std::size_t rank = result.rank();
  const std::int64_t depth = region.shape(a)[region.shape(a).rank() - 1];
  if (depth == 0) return contract_nothing(region, root);
  const std::vector<IndexExpr> index = region.outer_loops(result);
  region.values.begin_phase();
  const IndexExpr k = region.nest.phase_loop(depth);
  const auto operand_place = [&](Value x) {
    const std::size_t missing = rank - region.shape(x).rank();
    Place place;
    for (std::size_t i = missing; i + 2 < rank; ++i) {
      place.index.push_back(region.shape(x)[i - missing] == 1 ? IndexExpr{} : index[i]);
    }
    return place;
  };
  Place left = operand_place(a);
  left.index.push_back(index[rank - 2]);
  left.index.push_back(k);
  Place right = operand_place(b);
  right.index.push_back(k);
  right.index.push_back(index[rank - 1]);
  contract(region, root, region.values.at(a, left), region.values.at(b, right), index);
}

void lower_conv(Region& region, Value root) {
  const Value x = region.body.operand(root, 0);
  const Value kernel = region.body.operand(root, 1);
  const Attributes& a = region.attributes(root);
  const Shape& result = region.shape(root);
  const std::size_t spatial = result.rank() - 2;
  const std::int64_t groups = a.integer(Attr::kGroups);
  const std::int64_t channels = region.shape(kernel)[spatial];
  const std::int64_t features = region.shape(kernel)[spatial + 1] / groups;
  if (region.shape(kernel).num_elements() == 0) return contract_nothing(region, root);
  region.nest.nest().outer_lanes = true;
  std::vector<IndexExpr> index;
  for (std::size_t i = 0; i <= spatial; ++i) index.push_back(region.nest.outer_loop(result[i]));
  const IndexExpr group = region.nest.outer_loop(groups);
  const IndexExpr feature_in_group = region.nest.outer_loop(features);
  IndexExpr feature = scaled(group, features);
  feature.add(feature_in_group, 1);
  index.push_back(feature);
  region.values.begin_phase();

  Place left{{index[0]}, {}};
  Place right;
  for (std::size_t i = 0; i < spatial; ++i) {
    if (a.integers(Attr::kBaseDilation)[i] != 1) throw NotOneKernel();
    const std::int64_t taps = region.shape(kernel)[i];
    const std::int64_t extent = region.shape(x)[i + 1];
    const std::int64_t stride = result[i + 1] > 1 ? a.integers(Attr::kStride)[i] : 0;
    const std::int64_t dilation = taps > 1 ? a.integers(Attr::kDilation)[i] : 0;
    const std::int64_t low = a.integers(Attr::kLow)[i];
    const IndexExpr tap = region.nest.phase_loop(taps);
    IndexExpr at_x = scaled(index[i + 1], stride, -low);
    at_x.add(tap, dilation);
    const std::int64_t last = (result[i + 1] - 1) * stride + (taps - 1) * dilation - low;
    if (low > 0 || last >= extent) left.guards.push_back({at_x, 0, extent});
    left.index.push_back(std::move(at_x));
    right.index.push_back(tap);
  }
  const IndexExpr channel = region.nest.phase_loop(channels);
  IndexExpr x_channel = scaled(group, channels);
  x_channel.add(channel, 1);
  left.index.push_back(x_channel);
  right.index.push_back(channel);
  right.index.push_back(feature);
  const DType type = region.dtype(x);
  const bool is_padding_alone = region.shape(x).num_elements() == 0;
  Local patch = is_padding_alone ? region.nest.constant(type, 0) : region.values.at(x, left);
  if (!is_padding_alone && !left.guards.empty() && region.body.op(x) != Op::kParameter) {
    patch = region.nest.op(Op::kSelect, type,
                           {region.nest.inside(left.guards), patch, region.nest.constant(type, 0)});
  }
  contract(region, root, patch, region.values.at(kernel, right), index);
}

}  // namespace ndl::codegen
