// Reductions, in the order that ir/reduction.h defines.
//
// Points are combined in order inside blocks, each of which begins with the neutral element, and
// the blocks pairwise by index or, in a contraction, in order. Pairwise needs little memory: the
// sum of the last 2^k blocks that are complete waits at level k for its right neighbour, so adding
// block i is counting to i + 1 in binary.
#include <algorithm>
#include <bit>

#include "base/checked.h"
#include "codegen/emit_combine.h"
#include "codegen/memory.h"
#include "codegen/nest_emitter.h"
#include "ir/reduction.h"

namespace ndl::codegen {
namespace {

// Vectors of state for each vector of the operand.
std::size_t state_size(const Reduction& r) { return r.order == ReductionOrder::kFirst ? 2 : 1; }

std::int64_t block_rows(ReductionOrder order, std::int64_t rows) {
  switch (order) {
    case ReductionOrder::kTree:
      return ir::rows_per_block(rows);
    case ReductionOrder::kLanes:
      return ir::kReduceBlock / ir::kLanes;
    case ReductionOrder::kPairs:
      return 1;
    case ReductionOrder::kContraction:
      return ir::kContractionBlock;
    case ReductionOrder::kHalves:
    case ReductionOrder::kSequence:
    case ReductionOrder::kFirst:
      break;
  }
  return rows;
}

template <class F>
llvm::Value* visit_lane(DType dtype, F&& f) {
  return visit_dtype(dtype, [&]<class E>(std::type_identity<E>) -> llvm::Value* {
    if constexpr (ir::math::is_half_v<E>) {
      NDL_CHECK(false, "an accumulator of {}", name_of(dtype));
      return nullptr;
    } else {
      return f.template operator()<E>();
    }
  });
}

llvm::Value* multiply_add(DType dtype, llvm::Value* a, llvm::Value* b, llvm::Value* sum) {
  return visit_lane(dtype, [&]<class E>() -> llvm::Value* {
    using T = Lane<E>;
    if constexpr (std::is_floating_point_v<E>) {
      return madd(T(a), T(b), T(sum)).value;
    } else {
      return (T(sum) + T(a) * T(b)).value;
    }
  });
}

// Whether x takes the place of `best`, as ir/evaluate_index.cc says.
llvm::Value* wins(ir::ReduceKind kind, DType dtype, llvm::Value* x_value, llvm::Value* best_value) {
  return visit_lane(dtype, [&]<class E>() -> llvm::Value* {
    const Lane<E> x(x_value);
    const Lane<E> best(best_value);
    const Mask beyond = kind == ir::ReduceKind::kMax ? x > best : x < best;
    if constexpr (std::is_floating_point_v<E>) {
      return ((best == best) & ((x != x) | beyond)).value;
    } else {
      return beyond.value;
    }
  });
}

llvm::Value* half_of(llvm::Value* vector, unsigned first, unsigned count) {
  std::vector<int> lanes(count);
  for (unsigned i = 0; i < count; ++i) lanes[i] = static_cast<int>(first + i);
  return emit().CreateShuffleVector(vector, lanes);
}

// Stack memory for states of a phase's reductions: so many vectors of each, of the current width.
class StateMemory {
 public:
  StateMemory(const Phase& phase, std::int64_t places, std::size_t vectors)
      : phase_(phase), vectors_(vectors), width_(LaneScope::current().width()) {
    for (const Reduction& r : phase.reductions) {
      memory_.push_back(stack_memory(places * bytes(r.accumulator), false));
    }
  }

  Values load(llvm::Value* place) const {
    Values state;
    for (std::size_t r = 0; r < phase_.reductions.size(); ++r) {
      for (std::size_t i = 0; i < vectors_; ++i) {
        state.push_back(load_lanes(phase_.reductions[r].accumulator, address(r, place, i)));
      }
    }
    return state;
  }

  void store(const Values& state, llvm::Value* place) const {
    for (std::size_t i = 0; i < state.size(); ++i) {
      const std::size_t r = i / vectors_;
      store_lanes(phase_.reductions[r].accumulator, state[i], address(r, place, i % vectors_));
    }
  }

