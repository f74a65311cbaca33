// Reading and writing blocks of lanes.
//
// A block whose elements lie side by side is read and written in vectors, at the end of a loop with
// masks (and there alone: a CPU does not read ahead of masked reads). Any other, and the end of a
// loop where the CPU has no masks, goes element by element through stack memory of a block's size,
// so that the code of a phase exists once, for whole blocks.
#include <llvm/IR/Intrinsics.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <utility>
#include <vector>

#include "base/error.h"
#include "codegen/interleave.h"
#include "codegen/memory.h"
#include "codegen/nest_emitter.h"
#include "codegen/short_rows.h"
#include "ir/math/convert.h"

namespace ndl::codegen {

llvm::Type* bits_type(DType dtype) {
  return emit().getIntNTy(static_cast<unsigned>(8 * size_of(dtype)));
}

llvm::Value* as_lane(llvm::Value* scalar) {
  auto* type = llvm::FixedVectorType::get(scalar->getType(), 1);
  return emit().CreateInsertElement(llvm::PoisonValue::get(type), scalar, std::uint64_t{0});
}

llvm::Value* as_scalar(llvm::Value* lane) {
  return emit().CreateExtractElement(lane, std::uint64_t{0});
}

llvm::Value* lane_numbers(std::int64_t first) {
  llvm::SmallVector<llvm::Constant*> numbers;
  for (unsigned i = 0; i < LaneScope::current().width(); ++i) {
    numbers.push_back(emit().getInt64(static_cast<std::uint64_t>(first + i)));
  }
  return llvm::ConstantVector::get(numbers);
}

llvm::Value* splat64(llvm::Value* scalar) {
  return emit().CreateVectorSplat(LaneScope::current().width(), scalar);
}

llvm::Value* lanes_below(llvm::Value* count) {
  return emit().CreateICmpSLT(lane_numbers(0), splat64(count));
}

llvm::Value* constant_lane(DType dtype, std::uint64_t bits) {
  return visit_dtype(dtype, [&]<class E>(std::type_identity<E>) -> llvm::Value* {
    E element;
    std::memcpy(static_cast<void*>(&element), &bits, sizeof(E));
    if constexpr (ir::math::is_half_v<E>) {
      return Lane<float>(element.to_float()).value;
    } else {
      return Lane<E>(element).value;
    }
  });
}

template <class F>
void NestEmitter::for_each_index(const Phase& phase, F&& f) const {
  for (const Local local : phase.code) {
    const Instruction& x = at(local);
    const bool has_index = x.kind == InstructionKind::kIndex || x.kind == InstructionKind::kRead ||
                           x.kind == InstructionKind::kRandom;
    if (has_index) f(x.index, x.buffer);
    for (const Guard& guard : x.guards) f(guard.index, -1);
  }
  for (const Write& write : phase.writes) f(write.index, write.buffer);
  for (const Check& check : phase.checks) f(check.position, -1);
}

void NestEmitter::start_indices(const Phase& phase) {
  for_each_index(phase, [&](const IndexExpr& index, std::int32_t buffer) {
    Partial partial{int64(0), buffer};
    if (buffer >= 0) partial.value = buffers_[static_cast<std::size_t>(buffer)];
    advance(partial, int64(index.base));
    partials_[&index] = partial;
  });
}

void NestEmitter::advance(Partial& partial, llvm::Value* distance) {
  const llvm::ConstantInt* constant = as_constant(distance);
  if (constant != nullptr && constant->isZero()) return;
  if (partial.buffer < 0) {
    partial.value = add64(partial.value, distance);
    return;
  }
  if (has_block_elements(partial.buffer)) distance = mul64(distance, block_size());
  const DType dtype = nest_.buffers[static_cast<std::size_t>(partial.buffer)].dtype;
  partial.value = b().CreateGEP(bits_type(dtype), partial.value, distance);
}

void NestEmitter::advance_loops(const Phase& phase, Level level) {
  for_each_index(phase, [&](const IndexExpr& index, std::int32_t) {
    llvm::Value* distance = int64(0);
    for (std::size_t i = 0; i < index.coefficients.size(); ++i) {
      if (index.coefficients[i] == 0 || level_of(i) != level) continue;
      llvm::Value* loop = is_lane_loop(i) ? lanes_.first : loops_[i];
      distance = add64(distance, mul64(loop, index.coefficients[i]));
    }
    advance(partials_.at(&index), distance);
  });
}

void NestEmitter::advance_terms(const Phase& phase, Level level) {
  for_each_index(phase, [&](const IndexExpr& index, std::int32_t) {
    for (const IndexExpr::Term& term : index.terms) {
      if (varies(term.local) || levels_[static_cast<std::size_t>(term.local)] != level) continue;
      advance(partials_.at(&index), mul64(as_scalar(value(term.local).front()), term.coefficient));
    }
  });
}

llvm::Value* NestEmitter::current(const IndexExpr& index) {
  Partial partial = partials_.at(&index);
  if (tile_point_ != 0) {
    const auto point = static_cast<std::int64_t>(tile_point_);
    advance(partial, int64(point * index.coefficient(tile_loop())));
  }
  if (open_level_) {
    for (const IndexExpr::Term& term : index.terms) {
      if (varies(term.local) || levels_[static_cast<std::size_t>(term.local)] != *open_level_) {
        continue;
      }
      advance(partial, mul64(as_scalar(value(term.local).front()), term.coefficient));
    }
  }
  return partial.value;
}

llvm::Value* NestEmitter::at_lane(const IndexExpr& index, llvm::Value* lane) {
  Partial partial{current(index), partials_.at(&index).buffer};
  llvm::Value* distance = mul64(lane, lane_coefficient(index));
  for (const IndexExpr::Term& term : index.terms) {
    if (!varies(term.local)) continue;
    llvm::Value* source = b().CreateGEP(b().getInt64Ty(), block_memory(&at(term.local)), lane);
    llvm::Value* loaded = b().CreateAlignedLoad(b().getInt64Ty(), source, llvm::Align(8));
    distance = add64(distance, mul64(loaded, term.coefficient));
  }
  advance(partial, distance);
  return partial.value;
}

Values NestEmitter::index_lanes(const IndexExpr& index) {
  llvm::Value* first = splat64(current(index));
  Values result;
  for (unsigned u = 0; u < unroll_; ++u) {
    llvm::Value* numbers = lane_numbers(static_cast<std::int64_t>(u * width_));
    llvm::Value* sum =
        b().CreateAdd(first, b().CreateMul(numbers, splat64(int64(lane_coefficient(index)))));
    for (const IndexExpr::Term& term : index.terms) {
      if (!varies(term.local)) continue;
      sum =
          b().CreateAdd(sum, b().CreateMul(value(term.local)[u], splat64(int64(term.coefficient))));
    }
    result.push_back(sum);
  }
  return result;
}

NestEmitter::Guards NestEmitter::guards_of(const Instruction& x, bool in_lanes) const {
  Guards result;
  for (const Guard& guard : x.guards) {
    if (varies(guard.index) == in_lanes && is_known(guard) != true) result.push_back(&guard);
  }
  return result;
}

llvm::Value* NestEmitter::guards_hold(const Guards& guards, llvm::Value* lane) {
  llvm::Value* all = b().getTrue();
  for (const Guard* guard : guards) {
    // low <= index < high, in one comparison.
    llvm::Value* distance = add64(at_lane(guard->index, lane), int64(-guard->low));
    all = b().CreateAnd(all, b().CreateICmpULT(distance, int64(guard->high - guard->low)));
  }
  return all;
}

llvm::Value* NestEmitter::guards_hold_for_block(const Guards& guards) {
  // An affine index is inside for all lanes if it is for the first and the last.
  return b().CreateAnd(guards_hold(guards, int64(0)), guards_hold(guards, int64(lanes_.size - 1)));
}

llvm::Value* NestEmitter::guard_fails_for_block(const Guards& guards) {
  llvm::Value* any = b().getFalse();
  for (const Guard* guard : guards) {
    llvm::Value* first = at_lane(guard->index, int64(0));
    llvm::Value* last = at_lane(guard->index, int64(lanes_.size - 1));
    llvm::Value* least = b().CreateBinaryIntrinsic(llvm::Intrinsic::smin, first, last);
    llvm::Value* most = b().CreateBinaryIntrinsic(llvm::Intrinsic::smax, first, last);
    any = b().CreateOr(any, b().CreateICmpSLT(most, int64(guard->low)));
    any = b().CreateOr(any, b().CreateICmpSGE(least, int64(guard->high)));
  }
  return any;
}

Values NestEmitter::inside_lanes(const Instruction& x, bool is_varying) {
  llvm::Value* same = is_outside(x) ? b().getFalse() : guards_hold(guards_of(x, false), int64(0));
  if (!is_varying) return {as_lane(same)};
  Values result(unroll_, b().CreateVectorSplat(width_, same));
  for (const Guard* guard : guards_of(x, true)) {
    const Values index = index_lanes(guard->index);
    for (unsigned u = 0; u < unroll_; ++u) {
      llvm::Value* distance = b().CreateSub(index[u], splat64(int64(guard->low)));
      llvm::Value* holds = b().CreateICmpULT(distance, splat64(int64(guard->high - guard->low)));
      result[u] = b().CreateAnd(result[u], holds);
    }
  }
  return result;
}

llvm::Value* NestEmitter::block_memory(const void* key) {
  llvm::Value*& memory = memories_[key];
  if (memory == nullptr) memory = stack_memory(kMostLanes * 8);
  return memory;
}

void NestEmitter::for_each_lane(const std::function<void(llvm::Value*)>& f) {
  llvm::Value* count = lanes_.count != nullptr ? lanes_.count : int64(lanes_.size);
  emit_loop(int64(0), count, 1, true, {}, [&](llvm::Value* lane, Values) -> Values {
    f(lane);
    return {};
  });
}

void NestEmitter::fill(const Instruction& x, llvm::Value* memory) {
  llvm::Type* type = bits_type(x.dtype);
  const llvm::Align align(size_of(x.dtype));
  Guards guards = guards_of(x, true);
  std::ranges::copy(guards_of(x, false), std::back_inserter(guards));
  llvm::Value* nothing = guards.empty() ? nullptr : block_memory(nullptr);
  for_each_lane([&](llvm::Value* lane) {
    llvm::Value* source = at_lane(x.index, lane);
    if (nothing != nullptr) source = b().CreateSelect(guards_hold(guards, lane), source, nothing);
    llvm::Value* element = b().CreateAlignedLoad(type, source, align);
    b().CreateAlignedStore(element, b().CreateGEP(type, memory, lane), align);
  });
}

Values NestEmitter::read_near(const Instruction& x) {
  const LaneScope lanes = scope(width_);
  const std::int64_t distance = lane_coefficient(x.index);
  const auto width = static_cast<std::int64_t>(width_);
  Values result;
  for (std::int64_t u = 0; u < static_cast<std::int64_t>(unroll_); ++u) {
    const std::int64_t lowest = distance > 0 ? u * width : (u + 1) * width - 1;
    llvm::Value* source = at_lane(x.index, int64(lowest));
    llvm::Value* vector = load_columns(x.dtype, source, std::abs(distance), 1).front();
    result.push_back(distance > 0 ? vector : b().CreateVectorReverse(vector));
  }
  return result;
}

Values NestEmitter::read_strided(const Instruction& x) {
  if (is_near(lane_coefficient(x.index))) return read_near(x);
  llvm::Value* first = current(x.index);
  llvm::Type* element = x.dtype == DType::kF32   ? b().getFloatTy()
                        : x.dtype == DType::kF64 ? b().getDoubleTy()
                                                 : bits_type(x.dtype);
  Values result;
  for (unsigned u = 0; u < unroll_; ++u) {
    llvm::Value* vector = llvm::PoisonValue::get(llvm::FixedVectorType::get(element, width_));
    for (unsigned lane = 0; lane < width_; ++lane) {
      const std::int64_t distance = lane_coefficient(x.index) * (u * width_ + lane);
      llvm::Value* source = b().CreateGEP(element, first, int64(distance));
      llvm::Value* loaded = b().CreateAlignedLoad(element, source, llvm::Align(size_of(x.dtype)));
      vector = b().CreateInsertElement(vector, loaded, std::uint64_t{lane});
    }
    result.push_back(vector);
  }
  return result;
}

void NestEmitter::read_turned(Local local) {
  const Instruction& x = at(local);
  NDL_CHECK(tile_ == width_ && unroll_ == 1, "a tile of {} points", tile_);
  const LaneScope lanes = scope(width_);
  llvm::Value* last = nullptr;  // what is beyond the end of the loop reads the last lane again
  if (lanes_.count != nullptr) last = b().CreateSub(lanes_.count, int64(1));
  Values rows;
  for (std::int64_t lane = 0; lane < static_cast<std::int64_t>(width_); ++lane) {
    llvm::Value* place = int64(lane);
    if (last != nullptr) {
      place = b().CreateBinaryIntrinsic(llvm::Intrinsic::smin, place, last);
    }
    rows.push_back(load_lanes(x.dtype, at_lane(x.index, place)));
  }
  rows = transposed(std::move(rows));
  for_each_tile_point([&] { value(local) = {rows[tile_point_]}; });
}

Values NestEmitter::read(const Instruction& x, bool is_varying) {
  if (is_outside(x)) return Values(is_varying ? unroll_ : 1, constant_lane(x.dtype, 0));
  if (!is_varying) {
    llvm::Value* source = current(x.index);
    if (const Guards guards = guards_of(x, false); !guards.empty()) {
      llvm::Value* inside = guards_hold(guards, int64(0));
      source = b().CreateSelect(inside, source, block_memory(nullptr));
    }
    return {load_lanes(x.dtype, source)};
  }
  const Guards of_block = guards_of(x, false);
  const Guards of_lanes = guards_of(x, true);
  // Whether the places of the lanes are known from that of the first.
  const bool is_regular =
      !has_varying_terms(x.index) && std::ranges::none_of(of_lanes, [&](const Guard* guard) {
        return has_varying_terms(guard->index);
      });
  const bool is_vector = is_regular && is_dense(x.buffer, x.index);
  const bool is_masked =
      lanes_.partial != nullptr && of_lanes.empty() && !is_local(x.buffer) && reads_masked(x.dtype);
  const auto load_block = [&](llvm::Value* from, bool masks = false) {
    Values result;
    for (unsigned u = 0; u < unroll_; ++u) {
      llvm::Value* source = b().CreateConstGEP1_64(bits_type(x.dtype), from, u * width_);
      result.push_back(load_lanes(x.dtype, source, masks ? lanes_.masks[u] : nullptr));
    }
    return result;
  };
  const auto load_one_by_one = [&] {
    llvm::Value* memory = block_memory(&x);
    fill(x, memory);
    return load_block(memory);
  };
  if (!is_vector) {
    const bool has_guards = !of_block.empty() || !of_lanes.empty();
    const bool is_strided =
        is_regular && x.dtype != DType::kBool &&
        (is_near(lane_coefficient(x.index)) || (!has_guards && !is_half(x.dtype)));
    if (!is_strided) return load_one_by_one();
    llvm::Value* apart = lanes_.partial;
    if (has_guards) {
      llvm::Value* hold = guards_hold(of_block, int64(0));
      hold = b().CreateAnd(hold, guards_hold_for_block(of_lanes));
      llvm::Value* fails = b().CreateNot(hold);
      apart = apart == nullptr ? fails : b().CreateOr(apart, fails);
    }
    return emit_choice(apart, load_one_by_one, [&] { return read_strided(x); });
  }
  llvm::Value* source = current(x.index);
  if (!of_block.empty()) {
    llvm::Value* inside = guards_hold(of_block, int64(0));
    source = b().CreateSelect(inside, source, block_memory(nullptr));
  }
  if (is_masked) {
    return emit_choice(
        lanes_.partial, [&] { return load_block(source, true); },
        [&] { return load_block(source); });
  }
  // Whether elements are read one by one.
  llvm::Value* apart = is_local(x.buffer) ? nullptr : lanes_.partial;
  if (!of_lanes.empty()) {
    llvm::Value* fails = guard_fails_for_block(of_lanes);
    llvm::Value* holds = guards_hold_for_block(of_lanes);
    llvm::Value* crosses = b().CreateNot(b().CreateOr(holds, fails));
    source = b().CreateSelect(fails, block_memory(nullptr), source);
    apart = apart == nullptr ? crosses : b().CreateOr(apart, crosses);
  }
  if (apart != nullptr) {
    llvm::Value* memory = block_memory(&x);
    emit_if(apart, [&] { fill(x, memory); });
    source = b().CreateSelect(apart, memory, source);
  }
  return load_block(source);
}

void NestEmitter::emit_writes(const Phase& phase) {
  for (const Write& w : phase.writes) write(w);
}

bool NestEmitter::may_stream(const Write& w) const {
  // About the last cache of a CPU.
  constexpr std::int64_t kLargeBytes = std::int64_t{32} << 20;
  const KernelBuffer& buffer = nest_.buffers[static_cast<std::size_t>(w.buffer)];
  const auto size = static_cast<std::int64_t>(size_of(buffer.dtype));
  if (buffer.is_local || buffer.elements * size < kLargeBytes) return false;
  if (lane_coefficient(w.index) != 1 || !w.index.terms.empty()) return false;
  const std::int64_t alignment = stream_alignment(buffer.dtype, width_);
  if (lane_part_ && lane_part_->begin * size % alignment != 0) return false;
  if (w.index.base * size % alignment != 0) return false;
  for (std::size_t loop = 0; loop < w.index.coefficients.size(); ++loop) {
    if (!is_lane_loop(loop) && w.index.coefficients[loop] * size % alignment != 0) return false;
  }
  return true;
}

void NestEmitter::write(const Write& w) {
  const DType dtype = nest_.buffers[static_cast<std::size_t>(w.buffer)].dtype;
  llvm::Type* type = bits_type(dtype);
  if (!varies(w.index) && !has_block_elements(w.buffer)) {
    const LaneScope lanes = scope(1);
    llvm::Value* first = value(w.local).front();
    if (varies(w.local)) first = b().CreateShuffleVector(first, std::vector<int>{0});
    store_lanes(dtype, first, current(w.index));
    return;
  }
  const bool is_vector = is_dense(w.buffer, w.index);
  const bool is_masked =
      is_vector && lanes_.partial != nullptr && !is_local(w.buffer) && writes_masked();
  const bool may_end = lanes_.partial != nullptr && !is_local(w.buffer) && !is_masked;
  llvm::Value* memory = !is_vector || may_end ? block_memory(&w) : nullptr;
  llvm::Value* target = memory;
  if (is_vector) {
    target = current(w.index);
    if (memory != nullptr) target = b().CreateSelect(lanes_.partial, memory, target);
  }
  const LaneScope lanes = scope(width_);
  const Values vectors = spread(w.local);
  const bool is_streamed =
      is_streaming_ && (lanes_.partial == nullptr || is_masked) && may_stream(w);
  const auto store_block = [&](bool masks) -> Values {
    for (unsigned u = 0; u < unroll_; ++u) {
      llvm::Value* pointer = b().CreateConstGEP1_64(type, target, u * width_);
      if (is_streamed && !masks) {
        stream_lanes(dtype, vectors[u], pointer);
      } else {
        store_lanes(dtype, vectors[u], pointer, masks ? lanes_.masks[u] : nullptr);
      }
    }
    return {};
  };
  if (is_masked) {
    emit_choice(
        lanes_.partial, [&] { return store_block(true); }, [&] { return store_block(false); });
  } else {
    store_block(false);
  }
  if (memory == nullptr) return;
  const auto copy = [&] {
    const llvm::Align align(size_of(dtype));
    for_each_lane([&](llvm::Value* lane) {
      llvm::Value* element = b().CreateAlignedLoad(type, b().CreateGEP(type, memory, lane), align);
      b().CreateAlignedStore(element, at_lane(w.index, lane), align);
    });
  };
  if (is_vector) {
    emit_if(lanes_.partial, copy);
  } else {
    copy();
  }
}

}  // namespace ndl::codegen
