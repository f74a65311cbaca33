// for batch, for row, for column lanes { contract over k }, and what follows, becomes
//
//   1. for batch, for panel, for k, for lane lanes { the right operand }
//   2. for batch, for panel, for row, for lane lanes { contract }, and what follows
//   3. the same as before of the columns that are left, fewer than a panel has
//
// The batch are the outer loops that the right operand depends on. All others are rows.
#include "codegen/pack_operand.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "codegen/partition.h"
#include "passes/cost_model.h"

namespace ndl::codegen {
namespace {

using passes::CostModel;

class Packer {
 public:
  explicit Packer(const LoopNest& nest)
      : nest_(nest),
        phase_(nest.phases.front()),
        reduction_(phase_.reductions.front()),
        points_(nest.outer.begin(), nest.outer.end() - 1),
        columns_(nest.outer.back()),
        depth_(ir::product(phase_.loops)),
        panels_(columns_ / CostModel::kPanel),
        is_batch_(loops_of_right()) {
    for (std::size_t i = 0; i < points_.size(); ++i) {
      if (is_batch_[i]) batch_.push_back(points_[i]);
    }
  }

  bool is_worth() const {
    const std::int64_t rows = ir::product(points_) / ir::product(batch_);
    return CostModel::is_worth_packing(rows, depth_, columns_);
  }
  NestParts run();

 private:
  // Of each outer loop without lanes whether the right operand depends on it.
  std::vector<bool> loops_of_right() const;
  void pack();
  void contract();
  void contract_rest();
  // The loops of the contraction; their position.
  IndexExpr contracted_loops(NestCopy& part) const;
  // The reduction, of what the left operand is and `right`, and what follows it.
  void copy_contraction(NestCopy& part, Local right) const;
  IndexExpr column(const IndexExpr& panel, const IndexExpr& lane) const {
    IndexExpr index = scaled(panel, CostModel::kPanel);
    index.add(lane, 1);
    return index;
  }
  // The place of an element of a panel; `points` has an index for each outer loop without lanes.
  IndexExpr place(const std::vector<IndexExpr>& points, const IndexExpr& panel, const IndexExpr& k,
                  const IndexExpr& lane) const;
  std::int32_t buffer(NestCopy& part) const {
    return part.buffer(static_cast<std::int32_t>(nest_.buffers.size()), result_.buffers.front());
  }

