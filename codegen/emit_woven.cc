// Woven nests (short_rows.h): all columns of a block of rows at once, a vector each.
#include <algorithm>
#include <bit>
#include <utility>

#include "codegen/control_flow.h"
#include "codegen/memory.h"
#include "codegen/nest_emitter.h"
#include "codegen/short_rows.h"

namespace ndl::codegen {
namespace {

// A lane of one of several vectors.
struct Place {
  std::size_t vector;
  unsigned lane;
};

// A vector whose lane l is the lane pick(l) of `from`.
template <class F>
llvm::Value* picked(const Values& from, F&& pick) {
  const unsigned width = LaneScope::current().width();
  llvm::Value* result = llvm::PoisonValue::get(from.front()->getType());
  std::vector<int> mask(width, llvm::PoisonMaskElem);
  for (std::size_t i = 0; i < from.size(); ++i) {
    bool is_used = false;
    for (unsigned lane = 0; lane < width; ++lane) {
      const Place place = pick(lane);
      if (place.vector != i) continue;
      mask[lane] = static_cast<int>(width + place.lane);
      is_used = true;
    }
    if (!is_used) continue;
    result = emit().CreateShuffleVector(result, from[i], mask);
    for (unsigned lane = 0; lane < width; ++lane) {
      if (mask[lane] != llvm::PoisonMaskElem) mask[lane] = static_cast<int>(lane);
    }
  }
  return result;
}

// Every second lane of two vectors after each other, from lane `first` on.
std::vector<int> every_second(unsigned first) {
  std::vector<int> mask;
  for (unsigned lane = 0; lane < LaneScope::current().width(); ++lane) {
    mask.push_back(static_cast<int>(first + lane * 2));
  }
  return mask;
}

// The lanes of two vectors in turn, the first half of them or the second.
std::vector<int> in_turn(bool is_second) {
  const unsigned width = LaneScope::current().width();
  std::vector<int> mask;
  for (unsigned lane = 0; lane < width; ++lane) {
    const unsigned place = lane / 2 + (is_second ? width / 2 : 0);
    mask.push_back(static_cast<int>(lane % 2 == 0 ? place : width + place));
  }
  return mask;
}

bool is_power_of_two(std::size_t count) { return std::has_single_bit(count); }

// Vectors of columns as vectors of rows that lie side by side: element r * columns + c is lane r of
// column c.
Values woven(Values columns) {
  const std::size_t count = columns.size();
  if (is_power_of_two(count)) {
    for (std::size_t step = 1; step < count; step *= 2) {
      Values next;
      for (std::size_t i = 0; i < count / 2; ++i) {
        for (const bool is_second : {false, true}) {
          next.push_back(
              emit().CreateShuffleVector(columns[i], columns[i + count / 2], in_turn(is_second)));
        }
      }
      columns = std::move(next);
    }
    return columns;
  }
  const unsigned width = LaneScope::current().width();
  Values rows;
  for (std::size_t v = 0; v < count; ++v) {
    rows.push_back(picked(columns, [&](unsigned lane) -> Place {
      const std::size_t element = v * width + lane;
      return {element % count, static_cast<unsigned>(element / count)};
    }));
  }
  return rows;
}

// The other way, for a power of two.
Values unwoven(Values rows) {
  const std::size_t count = rows.size();
  for (std::size_t step = 1; step < count; step *= 2) {
    Values next(count);
    for (std::size_t i = 0; i < count / 2; ++i) {
      for (const unsigned odd : {0U, 1U}) {
        next[i + odd * count / 2] =
            emit().CreateShuffleVector(rows[2 * i], rows[2 * i + 1], every_second(odd));
      }
    }
    rows = std::move(next);
  }
  return rows;
}

}  // namespace

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
    const auto distance = static_cast<unsigned>(lane_coefficient(x.index));
    const unsigned size =
        distance * (width_ - 1) + static_cast<unsigned>(columns.back() - first) + 1;
    const unsigned vectors = (size + width_ - 1) / width_;
    tile_point_ = first;
    llvm::Value* source = current(x.index);
    tile_point_ = 0;
    Values memory;
    for (unsigned v = 0; v < vectors; ++v) {
      // The last one ends with the last element.
      const unsigned begin = std::min(v * width_, size - width_);
      memory.push_back(
          load_lanes(x.dtype, b().CreateConstGEP1_64(bits_type(x.dtype), source, begin)));
    }
    if (distance == tile_ && columns.size() == tile_ && is_power_of_two(tile_)) {
      return unwoven(memory);
    }
    Values all(tile_, constant_lane(x.dtype, 0));
    for (const std::size_t column : columns) {
      all[column] = picked(memory, [&](unsigned row) -> Place {
        const unsigned element = row * distance + static_cast<unsigned>(column - first);
        const unsigned vector = std::min(element / width_, vectors - 1);
        return {vector, element - std::min(vector * width_, size - width_)};
      });
    }
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
  } else if (lanes_.partial == nullptr) {
    all = rows_that_are();
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
    llvm::Value* target = current(w.index);
    const Values rows = woven(std::move(columns));
    for (unsigned v = 0; v < tile_; ++v) {
      store_lanes(dtype, rows[v], b().CreateConstGEP1_64(bits_type(dtype), target, v * width_));
    }
    return {};
  };
  if (lanes_.partial == nullptr) {
    whole_rows();
  } else {
    emit_choice(lanes_.partial, one_by_one, whole_rows);
  }
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

}  // namespace ndl::codegen
