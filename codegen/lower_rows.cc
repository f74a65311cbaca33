// Reduces over the same axes of one space. What is left of the space are rows, a point of the outer
// loops each; a row is walked in phases, one for each reduce that needs another's result, and one
// for what needs the last. What costs much and is needed in several phases is kept for a row.
#include <algorithm>

#include "codegen/region.h"
#include "ir/reduction.h"
#include "passes/cost_model.h"

namespace ndl::codegen {
namespace {

using ir::Attr;
using ir::Dims;
using ir::Op;
using ir::ReduceKind;
using ir::Shape;
using ir::Value;

// Of the results of an empty space, which are all the same.
void lower_empty(Region& region, Value reduce) {
  if (region.body.result() != reduce) throw NotOneKernel();
  const std::vector<IndexExpr> index = region.outer_loops(region.shape(reduce));
  region.values.begin_phase();
  visit_reduction(region.attributes(reduce).kind(), accumulator_of(region.dtype(reduce)),
                  [&]<ReduceKind kKind, class A>() {
                    const A empty = ir::empty_reduction<kKind, A>();
                    region.values.define(reduce, index, region.nest.constant_element(empty));
                  });
  region.write_results(region.shape(reduce), index);
}

// What takes more operations than this is not computed again in a later phase.
constexpr std::int64_t kCostOfKeeping = 8;

class RowLowering {
 public:
  RowLowering(Region& region, const std::vector<Value>& reduces);
  void run();

 private:
  // A value that a phase computes for a row, and later ones need again.
  struct Kept {
    Value value;
    std::size_t phase = 0;
    std::int32_t buffer = -1;
  };

  bool is_reduced(std::size_t axis) const {
    return std::ranges::find(axes_, static_cast<std::int64_t>(axis)) != axes_.end();
  }
  // Of the whole space, or else of the rows.
  bool is_whole(Value result) const {
    return region_.shape(result) == space_ && region_.body.op(result) != Op::kReduce;
  }
  void number_phases();
  void make_outer_loops();
  // About how many operations it takes to compute each value of the space again, where what costs
  // more than keeping it is kept.
  std::vector<std::int64_t> costs_again() const;
  // The values that cost more to compute than to keep.
  std::vector<Kept> kept_values();
  void lower_phase(std::size_t phase);
  // The position in a row of the current phase's index.
  IndexExpr position_in_row() const;
  // Merges the loops of a phase as ir/reduction.h says.
  void merge_loops(std::size_t phase);
  void write_rows();
  // Where the kept axes are in `target`, which has the same but for extents of 1.
  std::vector<IndexExpr> row_index(const Shape& target) const;

