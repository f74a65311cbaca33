// Short rows (short_rows.h): all columns of a block of rows at once, a vector each.
#include <algorithm>

#include "codegen/control_flow.h"
#include "codegen/interleave.h"
#include "codegen/memory.h"
#include "codegen/nest_emitter.h"
#include "codegen/short_rows.h"

namespace ndl::codegen {

template <class F>
void NestEmitter::for_each_column(F&& f) {
  for_each_tile_point([&] {
    const auto column = static_cast<std::int64_t>(tile_point_);
    row_part_ = LoopPart{tile_loop(), column, column + 1};
    f();
  });
  row_part_.reset();
}

void NestEmitter::emit_columns(Local local, bool is_varying) {
  const Instruction& x = at(local);
  if (!is_varying || !reads_rows(nest_, x)) {
    for_each_column([&] { value(local) = emit_instruction(x, is_varying); });
    return;
  }
  // The columns that are read: guards say so, if they are known for each. Others are of whole rows.
  std::vector<std::size_t> columns;
  bool is_known = true;
  Guards of_rows;
  for_each_column([&] {
    if (is_outside(x)) return;
    of_rows = guards_of(x, false);
    is_known = is_known && guards_of(x, true).empty() &&
               std::ranges::none_of(of_rows, [&](const Guard* guard) {
                 return guard->index.coefficient(tile_loop()) != 0;
               });
    columns.push_back(tile_point_);
  });
  const auto one_by_one = [&] {
    Values all;
    for_each_column([&] { all.push_back(read(x, true).front()); });
    return all;
  };
  const auto whole_rows = [&] {
    const std::size_t first = columns.front();
    tile_point_ = first;
    llvm::Value* source = current(x.index);
    tile_point_ = 0;
    const Values read =
        load_columns(x.dtype, source, lane_coefficient(x.index), columns.back() - first + 1);
    Values all(tile_, constant_lane(x.dtype, 0));
    for (const std::size_t column : columns) all[column] = read[column - first];
    return all;
  };
  const auto nothing = [&] { return Values(tile_, constant_lane(x.dtype, 0)); };
  const auto rows_that_are = [&] {
    if (of_rows.empty()) return whole_rows();
    return emit_choice(guards_hold(of_rows, int64(0)), whole_rows, nothing);
  };
  Values all;
  if (columns.empty() || !is_known) {
    all = one_by_one();
  } else {
    all = emit_choice(lanes_.partial, one_by_one, rows_that_are);
  }
  for_each_tile_point([&] { value(local) = {all[tile_point_]}; });
}

void NestEmitter::write_rows(const Write& w) {
  const DType dtype = nest_.buffers[static_cast<std::size_t>(w.buffer)].dtype;
  const auto one_by_one = [&]() -> Values {
    for_each_column([&] { write(w); });
    return {};
  };
  const auto whole_rows = [&]() -> Values {
    const LaneScope lanes = scope(width_);
    Values columns;
    for_each_column([&] { columns.push_back(spread(w.local).front()); });
    store_columns(dtype, columns, current(w.index), static_cast<std::int64_t>(tile_));
    return {};
  };
  emit_choice(lanes_.partial, one_by_one, whole_rows);
}

void NestEmitter::emit_rows_of_columns(llvm::Value* row) {
  const TilePlace place = enter_tile(row);
  const Phase& phase = nest_.phases.front();
  start_indices(phase);
  emit_code(phase, Level::kRow);
  emit_chunk(place.chunk, [&] {
    emit_code(phase, Level::kBlock);
    for (const Write& w : phase.writes) write_rows(w);
  });
  tile_ = 1;
}

namespace {

// Integers with the bits of a dtype in memory.
DType bits_of(DType dtype) {
  switch (size_of(dtype)) {
    case 1:
      return DType::kI8;
    case 2:
      return DType::kI16;
    case 4:
      return DType::kI32;
    default:
      return DType::kI64;
  }
}

}  // namespace

void NestEmitter::emit_turned_rows(const Phase& phase) {
  emit_code(phase, Level::kBlock);
  const auto one_by_one = [&]() -> Values {
    emit_phase_rows(phase);
    return {};
  };
  const auto whole_rows = [&]() -> Values {
    const LaneScope lanes = scope(width_);
    const Instruction& x = at(phase.code.front());
    const Write& write = phase.writes.front();
    const DType bits = bits_of(x.dtype);
    const auto columns = static_cast<std::size_t>(phase.loops.front());
    const auto turned = [&](std::int32_t buffer, std::size_t column) {
      return b().CreateConstGEP1_64(bits_type(bits), buffers_[static_cast<std::size_t>(buffer)],
                                    column * width_);
    };
    Values all;
    if (is_local(x.buffer)) {
      for (std::size_t i = 0; i < columns; ++i) {
        all.push_back(load_lanes(bits, turned(x.buffer, i)));
      }
      store_columns(bits, all, current(write.index), lane_coefficient(write.index));
    } else {
      all = load_columns(bits, current(x.index), lane_coefficient(x.index), columns);
      for (std::size_t i = 0; i < columns; ++i) {
        store_lanes(bits, all[i], turned(write.buffer, i));
      }
    }
    return {};
  };
  emit_choice(lanes_.partial, one_by_one, whole_rows);
}

}  // namespace ndl::codegen
