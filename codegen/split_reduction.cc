// Two kinds of nests are split, each with one reduced loop:
//
//   lanes outside   for a, for column lanes { for row }     blocks of rows:
//     1. for a, for block, for column lanes { for row of the block, in order }
//     2. for a, for column lanes { for block, pairwise }, and what follows the reduction
//
//   lanes inside    for a { for element lanes }             runs of blocks of it:
//     1. for a, for run, for lane lanes { for every kLanes-th element of the run }
//     2. for a, for lane lanes { for run, pairwise }
//     3. for a { for lane lanes, by halves }, and what follows the reduction
//
// A run has a power of two of blocks, so what is combined pairwise in it and then over runs is
// combined pairwise over all blocks. A last block or run that is shorter has a kernel of its own;
// beyond the end of its last kLanes elements are neutral ones.
#include "codegen/split_reduction.h"

#include <algorithm>
#include <bit>
#include <string_view>
#include <utility>

#include "base/checked.h"
#include "codegen/nest_copy.h"
#include "codegen/partition.h"
#include "ir/reduction.h"
#include "passes/cost_model.h"

namespace ndl::codegen {
namespace {

using passes::CostModel;

Local neutral(NestBuilder& b, const Reduction& r) {
  Local result = -1;
  ir::visit_reduction(r.kind, r.accumulator, [&]<ir::ReduceKind kKind, class A>() {
    result = b.constant_element(ir::neutral_element<kKind, A>());
  });
  return result;
}

class Splitter {
 public:
  explicit Splitter(const LoopNest& nest)
      : nest_(nest), phase_(nest.phases.front()), extent_(phase_.loops.front()) {
    rows_ = nest.outer;
    if (nest.outer_lanes) rows_.pop_back();
  }

  std::optional<NestParts> run() { return nest_.outer_lanes ? split_rows() : split_lanes(); }

 private:
  std::optional<NestParts> split_rows();
  std::optional<NestParts> split_lanes();
  // Partial results, `count` of them for each row, one buffer for each reduction; the first's
  // number.
  std::int32_t add_partials(std::int64_t count);
  // The loops of the rows, as outer loops; their position.
  IndexExpr row_loops(NestCopy& part);
  // Reduces what the nest does, into partial results.
  void reduce_into(NestCopy& part, ReductionOrder order, std::int32_t partials,
                   const IndexExpr& at);
  // Reduces partial results, one for each reduction.
  std::vector<Local> reduce_partials(NestCopy& part, ReductionOrder order, std::int32_t partials,
                                     const IndexExpr& at);
  // The last part, with the results of the reductions.
  void finish(NestCopy& last, const std::vector<Local>& results);
  void write_partials(NestCopy& part, const std::vector<Local>& results, std::int32_t partials,
                      const IndexExpr& at);
  const KernelBuffer& partial(std::int32_t number) const {
    return result_.buffers[static_cast<std::size_t>(number) - nest_.buffers.size()];
  }

