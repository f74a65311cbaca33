#include "codegen/interleave.h"

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "base/checked.h"
#include "codegen/memory.h"
#include "codegen/nest_emitter.h"
#include "codegen/short_rows.h"

namespace ndl::codegen {
namespace {

// Putting together a number of columns takes its square in shuffles, a power of two fewer.
constexpr std::size_t kMostWoven = 6;
constexpr std::size_t kMostWovenPower = 8;

unsigned lanes() { return LaneScope::current().width(); }

llvm::Value* element_at(DType dtype, llvm::Value* start, llvm::Value* index) {
  return emit().CreateGEP(bits_type(dtype), start, index);
}
llvm::Value* element_at(DType dtype, llvm::Value* start, std::size_t index) {
  return element_at(dtype, start, int64(static_cast<std::int64_t>(index)));
}

// A lane of one of several vectors.
struct Place {
  std::size_t vector;
  unsigned lane;
};

// A vector whose lane l is the lane pick(l) of `from`.
template <class F>
llvm::Value* picked(const Values& from, F&& pick) {
  const unsigned width = lanes();
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
  for (unsigned lane = 0; lane < lanes(); ++lane) {
    mask.push_back(static_cast<int>(first + lane * 2));
  }
  return mask;
}

// The lanes of two vectors in turn, the first half of them or the second.
std::vector<int> in_turn(bool is_second) {
  const unsigned width = lanes();
  std::vector<int> mask;
  for (unsigned lane = 0; lane < width; ++lane) {
    const unsigned place = lane / 2 + (is_second ? width / 2 : 0);
    mask.push_back(static_cast<int>(lane % 2 == 0 ? place : width + place));
  }
  return mask;
}

// Vectors of columns as vectors of rows that lie side by side: element r * columns + c is lane r of
// column c.
Values woven(Values columns) {
  const std::size_t count = columns.size();
  if (std::has_single_bit(count)) {
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
  Values rows;
  for (std::size_t v = 0; v < count; ++v) {
    rows.push_back(picked(columns, [&](unsigned lane) -> Place {
      const std::size_t element = v * lanes() + lane;
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

// Of rows so near to each other that all vectors of memory are read.
Values load_picked(DType dtype, llvm::Value* source, std::int64_t distance, std::size_t count) {
  const unsigned width = lanes();
  const auto apart = static_cast<unsigned>(distance);
  const unsigned size = apart * (width - 1) + static_cast<unsigned>(count);
  const unsigned vectors = (size + width - 1) / width;
  // The last one ends with the last element.
  const auto begin = [&](unsigned v) { return std::min(v * width, size - width); };
  Values memory;
  for (unsigned v = 0; v < vectors; ++v) {
    memory.push_back(load_lanes(dtype, element_at(dtype, source, std::size_t{begin(v)})));
  }
  if (apart == count && std::has_single_bit(count)) return unwoven(std::move(memory));
  Values columns;
  for (std::size_t column = 0; column < count; ++column) {
    columns.push_back(picked(memory, [&](unsigned row) -> Place {
      const unsigned element = row * apart + static_cast<unsigned>(column);
      const unsigned vector = std::min(element / width, vectors - 1);
      return {vector, element - begin(vector)};
    }));
  }
  return columns;
}

// f(first, mask) for groups of columns that are a vector of a row; without a mask if all of it.
template <class F>
void for_each_group(std::size_t count, F&& f) {
  for (std::size_t first = 0; first < count; first += lanes()) {
    const std::size_t rest = count - first;
    llvm::Value* mask = nullptr;
    if (rest < lanes()) {
      llvm::SmallVector<llvm::Constant*> bits;
      for (unsigned i = 0; i < lanes(); ++i) bits.push_back(emit().getInt1(i < rest));
      mask = llvm::ConstantVector::get(bits);
    }
    f(first, mask);
  }
}

// A square of vectors in stack memory.
class Square {
 public:
  explicit Square(llvm::Type* vector) : type_(vector) {
    const auto bits = static_cast<std::int64_t>(vector->getPrimitiveSizeInBits().getFixedValue());
    memory_ = stack_memory(lanes() * ceil_div(bits, std::int64_t{8}), false);
  }
  llvm::Value* get(llvm::Value* row) const { return emit().CreateLoad(type_, address(row)); }
  void put(llvm::Value* row, llvm::Value* vector) const {
    emit().CreateStore(vector, address(row));
  }

 private:
  llvm::Value* address(llvm::Value* row) const { return emit().CreateGEP(type_, memory_, row); }

  llvm::Type* type_;
  llvm::Value* memory_;
};

// Two of the four steps in which a square of 16 can be transposed. A step puts the lanes of vectors
// i and i + 8 in turn to vectors 2i and 2i + 1.
constexpr unsigned kSquareOfTwoSteps = 16;

template <class Get, class Put>
void two_steps(Get&& get, Put&& put) {
  const auto in_turns = [](llvm::Value* a, llvm::Value* c, bool is_second) {
    return emit().CreateShuffleVector(a, c, in_turn(is_second));
  };
  constexpr std::int64_t kQuarter = kSquareOfTwoSteps / 4;
  emit_loop(int64(0), int64(kQuarter), 1, true, {}, [&](llvm::Value* i, Values) -> Values {
    Values x;
    for (std::int64_t k = 0; k < 4; ++k) x.push_back(get(add64(i, int64(k * kQuarter))));
    llvm::Value* first = mul64(i, 4);
    for (const bool upper : {false, true}) {
      llvm::Value* even = in_turns(x[0], x[2], upper);
      llvm::Value* odd = in_turns(x[1], x[3], upper);
      for (const bool second : {false, true}) {
        put(add64(first, int64(2 * upper + second)), in_turns(even, odd, second));
      }
    }
    return {};
  });
}

// The vectors row(0), row(1), ... transposed.
template <class Row>
Values get_transposed(llvm::Type* vector, Row&& row) {
  Values result;
  if (lanes() != kSquareOfTwoSteps) {
    for (unsigned i = 0; i < lanes(); ++i) result.push_back(row(int64(i)));
    return transposed(std::move(result));
  }
  const Square half(vector);
  const Square whole(vector);
  two_steps(row, [&](llvm::Value* i, llvm::Value* x) { half.put(i, x); });
  two_steps([&](llvm::Value* i) { return half.get(i); },
            [&](llvm::Value* i, llvm::Value* x) { whole.put(i, x); });
  for (unsigned i = 0; i < lanes(); ++i) result.push_back(whole.get(int64(i)));
  return result;
}

// put(i, vector) for the columns transposed.
template <class Put>
void put_transposed(const Values& columns, Put&& put) {
  if (lanes() != kSquareOfTwoSteps) {
    const Values rows = transposed(columns);
    for (unsigned i = 0; i < lanes(); ++i) put(int64(i), rows[i]);
    return;
  }
  const Square whole(columns.front()->getType());
  const Square half(columns.front()->getType());
  for (unsigned i = 0; i < lanes(); ++i) whole.put(int64(i), columns[i]);
  two_steps([&](llvm::Value* i) { return whole.get(i); },
            [&](llvm::Value* i, llvm::Value* x) { half.put(i, x); });
  two_steps([&](llvm::Value* i) { return half.get(i); }, put);
}

}  // namespace

Values transposed(Values rows) {
  // Blocks off the diagonal change places, from those of one element to those of half a vector.
  const auto count = static_cast<unsigned>(rows.size());
  for (unsigned size = 1; size < count; size *= 2) {
    std::vector<int> upper(count);
    std::vector<int> lower(count);
    for (unsigned k = 0; k < count; ++k) {
      const bool is_right = (k & size) != 0;
      upper[k] = static_cast<int>(is_right ? count + k - size : k);
      lower[k] = static_cast<int>(is_right ? count + k : k + size);
    }
    for (unsigned i = 0; i < count; ++i) {
      if ((i & size) != 0) continue;
      llvm::Value* a = rows[i];
      llvm::Value* c = rows[i + size];
      rows[i] = emit().CreateShuffleVector(a, c, upper);
      rows[i + size] = emit().CreateShuffleVector(a, c, lower);
    }
  }
  return rows;
}

Values load_columns(DType dtype, llvm::Value* source, std::int64_t distance, std::size_t count) {
  if (is_near(distance)) return load_picked(dtype, source, distance, count);
  llvm::Type* vector = constant_lane(dtype, 0)->getType();
  Values columns;
  for_each_group(count, [&](std::size_t first, llvm::Value* mask) {
    llvm::Value* start = element_at(dtype, source, first);
    const Values square = get_transposed(vector, [&](llvm::Value* row) {
      return load_lanes(dtype, element_at(dtype, start, mul64(row, distance)), mask);
    });
    const std::size_t used = std::min<std::size_t>(lanes(), count - first);
    columns.insert(columns.end(), square.begin(),
                   square.begin() + static_cast<std::ptrdiff_t>(used));
  });
  return columns;
}

void store_columns(DType dtype, const Values& columns, llvm::Value* target, std::int64_t distance) {
  const std::size_t count = columns.size();
  const std::size_t most = std::has_single_bit(count) ? kMostWovenPower : kMostWoven;
  if (distance == static_cast<std::int64_t>(count) && count <= most) {
    const Values memory = woven(columns);
    for (std::size_t v = 0; v < count; ++v) {
      store_lanes(dtype, memory[v], element_at(dtype, target, v * lanes()));
    }
    return;
  }
  for_each_group(count, [&](std::size_t first, llvm::Value* mask) {
    Values group(lanes(), llvm::PoisonValue::get(columns.front()->getType()));
    for (std::size_t i = 0; i < group.size() && first + i < count; ++i)
      group[i] = columns[first + i];
    llvm::Value* start = element_at(dtype, target, first);
    put_transposed(group, [&](llvm::Value* row, llvm::Value* vector) {
      store_lanes(dtype, vector, element_at(dtype, start, mul64(row, distance)), mask);
    });
  });
}

}  // namespace ndl::codegen
