// Tiles (partition.h): several points of a loop without lanes at once.
#include "codegen/control_flow.h"
#include "codegen/memory.h"
#include "codegen/nest_emitter.h"

namespace ndl::codegen {

NestEmitter::TilePlace NestEmitter::enter_tile(llvm::Value* row) {
  const std::int64_t extent = nest_.outer[tile_loop()];
  const auto [chunk_row, tile] = divide(row, partition_.tiles);
  const auto [outer_row, chunk] = divide(chunk_row, partition_.chunks);
  decode(outer_row, 0, std::span(nest_.outer).first(tile_loop()));
  // The last tile computes some points once more, but they are written once.
  llvm::Value* first = mul64(tile, partition_.tile);
  llvm::Value* start = first;
  if (extent % partition_.tile != 0) {
    start =
        b().CreateBinaryIntrinsic(llvm::Intrinsic::smin, first, int64(extent - partition_.tile));
  }
  tile_ = static_cast<std::size_t>(partition_.tile);
  loops_[tile_loop()] = start;
  return {chunk, start, first};
}

void NestEmitter::emit_turned_tile(llvm::Value* row) {
  const TilePlace place = enter_tile(row);
  const Phase& phase = nest_.phases.front();
  start_indices(phase);
  emit_code(phase, Level::kRow);
  llvm::Value* repeated = b().CreateSub(place.first, place.start);
  emit_chunk(place.chunk, [&] {
    emit_code(phase, Level::kBlock);
    for_each_tile_point([&] {
      if (place.start == place.first) return emit_writes(phase);
      llvm::Value* point = int64(static_cast<std::int64_t>(tile_point_));
      emit_if(b().CreateICmpSGE(point, repeated), [&] { emit_writes(phase); });
    });
  });
  tile_ = 1;
}

void NestEmitter::emit_contraction_tile(llvm::Value* row) {
  const TilePlace place = enter_tile(row);
  const Phase& contraction = nest_.phases.front();
  const Reduction& sum = contraction.reductions.front();
  const auto size = static_cast<std::int64_t>(size_of(sum.accumulator));
  const std::int64_t block = partition_.unroll * width_;
  llvm::Value* memory = stack_memory(partition_.tile * block * size, false);
  // The address of a vector of sums at a point of the tile.
  const auto address = [&](llvm::Value* point, unsigned u) {
    llvm::Value* vectors = b().CreatePtrAdd(memory, mul64(point, block * size));
    return b().CreateConstGEP1_64(bits_type(sum.accumulator), vectors, u * width_);
  };

  loops_.resize(nest_.outer.size() + contraction.loops.size());
  start_indices(contraction);
  emit_code(contraction, Level::kRow);
  emit_chunk(place.chunk, [&] {
    emit_code(contraction, Level::kBlock);
    const Values sums = reduce_phase(contraction);
    const LaneScope lanes = scope(width_);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      store_lanes(sum.accumulator, sums[i],
                  address(int64(static_cast<std::int64_t>(i / unroll_)),
                          static_cast<unsigned>(i % unroll_)));
    }
    tile_ = 1;
    const auto indices_before = partials_;
    emit_loop(b().CreateSub(place.first, place.start), int64(partition_.tile), 1, true, {},
              [&](llvm::Value* point, Values) -> Values {
                partials_ = indices_before;
                loops_[tile_loop()] = add64(place.start, point);
                value(sum.result).clear();
                for (unsigned u = 0; u < unroll_; ++u) {
                  value(sum.result).push_back(load_lanes(sum.accumulator, address(point, u)));
                }
                for (std::size_t i = 1; i < nest_.phases.size(); ++i) {
                  const Phase& phase = nest_.phases[i];
                  loops_.resize(nest_.outer.size() + phase.loops.size());
                  start_indices(phase);
                  emit_code(phase, Level::kRow);
                  emit_block(phase);
                }
                return {};
              });
  });
}

}  // namespace ndl::codegen
