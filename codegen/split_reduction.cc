// Two kinds of nests are split, each with one reduced loop:
//
//   lanes outside   for a, for column lanes { for row }     blocks of rows:
//     1. for a, for block, for column lanes { for row of the block, in order }
//     2. for a, for column lanes { for block, pairwise }, and what follows the reduction
//
//   lanes inside    for a { for element lanes }             runs of blocks of kReduceBlock
//   elements:
//     1. for a, for run, for lane lanes { for every kLanes-th element of the run }
//     2. for a, for lane lanes { for run, pairwise }
//     3. for a { for lane lanes, by halves }, and what follows the reduction
//
// A run has a power of two of blocks, so what is combined pairwise in it and then over runs is
// combined pairwise over all blocks. Beyond the end of a loop that does not come out even, rows and
// elements are the neutral element.
#include "codegen/split_reduction.h"

#include <algorithm>
#include <bit>
#include <map>
#include <string_view>
#include <utility>

#include "base/checked.h"
#include "codegen/nest_builder.h"
#include "codegen/partition.h"
#include "ir/reduction.h"
#include "passes/cost_model.h"

namespace ndl::codegen {
namespace {

using passes::CostModel;

// A nest in the making, with code of another.
class Part {
 public:
  Part(const LoopNest& whole, std::string_view suffix)
      : whole_(whole),
        b_(whole.name + std::string(suffix)),
        locals_(whole.instructions.size(), -1) {}

  NestBuilder& builder() { return b_; }
  // The buffer, of the whole nest or a partial result, that is numbered as in SplitReduction.
  std::int32_t buffer(std::int32_t number, const KernelBuffer& like);
  // What the next loop of the whole nest is here.
  void set_loop(IndexExpr index) { loops_.push_back(std::move(index)); }
  // Beyond a bound of the cut loop, reads are not made.
  void set_guard(std::size_t loop, Guard guard) {
    cut_loop_ = loop;
    guards_ = {std::move(guard)};
  }
  const std::vector<Guard>& guards() const { return guards_; }
  void set_local(Local whole, Local here) { locals_[static_cast<std::size_t>(whole)] = here; }
  Local local(Local whole) const { return locals_[static_cast<std::size_t>(whole)]; }
  void copy_code(const Phase& phase);
  void copy_writes(const Phase& phase);
  // What the phases after the first do, which have no loops.
  void copy_rest();
  SplitReduction::Part finish() { return {b_.finish(), std::move(buffers_)}; }

 private:
  IndexExpr index(const IndexExpr& whole) const;
  std::vector<Guard> guards(const std::vector<Guard>& whole) const;
  Local copy(const Instruction& x);
  std::int32_t whole_buffer(std::int32_t number) {
    return buffer(number, whole_.buffers[static_cast<std::size_t>(number)]);
  }