  Region& region_;
  const std::vector<Value>& reduces_;
  const Shape& space_;
  const Dims& axes_;
  std::int64_t row_elements_ = 1;
  std::vector<std::size_t> phase_of_;  // the first in which a node can be computed
  std::size_t phases_ = 0;
  std::vector<IndexExpr> index_;    // of the space
  std::vector<IndexExpr> reduced_;  // of the result of a reduce
  std::vector<Kept> kept_;
};

RowLowering::RowLowering(Region& region, const std::vector<Value>& reduces)
    : region_(region),
      reduces_(reduces),
      space_(region.shape(region.body.operand(reduces.front(), 0))),
      axes_(region.attributes(reduces.front()).integers(Attr::kAxes)),
      index_(space_.rank()) {
  for (const Value reduce : reduces) {
    if (region.shape(region.body.operand(reduce, 0)) != space_) throw NotOneKernel();
    if (region.attributes(reduce).integers(Attr::kAxes) != axes_) throw NotOneKernel();
  }
  for (const std::int64_t axis : axes_) row_elements_ *= space_[static_cast<std::size_t>(axis)];
}

void RowLowering::run() {
  if (space_.num_elements() == 0) return lower_empty(region_, reduces_.front());
  number_phases();
  make_outer_loops();
  if (!region_.nest.nest().outer_lanes) kept_ = kept_values();
  for (std::size_t phase = 0; phase < phases_; ++phase) lower_phase(phase);
  write_rows();
}

void RowLowering::number_phases() {
  const ir::Graph& body = region_.body;
  phase_of_.resize(body.size());
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    for (const Value operand : body.operands({id})) {
      const std::size_t step = body.op(operand) == Op::kReduce ? 1 : 0;
      phase_of_[id] = std::max(phase_of_[id], phase_of_[operand.id] + step);
    }
  }
  for (const Value reduce : reduces_) phases_ = std::max(phases_, phase_of_[reduce.id] + 1);
  for (const Value result : region_.results) {
    if (is_whole(result)) phases_ = std::max(phases_, phase_of_[result.id] + 1);
  }
}

void RowLowering::make_outer_loops() {
  bool innermost_is_reduced = false;
  for (std::size_t axis = 0; axis < space_.rank(); ++axis) {
    if (space_[axis] != 1) innermost_is_reduced = is_reduced(axis);
    if (is_reduced(axis)) continue;
    index_[axis] = region_.nest.outer_loop(space_[axis]);
    reduced_.push_back(index_[axis]);
  }
  region_.nest.nest().outer_lanes = !innermost_is_reduced;
}

std::vector<std::int64_t> RowLowering::costs_again() const {
  const ir::Graph& body = region_.body;
  std::vector<std::int64_t> costs(body.size());
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    const Value value{id};
    if (body.type(value).is_tuple() || region_.shape(value) != space_) continue;  // once a row
    if (body.op(value) == Op::kRngBits) {
      costs[id] = 64;
    } else if (body.def(value).is_elementwise()) {
      costs[id] = body.def(value).dtypes == kFloats ? 16 : 1;
    } else {
      costs[id] = 1;
    }
    for (const Value operand : body.operands(value)) {
      const std::int64_t cost = costs[operand.id];
      costs[id] += cost > kCostOfKeeping ? 1 : cost;
    }
  }
  return costs;
}

std::vector<RowLowering::Kept> RowLowering::kept_values() {
  const ir::Graph& body = region_.body;
  const std::vector<std::int64_t> costs = costs_again();
  std::vector<std::size_t> uses(body.size());  // phases that need it
  std::vector<std::size_t> first(body.size());
  for (std::size_t phase = 0; phase < phases_; ++phase) {
    std::vector<bool> is_needed(body.size());
    for (const Value reduce : reduces_) {
      if (phase_of_[reduce.id] == phase) is_needed[body.operand(reduce, 0).id] = true;
    }
    for (const Value result : region_.results) {
      if (is_whole(result) && phase_of_[result.id] == phase) is_needed[result.id] = true;
    }
    for (auto id = static_cast<std::uint32_t>(body.size()); id-- > 0;) {
      const Value value{id};
      const Op op = body.op(value);
      // Its operands are at the same place.
      const bool is_here = body.def(value).is_elementwise() || op == Op::kConvert ||
                           op == Op::kBitcast || op == Op::kRngBits;
      if (!is_needed[id] || !is_here || region_.shape(value) != space_) continue;
      if (uses[id]++ == 0) first[id] = phase;
      if (costs[id] > kCostOfKeeping && uses[id] > 1) continue;  // not computed again
      for (const Value operand : body.operands(value)) is_needed[operand.id] = true;
    }
  }
  std::vector<Kept> kept;
  std::int64_t bytes = 0;
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    if (uses[id] < 2 || costs[id] <= kCostOfKeeping) continue;
    const DType dtype = region_.dtype({id});
    bytes += row_elements_ * static_cast<std::int64_t>(size_of(dtype));
    if (bytes > passes::CostModel::kKeptRowBytes) break;
    kept.push_back({{id}, first[id], region_.nest.local_buffer(dtype, row_elements_)});
  }
  return kept;
}