  const LoopNest& nest_;
  const Phase& phase_;
  const std::int64_t extent_;  // of the reduced loop
  ir::Dims rows_;              // outer loops without lanes
  NestParts result_;
};

std::int32_t Splitter::add_partials(std::int64_t count) {
  const auto first = static_cast<std::int32_t>(nest_.buffers.size() + result_.buffers.size());
  for (const Reduction& r : phase_.reductions) {
    result_.buffers.push_back({r.accumulator, ir::product(rows_) * count});
  }
  return first;
}

IndexExpr Splitter::row_loops(NestCopy& part) {
  std::vector<IndexExpr> index;
  for (const std::int64_t extent : rows_) {
    index.push_back(part.builder().outer_loop(extent));
    part.set_loop(index.back());
  }
  return linear(ir::Shape(rows_), index);
}

void Splitter::reduce_into(NestCopy& part, ReductionOrder order, std::int32_t partials,
                           const IndexExpr& at) {
  NestBuilder& b = part.builder();
  part.copy_code(phase_);
  part.copy_writes(phase_);
  std::vector<Local> results;
  for (const Reduction& r : phase_.reductions) {
    Local x = part.local(r.left);
    if (!part.guards().empty()) {
      const Local other = neutral(b, r);
      x = b.op(ir::Op::kSelect, r.accumulator, {b.inside(part.guards()), x, other});
    }
    results.push_back(b.reduce(order, r.kind, r.accumulator, x));
  }
  write_partials(part, results, partials, at);
}

void Splitter::write_partials(NestCopy& part, const std::vector<Local>& results,
                              std::int32_t partials, const IndexExpr& at) {
  part.builder().begin_phase();
  for (const Local local : results) {
    part.builder().write(local, part.buffer(partials, partial(partials)), at);
    ++partials;
  }
}

std::vector<Local> Splitter::reduce_partials(NestCopy& part, ReductionOrder order,
                                             std::int32_t partials, const IndexExpr& at) {
  NestBuilder& b = part.builder();
  std::vector<Local> read;
  for (std::size_t i = 0; i < phase_.reductions.size(); ++i, ++partials) {
    read.push_back(b.read(part.buffer(partials, partial(partials)), at));
  }
  std::vector<Local> results;
  for (std::size_t i = 0; i < read.size(); ++i) {
    const Reduction& r = phase_.reductions[i];
    results.push_back(b.reduce(order, r.kind, r.accumulator, read[i]));
  }
  return results;
}

std::optional<NestParts> Splitter::split_rows() {
  const std::int64_t size = ir::rows_per_block(extent_);
  const std::int64_t whole = extent_ / size;
  const std::int64_t rest = extent_ % size;
  const std::int64_t blocks = whole + (rest == 0 ? 0 : 1);
  if (blocks == 1) return std::nullopt;
  const std::int64_t columns = nest_.outer.back();
  const std::int32_t partials = add_partials(blocks * columns);
  const auto at = [&](const IndexExpr& row, const IndexExpr& block, const IndexExpr& column) {
    IndexExpr index = scaled(row, blocks * columns);
    index.add(block, columns);
    index.add(column, 1);
    return index;
  };

  const auto reduce_blocks = [&](std::string_view suffix, std::int64_t first, std::int64_t count,
                                 std::int64_t rows_of_each) {
    NestCopy part(nest_, suffix);
    NestBuilder& b = part.builder();
    const IndexExpr row = row_loops(part);
    IndexExpr block = b.outer_loop(count);
    block.base += first;
    const IndexExpr column = b.outer_loop(columns);
    b.nest().outer_lanes = true;
    part.set_loop(column);
    b.begin_phase();
    IndexExpr position = b.phase_loop(rows_of_each);
    position.add(block, size);
    part.set_loop(position);
    reduce_into(part, ReductionOrder::kSequence, partials, at(row, block, column));
    result_.parts.push_back(part.finish());
  };
  reduce_blocks("_blocks", 0, whole, size);
  if (rest != 0) reduce_blocks("_last", whole, 1, rest);

  NestCopy last(nest_, "");
  NestBuilder& b = last.builder();
  const IndexExpr row = row_loops(last);
  const IndexExpr column = b.outer_loop(columns);
  b.nest().outer_lanes = true;
  last.set_loop(column);
  b.begin_phase();
  const IndexExpr block = b.phase_loop(blocks);
  finish(last, reduce_partials(last, ReductionOrder::kPairs, partials, at(row, block, column)));
  return std::move(result_);
}

std::optional<NestParts> Splitter::split_lanes() {
  constexpr std::int64_t kLeastBlocks = 16;  // of a run: it takes a microsecond
  const std::int64_t blocks = ceil_div(extent_, ir::kReduceBlock);
  const auto wanted = static_cast<std::uint64_t>(
      std::max(kLeastBlocks, blocks * ir::product(rows_) / CostModel::kEnoughRows));
  const std::int64_t size = static_cast<std::int64_t>(std::bit_floor(wanted)) * ir::kReduceBlock;
  const std::int64_t whole = extent_ / size;
  const std::int64_t rest = extent_ % size;
  const std::int64_t runs = whole + (rest == 0 ? 0 : 1);
  const bool is_even = rest % ir::kLanes == 0;
  if (runs == 1 || (!is_even && !phase_.writes.empty())) return std::nullopt;
  const std::int32_t of_runs = add_partials(runs * ir::kLanes);
  const std::int32_t of_lanes = add_partials(ir::kLanes);
  const auto at_lane = [](const IndexExpr& row, const IndexExpr& lane) {
    IndexExpr index = scaled(row, ir::kLanes);
    index.add(lane, 1);
    return index;
  };
  const auto at_run = [&](const IndexExpr& row, const IndexExpr& run, const IndexExpr& lane) {
    IndexExpr index = scaled(row, runs);
    index.add(run, 1);
    return at_lane(index, lane);
  };

  const auto reduce_runs = [&](std::string_view suffix, std::int64_t first, std::int64_t count,
                               std::int64_t elements_of_each) {
    NestCopy part(nest_, suffix);
    NestBuilder& b = part.builder();
    const IndexExpr row = row_loops(part);
    IndexExpr run = b.outer_loop(count);
    run.base += first;
    const IndexExpr lane = b.outer_loop(ir::kLanes);
    b.nest().outer_lanes = true;
    b.begin_phase();
    const IndexExpr step = b.phase_loop(ceil_div(elements_of_each, ir::kLanes));
    IndexExpr position = scaled(step, ir::kLanes);
    position.add(run, size);
    position.add(lane, 1);
    part.set_loop(position);
    if (elements_of_each % ir::kLanes != 0) {
      part.set_guard(nest_.outer.size(), {position, 0, extent_});
    }
    reduce_into(part, ReductionOrder::kLanes, of_runs, at_run(row, run, lane));
    result_.parts.push_back(part.finish());
  };
  reduce_runs("_runs", 0, whole, size);
  if (rest != 0) reduce_runs("_last", whole, 1, rest);

  NestCopy second(nest_, "_lanes");
  {
    NestBuilder& b = second.builder();
    const IndexExpr row = row_loops(second);
    const IndexExpr lane = b.outer_loop(ir::kLanes);
    b.nest().outer_lanes = true;
    b.begin_phase();
    const IndexExpr run = b.phase_loop(runs);
    const std::vector<Local> results =
        reduce_partials(second, ReductionOrder::kPairs, of_runs, at_run(row, run, lane));
    write_partials(second, results, of_lanes, at_lane(row, lane));
  }
  result_.parts.push_back(second.finish());

  NestCopy last(nest_, "");
  const IndexExpr row = row_loops(last);
  last.builder().begin_phase();
  const IndexExpr lane = last.builder().phase_loop(ir::kLanes);
  finish(last, reduce_partials(last, ReductionOrder::kTree, of_lanes, at_lane(row, lane)));
  return std::move(result_);
}

void Splitter::finish(NestCopy& last, const std::vector<Local>& results) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    last.set_local(phase_.reductions[i].result, results[i]);
  }
  last.copy_rest();
  result_.parts.push_back(last.finish());
}