  const LoopNest& whole_;
  NestBuilder b_;
  std::vector<std::int32_t> buffers_;
  std::map<std::int32_t, std::int32_t> numbers_;
  std::vector<IndexExpr> loops_;
  std::vector<Local> locals_;
  std::size_t cut_loop_ = 0;
  std::vector<Guard> guards_;  // none, or one
};

std::int32_t Part::buffer(std::int32_t number, const KernelBuffer& like) {
  const auto [it, is_new] = numbers_.try_emplace(number, 0);
  if (is_new) {
    it->second = b_.buffer(like.dtype, like.elements);
    buffers_.push_back(number);
  }
  return it->second;
}

IndexExpr Part::index(const IndexExpr& whole) const {
  IndexExpr result = constant_index(whole.base);
  for (std::size_t loop = 0; loop < whole.coefficients.size(); ++loop) {
    if (whole.coefficients[loop] != 0) result.add(loops_[loop], whole.coefficients[loop]);
  }
  for (IndexExpr::Term term : whole.terms) {
    term.local = local(term.local);
    result.terms.push_back(term);
  }
  return result;
}

std::vector<Guard> Part::guards(const std::vector<Guard>& whole) const {
  std::vector<Guard> result;
  for (const Guard& guard : whole) result.push_back({index(guard.index), guard.low, guard.high});
  return result;
}

Local Part::copy(const Instruction& x) {
  std::vector<Local> operands;
  for (const Local operand : x.operands) operands.push_back(local(operand));
  switch (x.kind) {
    case InstructionKind::kConstant:
      return b_.constant_bits(x.dtype, x.bits);
    case InstructionKind::kIndex:
      return b_.index(index(x.index));
    case InstructionKind::kInside:
      return b_.inside(guards(x.guards));
    case InstructionKind::kRead: {
      std::vector<Guard> all = guards(x.guards);
      const bool may_leave = x.index.coefficient(cut_loop_) != 0 || !x.index.terms.empty();
      if (may_leave) all.insert(all.end(), guards_.begin(), guards_.end());
      return b_.read(whole_buffer(x.buffer), index(x.index), std::move(all));
    }
    case InstructionKind::kOp:
      return b_.op(x.op, x.dtype, std::move(operands));
    case InstructionKind::kConvert:
      return b_.convert(operands[0], x.dtype);
    case InstructionKind::kBitcast:
      return b_.bitcast(operands[0], x.dtype);
    case InstructionKind::kRandom:
      return b_.random_bits(x.dtype, operands[0], operands[1], index(x.index));
    case InstructionKind::kReduced:
      break;
  }
  NDL_CHECK(false, "an instruction of kind {}", static_cast<int>(x.kind));
  return -1;
}

void Part::copy_code(const Phase& phase) {
  for (const Local local : phase.code) {
    set_local(local, copy(whole_.instructions[static_cast<std::size_t>(local)]));
  }
}

void Part::copy_writes(const Phase& phase) {
  for (const Write& write : phase.writes) {
    b_.write(local(write.local), whole_buffer(write.buffer), index(write.index));
  }
}

void Part::copy_rest() {
  for (const Phase& phase : std::span(whole_.phases).subspan(1)) {
    b_.begin_phase();
    copy_code(phase);
    copy_writes(phase);
  }
}

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

  std::optional<SplitReduction> run() { return nest_.outer_lanes ? split_rows() : split_lanes(); }

 private:
  std::optional<SplitReduction> split_rows();
  std::optional<SplitReduction> split_lanes();
  // Partial results, `count` of them for each row, one buffer for each reduction; the first's
  // number.
  std::int32_t add_partials(std::int64_t count);
  // The loops of the rows, as outer loops; their position.
  IndexExpr row_loops(Part& part);
  // Reduces what the nest does, into partial results.
  void reduce_into(Part& part, ReductionOrder order, std::int32_t partials, const IndexExpr& at);
  // Reduces partial results, one for each reduction.
  std::vector<Local> reduce_partials(Part& part, ReductionOrder order, std::int32_t partials,
                                     const IndexExpr& at);
  void write_partials(Part& part, const std::vector<Local>& results, std::int32_t partials,
                      const IndexExpr& at);
  const KernelBuffer& partial(std::int32_t number) const {
    return result_.partials[static_cast<std::size_t>(number) - nest_.buffers.size()];
  }