void RowLowering::lower_phase(std::size_t phase) {
  NestBuilder& nest = region_.nest;
  RegionValues& values = region_.values;
  values.begin_phase();
  for (std::size_t axis = 0; axis < space_.rank(); ++axis) {
    if (is_reduced(axis)) index_[axis] = nest.phase_loop(space_[axis]);
  }
  for (const Kept& x : kept_) {
    if (x.phase < phase) values.read_instead(x.value, index_, x.buffer, position_in_row());
    if (x.phase == phase) nest.write(values.at(x.value, {index_, {}}), x.buffer, position_in_row());
  }
  for (std::size_t i = 0; i < region_.results.size(); ++i) {
    const Value result = region_.results[i];
    if (!is_whole(result) || phase_of_[result.id] != phase) continue;
    nest.write(values.at(result, {index_, {}}), region_.result_buffer(i), linear(space_, index_));
  }
  for (const Value reduce : reduces_) {
    if (phase_of_[reduce.id] != phase) continue;
    const ir::Attributes& a = region_.attributes(reduce);
    const DType accumulator = accumulator_of(a.dtype(Attr::kAccumulator));
    const Local x =
        nest.convert(values.at(region_.body.operand(reduce, 0), {index_, {}}), accumulator);
    values.define(reduce, reduced_, nest.reduce(ReductionOrder::kTree, a.kind(), accumulator, x));
  }
  merge_loops(phase);
}

IndexExpr RowLowering::position_in_row() const {
  Dims dims;
  std::vector<IndexExpr> index;
  for (const std::int64_t axis : axes_) {
    dims.push_back(space_[static_cast<std::size_t>(axis)]);
    index.push_back(index_[static_cast<std::size_t>(axis)]);
  }
  return linear(Shape(dims), index);
}

// Lanes run along the last neighbouring axes, so that has to be one loop; other loops are rows of
// the reduction, whose order merging does not change.
void RowLowering::merge_loops(std::size_t phase) {
  std::vector<std::vector<std::size_t>> groups;
  bool after_reduced = false;
  for (std::size_t axis = 0, loop = 0; axis < space_.rank(); ++axis) {
    if (space_[axis] == 1) continue;
    if (is_reduced(axis)) {
      if (!after_reduced) groups.emplace_back();
      groups.back().push_back(loop++);
    }
    after_reduced = is_reduced(axis);
  }
  // From the last loop on, so that the numbers of those before stay.
  LoopNest& nest = region_.nest.nest();
  for (std::size_t g = groups.size(); g-- > 0;) {
    const bool has_lanes = !nest.outer_lanes && g + 1 == groups.size();
    for (std::size_t i = groups[g].size(); i-- > 1;) {
      if (!merge_phase_loops(nest, phase, groups[g][i - 1]) && has_lanes) throw NotOneKernel();
    }
  }
}

void RowLowering::write_rows() {
  bool is_begun = false;
  for (std::size_t i = 0; i < region_.results.size(); ++i) {
    const Value result = region_.results[i];
    if (is_whole(result)) continue;
    if (!is_begun) region_.values.begin_phase();
    is_begun = true;
    const std::vector<IndexExpr> index = row_index(region_.shape(result));
    region_.nest.write(region_.values.at(result, {index, {}}), region_.result_buffer(i),
                       linear(region_.shape(result), index));
  }
}

std::vector<IndexExpr> RowLowering::row_index(const Shape& target) const {
  std::vector<IndexExpr> result(target.rank());
  std::size_t next = 0;
  for (std::size_t axis = 0; axis < space_.rank(); ++axis) {
    if (is_reduced(axis) || space_[axis] == 1) continue;
    while (next < target.rank() && target[next] == 1) ++next;
    if (next == target.rank() || target[next] != space_[axis]) throw NotOneKernel();
    result[next++] = index_[axis];
  }
  if (target.num_elements() * row_elements_ != space_.num_elements()) throw NotOneKernel();
  return result;
}

}  // namespace

void lower_rows(Region& region, const std::vector<Value>& reduces) {
  RowLowering(region, reduces).run();
}

}  // namespace ndl::codegen
