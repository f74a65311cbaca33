// The meaning of reductions, in the order that ir/reduction.h defines.
#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>

#include "ir/convert_elements.h"
#include "ir/evaluate.h"
#include "ir/reduction.h"
#include "ir/row_major_walk.h"

namespace ndl::ir {
namespace {

// Kept positions that are accumulated at one time, so that what they need stays in cache.
constexpr std::int64_t kTile = 1024;

template <class A>
std::unique_ptr<A[]> make_buffer(std::int64_t count) {
  return std::make_unique_for_overwrite<A[]>(static_cast<std::size_t>(count));
}

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
      : extent_(extent),
        blocks_(ceil_div(extent, kReduceBlock)),
        lanes_(make_buffer<A>(blocks_ * kLanes)) {}

  A operator()(Reader<A>& reader, std::int64_t offset) {
    for (std::int64_t block = 0; block < blocks_; ++block) {
      const std::int64_t begin = block * kReduceBlock;
      const std::int64_t count = std::min(kReduceBlock, extent_ - begin);
      accumulate(reader.read(offset + begin, count), count, lanes_.get() + block * kLanes);
    }
    combine_pairwise<kKind>(lanes_.get(), blocks_, kLanes);
    return combine_lanes<kKind>(lanes_.get());
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
  std::unique_ptr<A[]> lanes_;
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
  RowReduction<kKind, A> reduce_row(inner.is_reduced ? inner.extent : 0);
  const std::int64_t width = inner.is_reduced ? 1 : std::min(kTile, inner.extent);
  const auto partials = make_buffer<A>(kMaxRowBlocks * width);
  do {
    if (inner.is_reduced) {
      A value;
      reduce_rows<kKind>(rows, num_rows, 1, partials.get(), [&](std::int64_t offset) {
        value = reduce_row(reader, kept.offset() + offset);
        return &value;
      });
      *result++ = partials[0];
    } else {
      for (std::int64_t begin = 0; begin < inner.extent; begin += kTile) {
        const std::int64_t count = std::min(kTile, inner.extent - begin);
        reduce_rows<kKind>(rows, num_rows, count, partials.get(), [&](std::int64_t offset) {
          return reader.read(kept.offset() + begin + offset, count);
        });
        result = std::copy_n(partials.get(), count, result);
      }
    }
  } while (kept.next());
}

// Indices [begin, begin + count) of the result, along one axis, whose window has element `tap` in
// x.
struct TapRange {
  std::int64_t begin;
  std::int64_t count;
  std::int64_t first;  // the index in x of that element, for the window at `begin`
};

// The window at index i has element `tap` at i * stride + tap * dilation - low.
TapRange tap_range(std::int64_t extent, std::int64_t windows, std::int64_t shift,
                   std::int64_t stride) {
  const auto windows_below = [&](std::int64_t position) {
    return position <= -shift ? std::int64_t{0}
                              : std::min(windows, ceil_div(position + shift, stride));
  };
  const std::int64_t begin = windows_below(0);
  const std::int64_t count = windows_below(extent) - begin;
  return {begin, count, count > 0 ? begin * stride - shift : 0};
}

// Elements of a window along `axis` that are in x for some window: the rest is padding always, and
// may be far more.
struct Taps {
  std::int64_t first;
  std::int64_t end;
};
Taps taps_along(std::size_t axis, const Shape& x, const Attributes& attributes,
                const Shape& windows) {
  const std::int64_t low = attributes.integers(Attr::kLow)[axis];
  const std::int64_t dilation = attributes.integers(Attr::kDilation)[axis];
  const std::int64_t last_window = (windows[axis] - 1) * attributes.integers(Attr::kStride)[axis];
  const std::int64_t first = low > last_window ? ceil_div(low - last_window, dilation) : 0;
  const std::int64_t end = (x[axis] - 1 + low) / dilation + 1;
  return {first, std::clamp(end, first, std::max(first, attributes.integers(Attr::kSize)[axis]))};
}

// The axes of the walk over all windows whose element `tap` is in x: offset 0 is that of the window
// in the result, offset 1 that of the element in x. Nothing if there are none.
struct TapWalk {
  std::vector<WalkAxis<2>> axes;
  std::array<std::int64_t, 2> start = {};
};
std::optional<TapWalk> tap_walk(const Dims& tap, const Shape& x, const Attributes& attributes,
                                const Shape& windows) {
  const Dims x_strides = row_major_strides(x);
  const Dims window_strides = row_major_strides(windows);
  TapWalk walk;
  for (std::size_t i = 0; i < tap.size(); ++i) {
    const std::int64_t stride = attributes.integers(Attr::kStride)[i];
    const std::int64_t shift =
        attributes.integers(Attr::kLow)[i] - tap[i] * attributes.integers(Attr::kDilation)[i];
    const TapRange range = tap_range(x[i], windows[i], shift, stride);
    if (range.count <= 0) return std::nullopt;
    // A stride that is not walked may be any number.
    const std::int64_t step = range.count > 1 ? stride * x_strides[i] : 0;
    walk.axes.push_back({range.count, {window_strides[i], step}});
    walk.start[0] += range.begin * window_strides[i];
    walk.start[1] += range.first * x_strides[i];
  }
  return walk;
}

// Combines x into `sums`, one element of every window at a time: for each window that is the
// row-major order of its elements.
template <ReduceKind kKind, class A>
void reduce_windows(const A* x, const Shape& shape, const Attributes& attributes,
                    const Shape& windows, A* sums) {
  std::vector<WalkAxis<0>> tap_axes;
  Dims first;
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    const Taps range = taps_along(axis, shape, attributes, windows);
    if (range.first == range.end) return;
    tap_axes.push_back({range.end - range.first, {}});
    first.push_back(range.first);
  }
  RowMajorWalk<0> taps(std::move(tap_axes));
  Dims position(first.size());
  do {
    std::ranges::transform(first, taps.index(), position.begin(), std::plus());
    std::optional<TapWalk> tap = tap_walk(position, shape, attributes, windows);
    if (!tap) continue;
    WalkAxis<2> line;
    if (!tap->axes.empty()) {
      line = tap->axes.back();
      tap->axes.pop_back();
    }
    RowMajorWalk<2> walk(std::move(tap->axes), tap->start);
    do {
      A* sum = sums + walk.offset(0);
      const A* values = x + walk.offset(1);
      for (std::int64_t i = 0; i < line.extent; ++i) {
        sum[i] = combine<kKind>(sum[i], values[i * line.strides[1]]);
      }
    } while (walk.next());
  } while (taps.next());
}

// For every index of the windows along `axis`, whether its window reaches into x there.
std::vector<bool> reached_along(std::size_t axis, const Shape& x, const Attributes& attributes,
                                const Shape& windows) {
  std::vector<bool> reached(static_cast<std::size_t>(windows[axis]));
  const std::int64_t dilation = attributes.integers(Attr::kDilation)[axis];
  const Taps taps = taps_along(axis, x, attributes, windows);
  for (std::int64_t tap = taps.first; tap < taps.end; ++tap) {
    const TapRange range =
        tap_range(x[axis], windows[axis], attributes.integers(Attr::kLow)[axis] - tap * dilation,
                  attributes.integers(Attr::kStride)[axis]);
    if (range.count > 0) std::fill_n(reached.begin() + range.begin, range.count, true);
  }
  return reached;
}

// Windows that lie in padding altogether are empty reductions.
template <class A>
void fill_empty_windows(const Shape& x, const Attributes& attributes, const Shape& windows, A empty,
                        A* sums) {
  std::vector<std::vector<bool>> reached;
  std::vector<WalkAxis<0>> axes;
  bool any_empty = false;
  for (std::size_t axis = 0; axis < windows.rank(); ++axis) {
    reached.push_back(reached_along(axis, x, attributes, windows));
    any_empty = any_empty || std::ranges::find(reached.back(), false) != reached.back().end();
    axes.push_back({windows[axis], {}});
  }
  if (!any_empty) return;
  RowMajorWalk<0> walk(std::move(axes));
  do {
    bool inside = true;
    for (std::size_t axis = 0; axis < windows.rank(); ++axis) {
      inside = inside && reached[axis][static_cast<std::size_t>(walk.index()[axis])];
    }
    if (!inside) *sums = empty;
    ++sums;
  } while (walk.next());
}

}  // namespace

