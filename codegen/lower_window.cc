// Ops whose sums run in order: extrema, running sums, windows.
#include <algorithm>

#include "base/checked.h"
#include "codegen/region.h"
#include "ir/reduction.h"

namespace ndl::codegen {

using ir::Attr;
using ir::Attributes;
using ir::Op;
using ir::ReduceKind;
using ir::Shape;
using ir::Value;

void lower_extremum(Region& region, Value root) {
  const Value x = region.body.operand(root, 0);
  const auto axis = static_cast<std::size_t>(region.attributes(root).integer(Attr::kAxis));
  const std::vector<IndexExpr> target = region.outer_loops(region.shape(root));
  region.values.begin_phase();
  std::vector<IndexExpr> index = target;
  index.insert(index.begin() + static_cast<std::ptrdiff_t>(axis),
               region.nest.phase_loop(region.shape(x)[axis]));
  const DType accumulator = accumulator_of(region.dtype(x));
  const ReduceKind kind = region.body.op(root) == Op::kArgmax ? ReduceKind::kMax : ReduceKind::kMin;
  region.values.define(
      root, target,
      region.nest.reduce(ReductionOrder::kFirst, kind, accumulator,
                         region.nest.convert(region.values.at(x, {index, {}}), accumulator)));
  region.values.begin_phase();
  region.write_results(region.shape(root), target);
}

// The running sums are written in the loop itself.
void lower_cumsum(Region& region, Value root) {
  if (region.body.result() != root) throw NotOneKernel();
  const Value x = region.body.operand(root, 0);
  const auto axis = static_cast<std::size_t>(region.attributes(root).integer(Attr::kAxis));
  region.nest.nest().outer_lanes = true;
  std::vector<IndexExpr> index(region.shape(x).rank());
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (i != axis) index[i] = region.nest.outer_loop(region.shape(x)[i]);
  }
  region.values.begin_phase();
  index[axis] = region.nest.phase_loop(region.shape(x)[axis]);
  const DType accumulator = accumulator_of(region.dtype(x));
  const Local sum =
      region.nest.reduce(ReductionOrder::kSequence, ReduceKind::kSum, accumulator,
                         region.nest.convert(region.values.at(x, {index, {}}), accumulator));
  region.nest.write(sum, region.result_buffer(0), linear(region.shape(x), index));
}

void lower_reduce_window(Region& region, Value root) {
  const Value x = region.body.operand(root, 0);
  const Attributes& a = region.attributes(root);
  const Shape& windows = region.shape(root);
  const DType accumulator = accumulator_of(region.dtype(x));
  const std::vector<IndexExpr> index = region.outer_loops(windows);
  region.values.begin_phase();
  Place place;
  bool any_padding = false;
  bool any_taps = region.shape(x).num_elements() != 0;
  for (std::size_t i = 0; i < windows.rank() && any_taps; ++i) {
    const std::int64_t stride = windows[i] > 1 ? a.integers(Attr::kStride)[i] : 0;
    const std::int64_t low = a.integers(Attr::kLow)[i];
    const std::int64_t dilation = a.integers(Attr::kDilation)[i];
    const std::int64_t last_window = (windows[i] - 1) * stride;
    // The taps that lie in x for some window; the others hold the neutral element always.
    const std::int64_t first = low > last_window ? ceil_div(low - last_window, dilation) : 0;
    const std::int64_t end =
        std::min(a.integers(Attr::kSize)[i], (region.shape(x)[i] - 1 + low) / dilation + 1);
    any_taps = first < end;
    if (!any_taps) break;
    IndexExpr at_x = scaled(index[i], stride, first * dilation - low);
    at_x.add(region.nest.phase_loop(end - first), dilation);
    if (at_x.base < 0 ||
        at_x.base + last_window + (end - 1 - first) * dilation >= region.shape(x)[i]) {
      any_padding = true;
      place.guards.push_back({at_x, 0, region.shape(x)[i]});
    }
    place.index.push_back(std::move(at_x));
  }
  const ReduceKind kind = a.kind();
  Local neutral = -1;
  Local empty = -1;
  ir::visit_reduction(kind, accumulator, [&]<ReduceKind kKind, class A>() {
    neutral = region.nest.constant_element(ir::neutral_element<kKind, A>());
    if (!any_taps) empty = region.nest.constant_element(ir::empty_reduction<kKind, A>());
  });
  if (!any_taps) {
    region.nest.nest().phases.back().loops.clear();
    region.values.define(root, index, empty);
    return region.write_results(windows, index);
  }
  Local value = region.nest.convert(region.values.at(x, place), accumulator);
  Local any_inside = -1;
  if (any_padding) {
    const Local inside = region.nest.inside(place.guards);
    value = region.nest.op(Op::kSelect, accumulator, {inside, value, neutral});
    any_inside =
        region.nest.reduce(ReductionOrder::kSequence, ReduceKind::kOr, DType::kBool, inside);
  }
  Local result = region.nest.reduce(ReductionOrder::kSequence, kind, accumulator, value);
  region.values.begin_phase();
  if (any_padding && kind == ReduceKind::kSum) {
    result = region.nest.op(Op::kSelect, accumulator,
                            {any_inside, result, region.nest.constant(accumulator, 0)});
  }
  region.values.define(root, index, result);
  region.write_results(windows, index);
}

}  // namespace ndl::codegen
