// 1. Rows: the outer loops, from a position that the caller of the kernel gives.
// 2. In a nest with outer lanes, blocks of lanes, and in each all phases; else the phases, and in
//    each blocks of lanes.
//    In a tiled nest, the sums of a tile, and then the other phases for each of its points; or all
//    of a map for all points of a tile.
// 3. In a phase, its other loops; in these the code of the level, then reductions and writes.
#include "codegen/nest_emitter.h"

#include <llvm/IR/Function.h>
#include <llvm/IR/IntrinsicsX86.h>

#include <algorithm>
#include <tuple>

#include "base/error.h"
#include "codegen/emit_convert.h"
#include "codegen/emit_elementwise.h"
#include "codegen/emit_random.h"
#include "codegen/memory.h"
#include "codegen/short_rows.h"
#include "ir/reduction.h"

namespace ndl::codegen {

NestEmitter::NestEmitter(const LoopNest& nest, const Target& target, llvm::Function* function)
    : nest_(nest),
      target_(target),
      function_(function),
      width_(static_cast<unsigned>(target.vector_bytes / 4)) {}

void NestEmitter::emit_kernel(const Partition& partition) {
  partition_ = partition;
  llvm::IRBuilder<> builder(function_->getContext());
  // Stack memory goes to the first block, which has nothing else.
  llvm::BasicBlock* stack = llvm::BasicBlock::Create(builder.getContext(), "stack", function_);
  llvm::BasicBlock* start = llvm::BasicBlock::Create(builder.getContext(), "start", function_);
  builder.SetInsertPoint(start);
  const LaneScope lanes(builder, width_, target_.has_fma);
  analyze();
  for (const bool is_tiled : is_tiled_) {
    values_.emplace_back(is_tiled ? static_cast<std::size_t>(partition.tile) : 1);
  }
  for (std::size_t i = 0; i < nest_.buffers.size(); ++i) {
    if (nest_.buffers[i].is_local) {
      const auto size = static_cast<std::int64_t>(size_of(nest_.buffers[i].dtype));
      const std::int64_t lanes = nest_.outer_lanes ? partition.unroll * width_ : 1;
      buffers_.push_back(
          stack_memory((nest_.buffers[i].elements * lanes + kMostLanes) * size, false));
      continue;
    }
    llvm::Value* slot =
        builder.CreateConstInBoundsGEP1_64(builder.getPtrTy(), function_->getArg(0), i);
    buffers_.push_back(builder.CreateAlignedLoad(builder.getPtrTy(), slot, llvm::Align(8)));
  }
  if (llvm::Value* condition = can_stream()) {
    emit_if(condition, [&] {
      is_streaming_ = true;
      emit_rows();
      is_streaming_ = false;
      builder.CreateIntrinsic(builder.getVoidTy(), llvm::Intrinsic::x86_sse_sfence, {});
      builder.CreateRet(int64(0));
      builder.SetInsertPoint(new_block("unreachable"));
    });
  }
  emit_rows();
  builder.CreateRet(int64(0));
  builder.SetInsertPoint(stack);
  builder.CreateBr(start);
}

void NestEmitter::emit_rows() {
  llvm::Argument* begin = function_->getArg(1);
  emit_loop(begin, function_->getArg(2), 1, false, {}, [&](llvm::Value* row, Values) -> Values {
    emit_row(row);
    return {};
  });
}

llvm::Value* NestEmitter::can_stream() {
  llvm::Value* bits = nullptr;  // of addresses that have to be 0
  for (const Phase& phase : nest_.phases) {
    loops_.resize(nest_.outer.size() + phase.loops.size());
    for (const Write& w : phase.writes) {
      if (!may_stream(w)) continue;
      const auto buffer = static_cast<std::size_t>(w.buffer);
      const std::int64_t alignment = stream_alignment(nest_.buffers[buffer].dtype, width_);
      llvm::Value* address = b().CreatePtrToInt(buffers_[buffer], b().getInt64Ty());
      llvm::Value* rest = b().CreateAnd(address, int64(alignment - 1));
      bits = bits == nullptr ? rest : b().CreateOr(bits, rest);
    }
  }
  return bits == nullptr ? nullptr : b().CreateICmpEQ(bits, int64(0));
}

std::pair<llvm::Value*, llvm::Value*> NestEmitter::divide(llvm::Value* x, std::int64_t by) {
  if (by == 1) return {x, int64(0)};
  return {b().CreateUDiv(x, int64(by)), b().CreateURem(x, int64(by))};
}

void NestEmitter::decode(llvm::Value* position, std::size_t first_loop,
                         std::span<const std::int64_t> extents) {
  for (std::size_t i = extents.size(); i-- > 0;) {
    if (i == 0) {
      loops_[first_loop] = position;
      break;
    }
    std::tie(position, loops_[first_loop + i]) = divide(position, extents[i]);
  }
}

void NestEmitter::emit_row(llvm::Value* row) {
  const std::size_t outer = nest_.outer.size();
  loops_.assign(outer, nullptr);
  if (partition_.tile > 1) {
    if (partition_.is_woven) return emit_rows_of_columns(row);
    const bool is_map = nest_.phases.front().reductions.empty();
    return is_map ? emit_turned_tile(row) : emit_contraction_tile(row);
  }
  if (!nest_.outer_lanes) {
    decode(row, 0, nest_.outer);
    in_row_part([&] {
      for (const Phase& phase : nest_.phases) {
        loops_.resize(outer + phase.loops.size());
        start_indices(phase);
        emit_code(phase, Level::kRow);
        if (phase.loops.empty()) {
          emit_writes(phase);
        } else {
          emit_phase_rows(phase);
        }
      }
    });
    return;
  }

  llvm::Value* chunk = int64(0);
  if (partition_.chunks_outside) {
    std::tie(chunk, row) = divide(row, partition_.rows / partition_.chunks);
  } else {
    std::tie(row, chunk) = divide(row, partition_.chunks);
  }
  if (outer != 0) decode(row, 0, std::span(nest_.outer).first(outer - 1));
  in_row_part([&] {
    for (const Phase& phase : nest_.phases) {
      loops_.resize(outer + phase.loops.size());
      start_indices(phase);
      emit_code(phase, Level::kRow);
    }
    emit_chunk(chunk, [&] {
      for (const Phase& phase : nest_.phases) emit_block(phase);
    });
  });
}

void NestEmitter::emit_chunk(llvm::Value* chunk, const std::function<void()>& body) {
  const std::int64_t extent = nest_.outer.empty() ? 1 : nest_.outer.back();
  unroll_ = partition_.unroll;
  for_each_lane_part(nest_.phases, extent, [&](const LoopPart& part) {
    emit_lane_loop(lanes_of_chunk(chunk, part), {}, [&](Values) -> Values {
      body();
      return {};
    });
  });
}

void NestEmitter::emit_block(const Phase& phase) {
  loops_.resize(nest_.outer.size() + phase.loops.size());
  if (turns_rows(nest_, phase)) return emit_turned_rows(phase);
  emit_code(phase, Level::kBlock);
  if (phase.reductions.empty() && phase.loops.empty()) {
    emit_writes(phase);
    emit_checks(phase);
  } else {
    emit_phase_rows(phase);
  }
}

// f(rows, enter) for the points of the phase's loops without lanes: enter(point) emits their code.
template <class F>
auto NestEmitter::in_phase_rows(const Phase& phase, F&& f) {
  const auto indices_before = partials_;
  std::span<const std::int64_t> extents = phase.loops;
  if (!nest_.outer_lanes) extents = extents.first(extents.size() - 1);
  const auto enter = [&](llvm::Value* position) {
    partials_ = indices_before;
    decode(position, nest_.outer.size(), extents);
    emit_code(phase, Level::kPhase);
  };
  const Values result = f(ir::product(extents), enter);
  partials_ = indices_before;
  return result;
}

Values NestEmitter::reduce_phase(const Phase& phase) {
  // All lanes of a tree are one block.
  if (!nest_.outer_lanes) unroll_ = static_cast<unsigned>(ir::kLanes) / width_;
  return in_phase_rows(
      phase, [&](std::int64_t rows, const auto& enter) { return reduce_rows(phase, rows, enter); });
}

void NestEmitter::emit_phase_rows(const Phase& phase) {
  if (!phase.reductions.empty()) return define_results(phase, reduce_phase(phase));
  const std::int64_t extent = phase.loops.back();
  if (!nest_.outer_lanes) unroll_ = choose_unroll(nest_, phase, extent, target_);
  in_phase_rows(phase, [&](std::int64_t rows, const auto& enter) {
    return emit_loop(int64(0), int64(rows), 1, true, {},
                     [&](llvm::Value* position, Values) -> Values {
                       enter(position);
                       if (nest_.outer_lanes) {
                         emit_writes(phase);
                         return {};
                       }
                       for_each_lane_part(std::span(&phase, 1), extent, [&](const LoopPart& part) {
                         emit_lane_loop(lanes_of(part), {}, [&](Values) -> Values {
                           emit_code(phase, Level::kLanes);
                           emit_writes(phase);
                           return {};
                         });
                       });
                       return {};
                     });
  });
}

Values NestEmitter::emit_lane_loop(const LaneRange& range, Values carried,
                                   const std::function<Values(Values)>& body) {
  const auto indices_before = partials_;
  const std::int64_t size = block_size();
  Values result = emit_loop(range.begin, range.end, size, range.runs, std::move(carried),
                            [&](llvm::Value* first, Values inside) {
                              partials_ = indices_before;
                              lanes_ = {size, first, nullptr, nullptr, {}};
                              if (!range.has_whole_blocks) {
                                llvm::Value* rest = b().CreateSub(range.end, first);
                                lanes_.partial = b().CreateICmpSLT(rest, int64(size));
                                lanes_.count = b().CreateSelect(lanes_.partial, rest, int64(size));
                                if (has_masks()) lanes_.masks = emit_masks();
                              }
                              return body(std::move(inside));
                            });
  partials_ = indices_before;
  return result;
}

Values NestEmitter::emit_masks() {
  const LaneScope lanes = scope(width_);
  const auto of_part = [&] {
    Values masks;
    for (unsigned u = 0; u < unroll_; ++u) {
      const auto before = static_cast<std::int64_t>(u * width_);
      masks.push_back(lanes_below(b().CreateSub(lanes_.count, int64(before))));
    }
    return masks;
  };
  const auto of_whole = [&] {
    auto* type = llvm::FixedVectorType::get(b().getInt1Ty(), width_);
    return Values(unroll_, llvm::ConstantInt::getTrue(type));
  };
  return emit_choice(lanes_.partial, of_part, of_whole);
}

void NestEmitter::emit_code(const Phase& phase, Level level) {
  advance_loops(phase, level);
  open_level_ = level;
  for (const Local local : phase.code) {
    if (levels_[static_cast<std::size_t>(local)] != level) continue;
    const bool is_varying = varies(local);
    const LaneScope lanes = scope(is_varying ? width_ : 1);
    if (tile_ > 1 && !partition_.is_woven && phase.reductions.empty() &&
        is_turned(nest_, at(local))) {
      read_turned(local);
      continue;
    }
    if (is_tiled(local) && partition_.is_woven) {
      emit_columns(local, is_varying);
      continue;
    }
    if (is_tiled(local)) {
      for_each_tile_point([&] { value(local) = emit_instruction(at(local), is_varying); });
      continue;
    }
    value(local) = emit_instruction(at(local), is_varying);
    if (!is_varying || !is_term_[static_cast<std::size_t>(local)]) continue;
    // Where elements are addressed one by one, the indices are taken from memory.
    for (unsigned u = 0; u < unroll_; ++u) {
      llvm::Value* target =
          b().CreateConstGEP1_64(b().getInt64Ty(), block_memory(&at(local)), u * width_);
      b().CreateAlignedStore(value(local)[u], target, llvm::Align(8));
    }
  }
  open_level_.reset();
  advance_terms(phase, level);
}

llvm::Value* NestEmitter::spread(llvm::Value* narrow) {
  return b().CreateShuffleVector(narrow, std::vector<int>(width_, 0));
}

Values NestEmitter::spread(Local local) {
  if (varies(local)) return value(local);
  return Values(unroll_, spread(value(local).front()));
}

Values NestEmitter::emit_instruction(const Instruction& x, bool is_varying) {
  switch (x.kind) {
    case InstructionKind::kIndex:
      return is_varying ? index_lanes(x.index) : Values{as_lane(current(x.index))};
    case InstructionKind::kInside:
      return inside_lanes(x, is_varying);
    case InstructionKind::kRead:
      return read(x, is_varying);
    case InstructionKind::kConstant:
      return {constant_lane(x.dtype, x.bits)};
    default:
      break;
  }
  std::vector<Values> operands;
  for (const Local operand : x.operands) {
    operands.push_back(is_varying ? spread(operand) : value(operand));
  }
  if (x.kind == InstructionKind::kRandom) return emit_random(x, is_varying, operands);
  const DType from = at(x.operands.back()).dtype;
  Values result;
  for (unsigned u = 0; u < (is_varying ? unroll_ : 1); ++u) {
    Values arguments;
    for (const Values& operand : operands) arguments.push_back(operand[u]);
    switch (x.kind) {
      case InstructionKind::kOp:
        result.push_back(round_lanes(x.dtype, emit_elementwise(x.op, from, arguments)));
        break;
      case InstructionKind::kConvert:
        result.push_back(emit_convert(from, x.dtype, arguments[0]));
        break;
      case InstructionKind::kBitcast:
        result.push_back(emit_bitcast(from, x.dtype, arguments[0]));
        break;
      default:
        NDL_CHECK(false, "instruction {}", static_cast<int>(x.kind));
    }
  }
  return result;
}

Values NestEmitter::emit_random(const Instruction& x, bool is_varying,
                                const std::vector<Values>& operands) {
  Values positions;
  if (is_varying && varies(x.index)) {
    positions = index_lanes(x.index);
  } else {
    llvm::Value* position = as_lane(current(x.index));
    positions.assign(is_varying ? unroll_ : 1, is_varying ? spread(position) : position);
  }
  Values result;
  for (std::size_t u = 0; u < positions.size(); ++u) {
    result.push_back(emit_random_bits(x.dtype, operands[0][u], operands[1][u], positions[u]));
  }
  return result;
}

void NestEmitter::emit_checks(const Phase& phase) {
  for (const Check& check : phase.checks) {
    const bool is_varying = varies(check.local);
    const Values& vectors = value(check.local);
    for (std::size_t u = 0; u < vectors.size(); ++u) {
      const unsigned width = is_varying ? width_ : 1;
      const LaneScope lanes = scope(width);
      const Lane<std::uint64_t> index(vectors[u]);
      Mask bad = index >= Lane<std::uint64_t>(static_cast<std::uint64_t>(check.extent));
      const auto first_lane = static_cast<std::int64_t>(u * width_);
      if (is_varying && lanes_.partial != nullptr) {
        bad = bad & Mask(lanes_below(b().CreateSub(lanes_.count, int64(first_lane))));
      }
      llvm::Value* bits = b().CreateBitCast(bad.value, b().getIntNTy(width));
      llvm::BasicBlock* fail = new_block("fail");
      llvm::BasicBlock* next = new_block("checked");
      b().CreateCondBr(b().CreateICmpEQ(bits, llvm::ConstantInt::get(bits->getType(), 0)), next,
                       fail);
      b().SetInsertPoint(fail);
      llvm::Value* lane = b().CreateZExt(bits, b().getInt64Ty());
      lane = b().CreateBinaryIntrinsic(llvm::Intrinsic::cttz, lane, b().getTrue());
      lane = add64(lane, int64(first_lane));
      llvm::Value* position = at_lane(check.position, lane);
      b().CreateRet(b().CreateAdd(position, int64(1)));
      b().SetInsertPoint(next);
    }
  }
}

}  // namespace ndl::codegen