std::vector<Literal> evaluate_reduce(const Evaluation& e) {
  const Literal& x = e.operands[0];
  // Wide evaluation gives an f64 to a node that says f32.
  DType accumulator = e.attributes.dtype(Attr::kAccumulator);
  if (size_of(accumulator) < size_of(x.dtype())) accumulator = x.dtype();
  Literal result;
  visit_reduction(e.attributes.kind(), accumulator, [&]<ReduceKind kKind, class A>() {
    Literal sums = Literal::uninitialized({dtype_of<A>, e.result.shape()});
    if (x.size() == 0) {
      std::fill_n(sums.mutable_data<A>(), sums.size(), empty_reduction<kKind, A>());
    } else {
      reduce<kKind>(x, e.attributes.integers(Attr::kAxes), sums.mutable_data<A>());
    }
    result = converted(sums, e.result.dtype());
  });
  return {std::move(result)};
}

std::vector<Literal> evaluate_cumsum(const Evaluation& e) {
  const Literal& x = e.operands[0];
  const Dims& dims = x.shape().dims();
  const auto axis = static_cast<std::size_t>(e.attributes.integer(Attr::kAxis));
  const std::int64_t inner = product(std::span(dims).subspan(axis + 1));
  Literal result;
  visit_reduction(ReduceKind::kSum, x.dtype(), [&]<ReduceKind kKind, class A>() {
    Literal sums = Literal::uninitialized({dtype_of<A>, x.shape()});
    A* sum = sums.mutable_data<A>();
    load_elements(x.dtype(), x.bytes(), sum, x.size());
    for (const A* const end = sum + x.size(); sum != end;) {
      sum += inner;
      for (std::int64_t i = inner; i < dims[axis] * inner; ++i, ++sum) {
        *sum = combine<kKind>(sum[-inner], *sum);
      }
    }
    result = converted(sums, x.dtype());
  });
  return {std::move(result)};
}

std::vector<Literal> evaluate_reduce_window(const Evaluation& e) {
  const Literal& x = e.operands[0];
  Literal result;
  visit_reduction(e.attributes.kind(), x.dtype(), [&]<ReduceKind kKind, class A>() {
    Literal sums = Literal::uninitialized({dtype_of<A>, e.result.shape()});
    const A empty = empty_reduction<kKind, A>();
    if (x.size() == 0) {
      std::fill_n(sums.mutable_data<A>(), sums.size(), empty);
    } else if (sums.size() != 0) {
      std::fill_n(sums.mutable_data<A>(), sums.size(), neutral_element<kKind, A>());
      reduce_windows<kKind>(converted(x, dtype_of<A>).template data<A>(), x.shape(), e.attributes,
                            e.result.shape(), sums.mutable_data<A>());
      fill_empty_windows(x.shape(), e.attributes, e.result.shape(), empty, sums.mutable_data<A>());
    }
    result = converted(sums, x.dtype());
  });
  return {std::move(result)};
}

}  // namespace ndl::ir
