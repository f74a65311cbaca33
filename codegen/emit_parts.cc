// Loops cut into parts (loop_parts.h), in which guards are known.
#include <algorithm>

#include "codegen/control_flow.h"
#include "codegen/nest_emitter.h"

namespace ndl::codegen {

void NestEmitter::in_row_part(const std::function<void()>& f) {
  const std::size_t loops = nest_.outer.size() - (has_lanes_outside() ? 1 : 0);
  for (std::size_t loop = 0; loop < loops; ++loop) {
    if (!chooses_along(nest_, loop)) continue;
    const std::vector<LoopPart> parts = parts_of_loop(nest_, nest_.phases, loop, nest_.outer[loop]);
    if (parts.size() == 1) continue;
    copies_ = parts.size();
    llvm::Value* index = loops_[loop];
    for (const LoopPart& part : parts) {
      row_part_ = part;
      llvm::Value* from = b().CreateICmpSGE(index, int64(part.begin));
      llvm::Value* to = b().CreateICmpSLT(index, int64(part.end));
      emit_if(b().CreateAnd(from, to), f);
    }
    row_part_.reset();
    copies_ = 1;
    return;
  }
  f();
}

void NestEmitter::for_each_lane_part(std::span<const Phase> phases, std::int64_t extent,
                                     const std::function<void(const LoopPart&)>& f) {
  const std::size_t loops = nest_.outer.size() + (nest_.outer_lanes ? 0 : phases[0].loops.size());
  std::vector<LoopPart> parts = {{loops - 1, 0, extent}};
  const bool may_be_cut = (partition_.tile == 1 || partition_.is_woven) && loops != 0;
  if (may_be_cut) parts = parts_of_loop(nest_, phases, loops - 1, extent, copies_);
  if (parts.size() == 1) return f(parts[0]);
  const unsigned unroll = unroll_;
  for (const LoopPart& part : parts) {
    lane_part_ = part;
    const std::int64_t vectors = (part.end - part.begin + width_ - 1) / width_;
    unroll_ = static_cast<unsigned>(std::min<std::int64_t>(unroll, vectors));
    f(part);
  }
  lane_part_.reset();
  unroll_ = unroll;
}

NestEmitter::LaneRange NestEmitter::lanes_of(const LoopPart& part) const {
  return {int64(part.begin), int64(part.end), (part.end - part.begin) % block_size() == 0};
}

NestEmitter::LaneRange NestEmitter::lanes_of_chunk(llvm::Value* chunk, const LoopPart& part) {
  if (partition_.chunks == 1) return lanes_of(part);
  const auto of_two = [](llvm::Intrinsic::ID choose, llvm::Value* x, std::int64_t y) {
    return emit().CreateBinaryIntrinsic(choose, x, int64(y));
  };
  llvm::Value* begin = mul64(chunk, partition_.chunk);
  llvm::Value* end = of_two(llvm::Intrinsic::smin, add64(begin, int64(partition_.chunk)), part.end);
  const bool is_aligned = part.begin % block_size() == 0 && part.end % block_size() == 0;
  if (!lane_part_) return {begin, end, is_aligned};
  // Chunks are whole blocks of the loop, not of its part.
  begin = of_two(llvm::Intrinsic::smax, begin, part.begin);
  return {begin, end, is_aligned && partition_.chunk % block_size() == 0, /*runs=*/false};
}

std::optional<bool> NestEmitter::is_known(const Guard& guard) const {
  for (const std::optional<LoopPart>& part : {row_part_, lane_part_}) {
    if (!part) continue;
    if (const std::optional<bool> holds = holds_in(guard, *part)) return holds;
  }
  return std::nullopt;
}

bool NestEmitter::is_outside(const Instruction& x) const {
  return std::ranges::any_of(x.guards,
                             [&](const Guard& guard) { return is_known(guard) == false; });
}

}  // namespace ndl::codegen
