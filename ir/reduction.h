// The order in which elements are combined: part of the meaning of every op that sums.
//
// The order depends on shape and attributes alone, never on the machine, on threads or on what a
// kernel is fused with, so results are the same bits everywhere.
//
// reduce. Axes of extent 1 are dropped and neighbouring axes of the same class, reduced or kept,
// are merged, so that the two classes alternate and a reshape that merges or splits axes of one
// class changes nothing. The elements that go into one element of the result are rows:
//
//   innermost axis reduced   rows of n elements along it
//   innermost axis kept      rows of the one element at the kept position
//
// A row of n elements is cut into blocks of kReduceBlock. In a block, each of kLanes lanes begins
// with the neutral element and takes every kLanes-th element in order: lane j takes j, j + 32, ...
// Blocks are combined lane by lane, pairwise by block index (combine_pairwise), and the lanes of
// what remains by halves: lane j takes lane j + 16, then j + 8, + 4, + 2, + 1 (combine_lanes).
//
// The other reduced axes, in row-major order, make a sequence of M rows. It is cut into blocks of
// rows_per_block(M) rows, at most kMaxRowBlocks of them. In a block the values of the rows are
// combined in order, starting from that of the first; the blocks are combined pairwise by index.
//
// Elements are converted to the accumulator dtype first, which is exact, and the result is
// converted back once.
//
// reduce_window. The elements of a window in row-major order, starting from the neutral element,
// which padding holds as well; a window without elements is an empty reduction.
//
// matmul and conv. The contraction index k ascends in blocks of kContractionBlock. In a block the
// sum starts at +0 and takes madd(a, b, sum) for floats, sum + a * b for integers; the total is the
// sum of the first block, plus that of the next, and so on. 16-bit floats are converted to float,
// and the total is rounded once. No k at all gives 0. For conv, k runs over (kernel position in
// row-major order, channel of the group), and a position that lies in padding or between dilated
// elements contributes x = +0 like any other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "base/checked.h"
#include "base/error.h"
#include "ir/attributes.h"
#include "ir/convert_elements.h"
#include "ir/math/arithmetic.h"
#include "ir/shape.h"

namespace ndl::ir {

inline constexpr std::int64_t kLanes = 32;
inline constexpr std::int64_t kReduceBlock = 1024;
inline constexpr std::int64_t kMaxRowBlocks = 64;
inline constexpr std::int64_t kMinRowsPerBlock = 8;
inline constexpr std::int64_t kContractionBlock = 512;

constexpr std::int64_t rows_per_block(std::int64_t rows) {
  return std::max(kMinRowsPerBlock, ceil_div(rows, kMaxRowBlocks));
}

// The alternating axes that are left of `shape` when those in `axes` are reduced; none is of extent
// 1. An empty list means one element that stays as it is.
struct MergedAxis {
  std::int64_t extent;
  bool is_reduced;
  bool operator==(const MergedAxis&) const = default;
};
std::vector<MergedAxis> merge_axes(const Shape& shape, const Dims& axes);

// Whether a reduction of this kind combines values of type T.
template <ReduceKind kKind, class T>
inline constexpr bool can_reduce_v =
    kKind == ReduceKind::kAnd || kKind == ReduceKind::kOr ? !math::is_float_v<T>
                                                          : !math::is_bool_v<T>;

template <ReduceKind kKind, class T>
T combine(T a, T b) {
  if constexpr (kKind == ReduceKind::kSum) return math::add(a, b);
  if constexpr (kKind == ReduceKind::kProd) return math::mul(a, b);
  if constexpr (kKind == ReduceKind::kMax) return math::max(a, b);
  if constexpr (kKind == ReduceKind::kMin) return math::min(a, b);
  if constexpr (kKind == ReduceKind::kAnd) return math::bit_and(a, b);
  if constexpr (kKind == ReduceKind::kOr) return math::bit_or(a, b);
}

// combine(x, neutral) is x, bit for bit: hence -0 for a sum of floats.
template <ReduceKind kKind, class T>
T neutral_element() {
  using E = math::element_of<T>;
  using Limits = std::numeric_limits<E>;
  if constexpr (kKind == ReduceKind::kSum) return math::constant<T>(math::is_float_v<T> ? -0.0 : 0);
  if constexpr (kKind == ReduceKind::kProd) return math::constant<T>(1);
  if constexpr (kKind == ReduceKind::kMax) {
    return math::constant<T>(math::is_float_v<T> ? -Limits::infinity() : Limits::lowest());
  }
  if constexpr (kKind == ReduceKind::kMin) {
    return math::constant<T>(math::is_float_v<T> ? Limits::infinity() : Limits::max());
  }
  if constexpr (kKind == ReduceKind::kAnd) return math::bit_not(math::constant<T>(0));
  if constexpr (kKind == ReduceKind::kOr) return math::constant<T>(0);
}

// What a reduction of no elements gives: the neutral element, but +0 for a sum.
template <ReduceKind kKind, class T>
T empty_reduction() {
  if constexpr (kKind == ReduceKind::kSum) return math::constant<T>(0);
  return neutral_element<kKind, T>();
}

// Combines `count` rows of `width` values each into the first: neighbours first, then neighbours of
// what results, and so on; an odd one passes through.
template <ReduceKind kKind, class T>
void combine_pairwise(T* rows, std::int64_t count, std::int64_t width) {
  for (std::int64_t step = 1; step < count; step *= 2) {
    for (std::int64_t i = 0; i + step < count; i += 2 * step) {
      T* left = rows + i * width;
      const T* right = left + step * width;
      for (std::int64_t j = 0; j < width; ++j) left[j] = combine<kKind>(left[j], right[j]);
    }
  }
}

// Combines kLanes values into one.
template <ReduceKind kKind, class T>
T combine_lanes(T* lanes) {
  for (std::int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::int64_t j = 0; j < half; ++j) lanes[j] = combine<kKind>(lanes[j], lanes[j + half]);
  }
  return lanes[0];
}

// f.template operator()<kind, A>() for the C++ type A in which `dtype` is accumulated.
template <class F>
void visit_reduction(ReduceKind kind, DType dtype, F&& f) {
  visit_accumulator(dtype, [&]<class A>(std::type_identity<A>) {
    const auto with_kind = [&]<ReduceKind kKind>() {
      if constexpr (can_reduce_v<kKind, A>) {
        f.template operator()<kKind, A>();
      } else {
        NDL_CHECK(false, "a reduction of {} of kind {}", name_of(dtype), static_cast<int>(kKind));
      }
    };
    switch (kind) {
      case ReduceKind::kSum:
        return with_kind.template operator()<ReduceKind::kSum>();
      case ReduceKind::kProd:
        return with_kind.template operator()<ReduceKind::kProd>();
      case ReduceKind::kMax:
        return with_kind.template operator()<ReduceKind::kMax>();
      case ReduceKind::kMin:
        return with_kind.template operator()<ReduceKind::kMin>();
      case ReduceKind::kAnd:
        return with_kind.template operator()<ReduceKind::kAnd>();
      case ReduceKind::kOr:
        return with_kind.template operator()<ReduceKind::kOr>();
    }
  });
}

}  // namespace ndl::ir
