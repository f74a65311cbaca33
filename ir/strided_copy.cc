#include "ir/strided_copy.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "ir/row_major_walk.h"

namespace ndl::ir {
namespace {

using Axis = WalkAxis<2>;

// The axes that matter: those of extent 1 dropped, and neighbours that both layouts walk as one
// merged. Always one at least.
std::vector<Axis> merged_axes(const Dims& dims, const Dims& from, const Dims& to) {
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 1) continue;
    const Axis axis{dims[i], {from[i], to[i]}};
    if (!axes.empty() && axes.back().strides[0] == from[i] * dims[i] &&
        axes.back().strides[1] == to[i] * dims[i]) {
      axes.back() = {axes.back().extent * dims[i], axis.strides};
    } else {
      axes.push_back(axis);
    }
  }
  if (axes.empty()) axes.push_back({1, {1, 1}});
  return axes;
}

template <class Unit>
void copy_line(const Axis& line, const std::byte* source, std::byte* target) {
  constexpr auto kWidth = static_cast<std::int64_t>(sizeof(Unit));
  const auto [from, to] = line.strides;
  if (from == 1 && to == 1) {
    std::memcpy(target, source, static_cast<std::size_t>(line.extent) * sizeof(Unit));
    return;
  }
  for (std::int64_t i = 0; i < line.extent; ++i) {
    std::memcpy(target + i * to * kWidth, source + i * from * kWidth, sizeof(Unit));
  }
}

template <class Unit>
void copy_lines(std::vector<Axis> axes, const std::byte* source, std::int64_t from,
                std::byte* target, std::int64_t to) {
  constexpr auto kWidth = static_cast<std::int64_t>(sizeof(Unit));
  const Axis line = axes.back();
  axes.pop_back();
  RowMajorWalk<2> walk(std::move(axes), {from, to});
  do {
    copy_line<Unit>(line, source + walk.offset(0) * kWidth, target + walk.offset(1) * kWidth);
  } while (walk.next());
}

}  // namespace

void strided_copy(const Dims& dims, std::size_t width, const std::byte* source,
                  const StridedView& from, std::byte* target, const StridedView& to) {
  if (std::ranges::count(dims, 0) > 0) return;
  std::vector<Axis> axes = merged_axes(dims, from.strides, to.strides);
  switch (width) {
    case 1:
      return copy_lines<std::uint8_t>(std::move(axes), source, from.offset, target, to.offset);
    case 2:
      return copy_lines<std::uint16_t>(std::move(axes), source, from.offset, target, to.offset);
    case 4:
      return copy_lines<std::uint32_t>(std::move(axes), source, from.offset, target, to.offset);
    case 8:
      return copy_lines<std::uint64_t>(std::move(axes), source, from.offset, target, to.offset);
    default:
      NDL_CHECK(false, "elements of {} bytes", width);
  }
}

void strided_read(const Dims& dims, std::size_t width, const std::byte* source,
                  const StridedView& from, std::byte* target) {
  strided_copy(dims, width, source, from, target, {0, row_major_strides(Shape(dims))});
}

void strided_write(const Dims& dims, std::size_t width, const std::byte* source, std::byte* target,
                   const StridedView& to) {
  strided_copy(dims, width, source, {0, row_major_strides(Shape(dims))}, target, to);
}

}  // namespace ndl::ir