bool can_be_split(const LoopNest& nest) {
  if (nest.outer_lanes && nest.outer.empty()) return false;
  if (std::ranges::any_of(nest.buffers, &KernelBuffer::is_local)) return false;
  for (std::size_t i = 0; i < nest.phases.size(); ++i) {
    const Phase& phase = nest.phases[i];
    if (!phase.checks.empty()) return false;
    if (i == 0 ? phase.reductions.empty() || phase.loops.size() != 1
               : !phase.reductions.empty() || !phase.loops.empty()) {
      return false;
    }
    for (const Reduction& r : phase.reductions) {
      if (r.order != ReductionOrder::kTree) return false;
    }
  }
  return true;
}

// Whether partial results are little beside what is reduced.
bool has_long_columns(const LoopNest& nest) {
  constexpr std::int64_t kLeastRows = 64;
  const Phase& phase = nest.phases.front();
  const std::int64_t extent = phase.loops.front();
  std::int64_t read = 0;
  for (const Local local : phase.code) {
    const Instruction& x = nest.instructions[static_cast<std::size_t>(local)];
    if (x.kind == InstructionKind::kRead) read += static_cast<std::int64_t>(size_of(x.dtype));
  }
  std::int64_t partial = 0;
  for (const Reduction& r : phase.reductions) {
    partial += static_cast<std::int64_t>(size_of(r.accumulator));
  }
  const std::int64_t blocks = ceil_div(extent, ir::rows_per_block(extent));
  return extent >= kLeastRows && 4 * partial * blocks <= read * extent;
}

}  // namespace

std::optional<NestParts> split_reduction(const LoopNest& nest) {
  if (!can_be_split(nest)) return std::nullopt;
  const Phase& phase = nest.phases.front();
  const std::int64_t extent = phase.loops.front();
  const std::int64_t points = ir::product(nest.outer);
  if (points * extent < CostModel::kWorthSplitting / cost(nest, phase)) return std::nullopt;
  if (!nest.outer_lanes) {
    if (points >= CostModel::kFewToShare) return std::nullopt;
  } else if (points / nest.outer.back() >= CostModel::kEnoughRows || !has_long_columns(nest)) {
    return std::nullopt;
  }
  return Splitter(nest).run();
}

}  // namespace ndl::codegen