 private:
  // Of one state.
  std::int64_t bytes(DType accumulator) const {
    return static_cast<std::int64_t>(vectors_ * width_ * size_of(accumulator));
  }
  llvm::Value* address(std::size_t r, llvm::Value* place, std::size_t vector) const {
    const DType accumulator = phase_.reductions[r].accumulator;
    llvm::Value* start = emit().CreatePtrAdd(memory_[r], mul64(place, bytes(accumulator)));
    return emit().CreateConstGEP1_64(bits_type(accumulator), start, vector * width_);
  }

  const Phase& phase_;
  std::size_t vectors_;
  std::size_t width_;
  Values memory_;  // of each reduction
};

}  // namespace

Values NestEmitter::initial_state(const Phase& phase, std::size_t vectors) {
  Values state;
  for (const Reduction& r : phase.reductions) {
    llvm::Value* neutral = r.order == ReductionOrder::kContraction
                               ? constant_lane(r.accumulator, 0)
                               : emit_neutral(r.kind, r.accumulator);
    state.insert(state.end(), vectors, neutral);
    if (r.order == ReductionOrder::kFirst) state.insert(state.end(), vectors, splat64(int64(0)));
  }
  return state;
}

Values NestEmitter::step(const Phase& phase, const Values& state, const Values& operands,
                         llvm::Value* position) {
  Values next;
  std::size_t used = 0;
  for (const Reduction& r : phase.reductions) {
    const std::size_t sides = r.right >= 0 ? 2 : 1;
    const std::size_t vectors = operands.size() / (phase.reductions.size() * sides);
    const auto x = [&](std::size_t i) { return operands[used + i]; };
    const std::size_t begin = next.size();
    for (std::size_t i = 0; i < vectors; ++i) {
      llvm::Value* sum = state[begin + i];
      switch (r.order) {
        case ReductionOrder::kTree:
        case ReductionOrder::kHalves:
        case ReductionOrder::kLanes:
        case ReductionOrder::kPairs:
        case ReductionOrder::kSequence:
          next.push_back(emit_combine(r.kind, r.accumulator, sum, x(i)));
          break;
        case ReductionOrder::kContraction:
          next.push_back(multiply_add(r.accumulator, x(i), x(vectors + i), sum));
          break;
        case ReductionOrder::kFirst:
          next.push_back(b().CreateSelect(wins(r.kind, r.accumulator, x(i), sum), x(i), sum));
          break;
      }
    }
    if (r.order == ReductionOrder::kFirst) {
      llvm::Value* here = splat64(position);
      for (std::size_t i = 0; i < vectors; ++i) {
        next.push_back(b().CreateSelect(wins(r.kind, r.accumulator, x(i), state[begin + i]), here,
                                        state[begin + vectors + i]));
      }
    }
    used += sides * vectors;
  }
  return next;
}

Values NestEmitter::combine(const Phase& phase, const Values& earlier, const Values& later) {
  const std::size_t vectors = earlier.size() / phase.reductions.size();
  Values result;
  for (const Reduction& r : phase.reductions) {
    for (std::size_t i = 0; i < vectors; ++i) {
      const std::size_t at = result.size();
      result.push_back(emit_combine(r.kind, r.accumulator, earlier[at], later[at]));
    }
  }
  return result;
}

Values NestEmitter::combine_blocks(const Phase& phase, std::int64_t blocks, std::size_t vectors,
                                   const std::function<Values(llvm::Value*)>& block) {
  if (blocks == 1) return block(int64(0));
  const Reduction& first = phase.reductions.front();
  if (first.order != ReductionOrder::kContraction) {
    return combine_pairwise(phase, blocks, vectors, block);
  }
  // In order, from the neutral element, which is exact.
  Values total(vectors, emit_neutral(ir::ReduceKind::kSum, first.accumulator));
  return emit_loop(
      int64(0), int64(blocks), 1, true, std::move(total),
      [&](llvm::Value* index, Values before) { return combine(phase, before, block(index)); });
}

Values NestEmitter::combine_pairwise(const Phase& phase, std::int64_t blocks, std::size_t vectors,
                                     const std::function<Values(llvm::Value*)>& block) {
  const auto levels = static_cast<std::int64_t>(std::bit_width(static_cast<std::uint64_t>(blocks)));
  const StateMemory waiting(phase, levels, vectors);
  emit_loop(int64(0), int64(blocks), 1, true, {}, [&](llvm::Value* index, Values) -> Values {
    Values sum = block(index);
    llvm::BasicBlock* before = b().GetInsertBlock();
    llvm::BasicBlock* carry = new_block("carry");
    llvm::BasicBlock* body = new_block("pair");
    llvm::BasicBlock* done = new_block("wait");
    b().CreateBr(carry);
    b().SetInsertPoint(carry);
    llvm::PHINode* level = b().CreatePHI(b().getInt64Ty(), 2);
    level->addIncoming(int64(0), before);
    std::vector<llvm::PHINode*> phis;
    Values state;
    for (llvm::Value* value : sum) {
      phis.push_back(b().CreatePHI(value->getType(), 2));
      phis.back()->addIncoming(value, before);
      state.push_back(phis.back());
    }
    llvm::Value* bit = b().CreateAnd(b().CreateLShr(index, level), int64(1));
    b().CreateCondBr(b().CreateICmpNE(bit, int64(0)), body, done);
    b().SetInsertPoint(body);
    const Values pair = combine(phase, waiting.load(level), state);
    for (std::size_t i = 0; i < phis.size(); ++i) phis[i]->addIncoming(pair[i], body);
    level->addIncoming(b().CreateAdd(level, int64(1)), body);
    b().CreateBr(carry);
    b().SetInsertPoint(done);
    waiting.store(state, level);
    return {};
  });

  // What waits at the end, from the right: an odd one has passed through the levels below.
  Values result;
  for (std::int64_t level = 0; level < levels; ++level) {
    if ((blocks >> level & 1) == 0) continue;
    const Values left = waiting.load(int64(level));
    result = result.empty() ? left : combine(phase, left, result);
  }
  return result;
}

Values NestEmitter::operands(const Phase& phase) {
  Values result;
  for (const Reduction& r : phase.reductions) {
    for (const Local side : {r.left, r.right}) {
      if (side < 0) continue;
      for_each_tile_point([&] {
        const Values vectors = spread(side);
        result.insert(result.end(), vectors.begin(), vectors.end());
      });
    }
  }
  return result;
}

Values NestEmitter::reduce_rows(const Phase& phase, std::int64_t rows,
                                const std::function<void(llvm::Value*)>& enter) {
  const LaneScope lanes = scope(nest_.outer_lanes ? width_ : 1);
  const std::size_t vectors = nest_.outer_lanes ? tile_ * unroll_ : 1;
  const auto row_operands = [&](llvm::Value* position) {
    enter(position);
    return nest_.outer_lanes ? operands(phase) : reduce_lanes(phase);
  };
  if (rows == 1 && !nest_.outer_lanes) return row_operands(int64(0));
  const ReductionOrder order = phase.reductions.front().order;
  if (order == ReductionOrder::kHalves) return reduce_halves(phase, rows, enter);
  const std::int64_t size = block_rows(order, rows);
  const std::int64_t blocks = ceil_div(rows, size);
  return combine_blocks(phase, blocks, vectors, [&](llvm::Value* block) {
    llvm::Value* begin = mul64(block, size);
    llvm::Value* end = int64(rows);
    if (blocks > 1) {
      llvm::Value* full = add64(begin, int64(size));
      end = rows % size == 0 ? full : b().CreateBinaryIntrinsic(llvm::Intrinsic::smin, full, end);
    }
    return emit_loop(begin, end, 1, true, initial_state(phase, vectors),
                     [&](llvm::Value* position, Values state) {
                       state = step(phase, state, row_operands(position), position);
                       if (nest_.outer_lanes && !phase.writes.empty()) {
                         define_results(phase, state);
                         emit_writes(phase);
                       }
                       return state;
                     });
  });
}

Values NestEmitter::reduce_halves(const Phase& phase, std::int64_t rows,
                                  const std::function<void(llvm::Value*)>& enter) {
  const StateMemory memory(phase, rows, unroll_);
  emit_loop(int64(0), int64(rows), 1, true, {}, [&](llvm::Value* position, Values) -> Values {
    enter(position);
    memory.store(operands(phase), position);
    emit_writes(phase);
    return {};
  });

  std::vector<Values> points;
  for (std::int64_t i = 0; i < rows; ++i) points.push_back(memory.load(int64(i)));
  for (auto half = static_cast<std::size_t>(ir::kLanes) / 2; half > 0; half /= 2) {
    for (std::size_t i = half; i < points.size(); ++i) {
      points[i - half] = combine(phase, points[i - half], points[i]);
    }
    points.resize(std::min(points.size(), half));
  }
  return points.front();
}

Values NestEmitter::reduce_lanes(const Phase& phase) {
  const LaneScope lanes = scope(width_);
  const std::int64_t extent = phase.loops.back();
  const Values sums =
      combine_blocks(phase, ceil_div(extent, ir::kReduceBlock), unroll_, [&](llvm::Value* block) {
        llvm::Value* begin = mul64(block, ir::kReduceBlock);
        llvm::Value* end = int64(extent);
        if (extent > ir::kReduceBlock) {
          llvm::Value* full = add64(begin, int64(ir::kReduceBlock));
          end = extent % ir::kReduceBlock == 0
                    ? full
                    : b().CreateBinaryIntrinsic(llvm::Intrinsic::smin, full, end);
        }
        const LaneRange range = {begin, end, extent % block_size() == 0};
        return emit_lane_loop(range, initial_state(phase, unroll_), [&](Values state) {
          emit_code(phase, Level::kLanes);
          Values x = operands(phase);
          for (std::size_t i = 0; lanes_.partial != nullptr && i < x.size(); ++i) {
            const Reduction& r = phase.reductions[i / unroll_];
            const auto first = static_cast<std::int64_t>(i % unroll_ * width_);
            llvm::Value* below = has_masks()
                                     ? lanes_.masks[i % unroll_]
                                     : lanes_below(b().CreateSub(lanes_.count, int64(first)));
            x[i] = b().CreateSelect(below, x[i], emit_neutral(r.kind, r.accumulator));
          }
          emit_writes(phase);
          return step(phase, state, x, nullptr);
        });
      });

  // The lanes by halves: first whole vectors, then parts of the one that is left.
  Values result;
  for (std::size_t i = 0; i < phase.reductions.size(); ++i) {
    const Reduction& r = phase.reductions[i];
    Values vectors(sums.begin() + static_cast<std::ptrdiff_t>(i * unroll_),
                   sums.begin() + static_cast<std::ptrdiff_t>((i + 1) * unroll_));
    for (std::size_t half = vectors.size() / 2; half > 0; half /= 2) {
      for (std::size_t k = 0; k < half; ++k) {
        vectors[k] = emit_combine(r.kind, r.accumulator, vectors[k], vectors[k + half]);
      }
    }
    llvm::Value* sum = vectors.front();
    for (unsigned width = width_ / 2; width > 0; width /= 2) {
      const LaneScope narrow = scope(width);
      sum = emit_combine(r.kind, r.accumulator, half_of(sum, 0, width), half_of(sum, width, width));
    }
    result.push_back(sum);
  }
  return result;
}

void NestEmitter::define_results(const Phase& phase, const Values& state) {
  const std::size_t vectors = nest_.outer_lanes ? unroll_ : 1;
  std::size_t used = 0;
  for (const Reduction& r : phase.reductions) {
    // Of an extremum it is the index that is wanted.
    const std::size_t begin = used + (state_size(r) - 1) * vectors;
    value(r.result).assign(state.begin() + static_cast<std::ptrdiff_t>(begin),
                           state.begin() + static_cast<std::ptrdiff_t>(begin + vectors));
    used += state_size(r) * vectors;
  }
}

}  // namespace ndl::codegen