  const LoopNest& nest_;
  const Phase& phase_;
  const Reduction& reduction_;
  const ir::Dims points_;  // outer loops without lanes
  const std::int64_t columns_;
  const std::int64_t depth_;
  const std::int64_t panels_;
  const std::vector<bool> is_batch_;
  ir::Dims batch_;
  NestParts result_;
};

std::vector<bool> Packer::loops_of_right() const {
  std::vector<bool> result(points_.size());
  const auto visit = [&](const IndexExpr& index) {
    for (std::size_t loop = 0; loop < result.size(); ++loop) {
      if (index.coefficient(loop) != 0) result[loop] = true;
    }
  };
  std::vector<bool> is_needed(nest_.instructions.size());
  is_needed[static_cast<std::size_t>(reduction_.right)] = true;
  for (auto it = phase_.code.rbegin(); it != phase_.code.rend(); ++it) {
    if (!is_needed[static_cast<std::size_t>(*it)]) continue;
    const Instruction& x = nest_.instructions[static_cast<std::size_t>(*it)];
    for (const Local operand : x.operands) is_needed[static_cast<std::size_t>(operand)] = true;
    visit(x.index);
    for (const Guard& guard : x.guards) visit(guard.index);
  }
  return result;
}

IndexExpr Packer::contracted_loops(NestCopy& part) const {
  std::vector<IndexExpr> index;
  for (const std::int64_t extent : phase_.loops) {
    index.push_back(part.builder().phase_loop(extent));
    part.set_loop(index.back());
  }
  return linear(ir::Shape(phase_.loops), index);
}

void Packer::copy_contraction(NestCopy& part, Local right) const {
  part.copy_value(phase_, reduction_.left);
  const Local sum = part.builder().reduce(reduction_.order, reduction_.kind, reduction_.accumulator,
                                          part.local(reduction_.left), right);
  part.set_local(reduction_.result, sum);
  part.copy_rest();
}

IndexExpr Packer::place(const std::vector<IndexExpr>& points, const IndexExpr& panel,
                        const IndexExpr& k, const IndexExpr& lane) const {
  ir::Dims dims;
  std::vector<IndexExpr> index;
  for (std::size_t i = 0; i < points_.size(); ++i) {
    if (!is_batch_[i]) continue;
    dims.push_back(points_[i]);
    index.push_back(points[i]);
  }
  dims.insert(dims.end(), {panels_, depth_, CostModel::kPanel});
  index.insert(index.end(), {panel, k, lane});
  return linear(ir::Shape(std::move(dims)), index);
}

void Packer::pack() {
  NestCopy part(nest_, "_pack");
  NestBuilder& b = part.builder();
  std::vector<IndexExpr> points;
  for (std::size_t i = 0; i < points_.size(); ++i) {
    points.push_back(is_batch_[i] ? b.outer_loop(points_[i]) : IndexExpr{});
  }
  const IndexExpr panel = b.outer_loop(panels_);
  std::vector<IndexExpr> contracted;
  for (const std::int64_t extent : phase_.loops) contracted.push_back(b.outer_loop(extent));
  const IndexExpr lane = b.outer_loop(CostModel::kPanel);
  b.nest().outer_lanes = true;
  for (const IndexExpr& loop : points) part.set_loop(loop);
  part.set_loop(column(panel, lane));
  for (const IndexExpr& loop : contracted) part.set_loop(loop);
  b.begin_phase();
  part.copy_value(phase_, reduction_.right);
  const IndexExpr k = linear(ir::Shape(phase_.loops), contracted);
  b.write(part.local(reduction_.right), buffer(part), place(points, panel, k, lane));
  result_.parts.push_back(part.finish());
}

void Packer::contract() {
  NestCopy part(nest_, "");
  NestBuilder& b = part.builder();
  // All rows of a panel, then those of the next.
  std::vector<IndexExpr> points(points_.size());
  for (std::size_t i = 0; i < points_.size(); ++i) {
    if (is_batch_[i]) points[i] = b.outer_loop(points_[i]);
  }
  const IndexExpr panel = b.outer_loop(panels_);
  for (std::size_t i = 0; i < points_.size(); ++i) {
    if (!is_batch_[i]) points[i] = b.outer_loop(points_[i]);
  }
  const IndexExpr lane = b.outer_loop(CostModel::kPanel);
  b.nest().outer_lanes = true;
  for (const IndexExpr& loop : points) part.set_loop(loop);
  part.set_loop(column(panel, lane));
  b.begin_phase();
  const IndexExpr k = contracted_loops(part);
  copy_contraction(part, b.read(buffer(part), place(points, panel, k, lane)));
  result_.parts.push_back(part.finish());
}

void Packer::contract_rest() {
  const std::int64_t done = panels_ * CostModel::kPanel;
  if (done == columns_) return;
  NestCopy part(nest_, "_rest");
  NestBuilder& b = part.builder();
  for (const std::int64_t extent : points_) part.set_loop(b.outer_loop(extent));
  IndexExpr rest = b.outer_loop(columns_ - done);
  rest.base += done;
  b.nest().outer_lanes = true;
  part.set_loop(std::move(rest));
  b.begin_phase();
  contracted_loops(part);
  part.copy_value(phase_, reduction_.right);
  copy_contraction(part, part.local(reduction_.right));
  result_.parts.push_back(part.finish());
}

NestParts Packer::run() {
  result_.buffers.push_back(
      {reduction_.accumulator, ir::product(batch_) * panels_ * depth_ * CostModel::kPanel});
  pack();
  contract();
  contract_rest();
  return std::move(result_);
}

}  // namespace

std::optional<NestParts> pack_right_operand(const LoopNest& nest) {
  if (!can_be_tiled(nest)) return std::nullopt;
  for (std::size_t i = 1; i < nest.phases.size(); ++i) {
    if (!nest.phases[i].loops.empty() || !nest.phases[i].checks.empty()) return std::nullopt;
  }
  Packer packer(nest);
  if (!packer.is_worth()) return std::nullopt;
  return packer.run();
}

}  // namespace ndl::codegen