  const LoopNest& nest_;
  const Phase& phase_;
  const std::int64_t extent_;  // of the reduced loop
  ir::Dims rows_;              // outer loops without lanes
  SplitReduction result_;
};

std::int32_t Splitter::add_partials(std::int64_t count) {
  const auto first = static_cast<std::int32_t>(nest_.buffers.size() + result_.partials.size());
  for (const Reduction& r : phase_.reductions) {
    result_.partials.push_back({r.accumulator, ir::product(rows_) * count});
  }
  return first;
}

IndexExpr Splitter::row_loops(Part& part) {
  std::vector<IndexExpr> index;
  for (const std::int64_t extent : rows_) {
    index.push_back(part.builder().outer_loop(extent));
    part.set_loop(index.back());
  }
  return linear(ir::Shape(rows_), index);
}

void Splitter::reduce_into(Part& part, ReductionOrder order, std::int32_t partials,
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

void Splitter::write_partials(Part& part, const std::vector<Local>& results, std::int32_t partials,
                              const IndexExpr& at) {
  part.builder().begin_phase();
  for (const Local local : results) {
    part.builder().write(local, part.buffer(partials, partial(partials)), at);
    ++partials;
  }
}

std::vector<Local> Splitter::reduce_partials(Part& part, ReductionOrder order,
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

std::optional<SplitReduction> Splitter::split_rows() {
  const std::int64_t size = ir::rows_per_block(extent_);
  const std::int64_t blocks = ceil_div(extent_, size);
  const bool is_even = extent_ % size == 0;
  if (blocks == 1 || (!is_even && !phase_.writes.empty())) return std::nullopt;
  const std::int64_t columns = nest_.outer.back();
  const std::int32_t partials = add_partials(blocks * columns);
  const auto at = [&](const IndexExpr& row, const IndexExpr& block, const IndexExpr& column) {
    IndexExpr index = scaled(row, blocks * columns);
    index.add(block, columns);
    index.add(column, 1);
    return index;
  };

  Part first(nest_, "_blocks");
  {
    NestBuilder& b = first.builder();
    const IndexExpr row = row_loops(first);
    const IndexExpr block = b.outer_loop(blocks);
    const IndexExpr column = b.outer_loop(columns);
    b.nest().outer_lanes = true;
    first.set_loop(column);
    b.begin_phase();
    IndexExpr position = b.phase_loop(size);
    position.add(block, size);
    first.set_loop(position);
    if (!is_even) first.set_guard(nest_.outer.size(), {position, 0, extent_});
    reduce_into(first, ReductionOrder::kSequence, partials, at(row, block, column));
  }
  result_.parts.push_back(first.finish());

  Part last(nest_, "");
  {
    NestBuilder& b = last.builder();
    const IndexExpr row = row_loops(last);
    const IndexExpr column = b.outer_loop(columns);
    b.nest().outer_lanes = true;
    last.set_loop(column);
    b.begin_phase();
    const IndexExpr block = b.phase_loop(blocks);
    const std::vector<Local> results =
        reduce_partials(last, ReductionOrder::kPairs, partials, at(row, block, column));
    for (std::size_t i = 0; i < results.size(); ++i) {
      last.set_local(phase_.reductions[i].result, results[i]);
    }
    last.copy_rest();
  }
  result_.parts.push_back(last.finish());
  return std::move(result_);
}

std::optional<SplitReduction> Splitter::split_lanes() {
  constexpr std::int64_t kLeastBlocks = 16;  // of a run: it takes a microsecond
  const std::int64_t blocks = ceil_div(extent_, ir::kReduceBlock);
  const auto wanted = static_cast<std::uint64_t>(
      std::max(kLeastBlocks, blocks * ir::product(rows_) / CostModel::kEnoughRows));
  const std::int64_t size = static_cast<std::int64_t>(std::bit_floor(wanted)) * ir::kReduceBlock;
  const std::int64_t runs = ceil_div(extent_, size);
  const bool is_even = extent_ % size == 0;
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

  Part first(nest_, "_runs");
  {
    NestBuilder& b = first.builder();
    const IndexExpr row = row_loops(first);
    const IndexExpr run = b.outer_loop(runs);
    const IndexExpr lane = b.outer_loop(ir::kLanes);
    b.nest().outer_lanes = true;
    b.begin_phase();
    IndexExpr position = scaled(b.phase_loop(size / ir::kLanes), ir::kLanes);
    position.add(run, size);
    position.add(lane, 1);
    first.set_loop(position);
    if (!is_even) first.set_guard(nest_.outer.size(), {position, 0, extent_});
    reduce_into(first, ReductionOrder::kLanes, of_runs, at_run(row, run, lane));
  }
  result_.parts.push_back(first.finish());

  Part second(nest_, "_lanes");
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

  Part last(nest_, "");
  {
    NestBuilder& b = last.builder();
    const IndexExpr row = row_loops(last);
    b.begin_phase();
    const IndexExpr lane = b.phase_loop(ir::kLanes);
    const std::vector<Local> results =
        reduce_partials(last, ReductionOrder::kTree, of_lanes, at_lane(row, lane));
    for (std::size_t i = 0; i < results.size(); ++i) {
      last.set_local(phase_.reductions[i].result, results[i]);
    }
    last.copy_rest();
  }
  result_.parts.push_back(last.finish());
  return std::move(result_);
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

}  // namespace

std::optional<SplitReduction> split_reduction(const LoopNest& nest) {
  if (!can_be_split(nest)) return std::nullopt;
  const Phase& phase = nest.phases.front();
  std::int64_t rows = ir::product(nest.outer);
  const std::int64_t work = cost(nest, phase);
  const std::int64_t elements = rows * phase.loops.front();
  if (elements < CostModel::kWorthSplitting / work) return std::nullopt;
  if (nest.outer_lanes) rows /= nest.outer.back();
  if (rows >= CostModel::kEnoughRows) return std::nullopt;
  return Splitter(nest).run();
}

}  // namespace ndl::codegen
