// The meaning of reductions, in the order that ir/reduction.h defines.
#include <algorithm>
#include <array>
#include <cstring>

#include "ir/convert_elements.h"
#include "ir/evaluate.h"
#include "ir/reduction.h"
#include "ir/row_major_walk.h"

namespace ndl::ir {
namespace {

// Kept positions that are accumulated at one time, so that what they need stays in cache.
constexpr std::int64_t kTile = 1024;

// Elements of a literal as numbers of type A, a run at a time.
template <class A>
class Reader {
 public:
  explicit Reader(const Literal& x)
      : x_(x), width_(static_cast<std::int64_t>(size_of(x.dtype()))) {}

  // `count` elements from `offset`, at most kTile; valid until the next call.
  const A* read(std::int64_t offset, std::int64_t count) {
    const std::byte* source = x_.bytes() + offset * width_;
    if (x_.dtype() == dtype_of<A>) return reinterpret_cast<const A*>(source);
    load_elements(x_.dtype(), source, buffer_.data(), count);
    return buffer_.data();
  }

 private:
  const Literal& x_;
  std::int64_t width_;
  std::array<A, kTile> buffer_;
};

// The value of a row of elements that lie side by side.
template <ReduceKind kKind, class A>
class RowReduction {
 public:
  explicit RowReduction(std::int64_t extent)
      : extent_(extent), blocks_(ceil_div(extent, kReduceBlock)),
        lanes_(static_cast<std::size_t>(blocks_ * kLanes)) {}

  A operator()(Reader<A>& reader, std::int64_t offset) {
    for (std::int64_t block = 0; block < blocks_; ++block) {
      const std::int64_t begin = block * kReduceBlock;
      const std::int64_t count = std::min(kReduceBlock, extent_ - begin);
      accumulate(reader.read(offset + begin, count), count, lanes_.data() + block * kLanes);
    }
    combine_pairwise<kKind>(lanes_.data(), blocks_, kLanes);
    return combine_lanes<kKind>(lanes_.data());
  }

 private:
  static_assert(kReduceBlock <= kTile);

  static void accumulate(const A* x, std::int64_t count, A* out) {
    A lanes[kLanes];
    std::fill_n(lanes, kLanes, neutral_element<kKind, A>());
    std::int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      for (std::int64_t j = 0; j < kLanes; ++j) lanes[j] = combine<kKind>(lanes[j], x[i + j]);
    }
    for (std::int64_t j = 0; i + j < count; ++j) lanes[j] = combine<kKind>(lanes[j], x[i + j]);
    std::copy_n(lanes, kLanes, out);
  }

  std::int64_t extent_;
  std::int64_t blocks_;
  Buffer<A> lanes_;
};

// Rows in order inside a block of rows, blocks pairwise: `width` sums side by side in `partials`,
// which has space for kMaxRowBlocks times as many. `row(offset)` gives a row of `width` values.
template <ReduceKind kKind, class A, class Row>
void reduce_rows(RowMajorWalk<1>& rows, std::int64_t count, std::int64_t width, A* partials,
                 Row&& row) {
  const std::int64_t per_block = rows_per_block(count);
  for (std::int64_t i = 0; i < count; ++i, rows.next()) {
    A* partial = partials + i / per_block * width;
    const A* values = row(rows.offset());
    if (i % per_block == 0) {
      std::copy_n(values, width, partial);
    } else {
      for (std::int64_t j = 0; j < width; ++j) partial[j] = combine<kKind>(partial[j], values[j]);
    }
  }
  combine_pairwise<kKind>(partials, ceil_div(count, per_block), width);
}

// Fills `result`, of A and in row-major order of the kept axes; x has elements.
template <ReduceKind kKind, class A>
void reduce(const Literal& x, const Dims& axes, A* result) {
  std::vector<MergedAxis> merged = merge_axes(x.shape(), axes);
  if (merged.empty()) merged.push_back({1, false});
  const MergedAxis inner = merged.back();
  merged.pop_back();
  std::vector<WalkAxis<1>> kept_axes;
  std::vector<WalkAxis<1>> row_axes;
  std::int64_t stride = x.size();
  std::int64_t num_rows = 1;
  for (const MergedAxis& axis : merged) {
    stride /= axis.extent;
    (axis.is_reduced ? row_axes : kept_axes).push_back({axis.extent, {stride}});
    if (axis.is_reduced) num_rows *= axis.extent;
  }

  RowMajorWalk<1> kept(std::move(kept_axes));
  RowMajorWalk<1> rows(std::move(row_axes));
  Reader<A> reader(x);
  const std::int64_t width = inner.is_reduced ? 1 : std::min(kTile, inner.extent);
  Buffer<A> partials(static_cast<std::size_t>(kMaxRowBlocks * width));
  do {
    if (inner.is_reduced) {
      RowReduction<kKind, A> reduce_row(inner.extent);
      A value;
      reduce_rows<kKind>(rows, num_rows, 1, partials.data(), [&](std::int64_t offset) {
        value = reduce_row(reader, kept.offset() + offset);
        return &value;
      });
      *result++ = partials[0];
      continue;
    }
    for (std::int64_t begin = 0; begin < inner.extent; begin += kTile) {
      const std::int64_t count = std::min(kTile, inner.extent - begin);
      reduce_rows<kKind>(rows, num_rows, count, partials.data(), [&](std::int64_t offset) {
        return reader.read(kept.offset() + begin + offset, count);
      });
      result = std::copy_n(partials.data(), count, result);
    }
  } while (kept.next());
}

}  // namespace
}  // namespace ndl::ir
