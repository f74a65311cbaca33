// Derivatives of ops that combine the elements of windows.
#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "base/checked.h"
#include "passes/derive.h"
#include "passes/derive_helpers.h"
#include "passes/term.h"

namespace ndl::passes {

using ir::Attr;
using ir::Builder;
using ir::Dims;
using ir::ReduceKind;
using ir::Shape;
using ir::Value;

namespace {

// The windows of x: for each position k in a window, the elements that have it, one for each
// result.
class Windows {
 public:
  explicit Windows(Derivation& d)
      : b_(d.b), attributes_(d.attributes()), x_(d.shape(0)), result_(d.result_shape()) {}

  const Dims& list(Attr name) const { return attributes_.integers(name); }
  const Shape& x() const { return x_; }
  const Shape& result() const { return result_; }

  // The reduction of such windows of another tensor.
  Value reduce(Value x, ReduceKind kind) const {
    ir::Attributes attributes = attributes_;
    attributes.set(Attr::kKind, static_cast<std::int64_t>(kind));
    return b_.add_node(ir::Op::kReduceWindow, {x}, attributes);
  }

  // x with its padding, `value` everywhere.
  Value padded(Value x, double value) const {
    const Value padding = b_.constant({b_.type(x).dtype(), Shape()}, value);
    return b_.pad(x, padding, list(Attr::kLow), list(Attr::kHigh), Dims(x_.rank(), 0));
  }

  // The elements at position k of all windows of what padded() gives.
  Value at(Value padded, const Dims& k) const {
    Dims start;
    Dims limit;
    for (std::size_t i = 0; i < x_.rank(); ++i) {
      start.push_back(k[i] * list(Attr::kDilation)[i]);
      limit.push_back(start[i] + reach(i));
    }
    return b_.slice(padded, start, limit, list(Attr::kStride));
  }

  // From the first element at a position to the last one, that included.
  std::int64_t reach(std::size_t i) const { return (result_[i] - 1) * list(Attr::kStride)[i] + 1; }

  // Calls f(k) for each position in a window, in row-major order.
  template <class F>
  void for_each_position(F&& f) const {
    const Dims& size = list(Attr::kSize);
    Dims k(size.size(), 0);
    while (true) {
      f(k);
      std::size_t axis = k.size();
      while (axis > 0 && ++k[axis - 1] == size[axis - 1]) k[--axis] = 0;
      if (axis == 0) return;
    }
  }

 private:
  Builder& b_;
  ir::Attributes attributes_;
  Shape x_;
  Shape result_;
};

// The transpose of at(padded(x), k) for all k: sums elements back to where they came from.
//
// Axes are cut into cells as long as the stride of windows. Position k of window j is in cell
// j + offset / stride, at the place offset % stride, so what comes to one place of all cells is a
// sum of tensors that are shifted by whole cells; and such sums for all places, side by side in an
// axis of their own, are x. An axis of large stride has cells of one element, and zeros between
// those that windows have at one position.
class SumBack {
 public:
  // Of elements of the dtype of the gradient.
  SumBack(Derivation& d, const Windows& windows)
      : b_(d.b), windows_(windows), dtype_(d.b.type(d.g()).dtype()) {
    constexpr std::int64_t kMostPlaces = 16;  // as many arrays make one kernel
    std::int64_t places = 1;
    for (std::size_t i = 0; i < rank(); ++i) {
      const std::int64_t stride = windows.list(Attr::kStride)[i];
      const bool has_cells = windows.result()[i] > 1 && places <= kMostPlaces / stride;
      cell_.push_back(has_cells ? stride : 1);
      cells_.push_back(ceil_div(windows.x()[i], cell_[i]));
      places *= cell_[i];
    }
    sums_.resize(static_cast<std::size_t>(places));
  }

  // The elements at position k of all windows.
  void add(Value elements, const Dims& k) {
    Dims low;
    Dims high;
    Dims interior;
    std::size_t place = 0;
    for (std::size_t i = 0; i < rank(); ++i) {
      const std::int64_t offset =
          k[i] * windows_.list(Attr::kDilation)[i] - windows_.list(Attr::kLow)[i];
      const std::int64_t cell = offset < 0 ? -ceil_div(-offset, cell_[i]) : offset / cell_[i];
      const bool has_cells = cell_[i] > 1 || windows_.result()[i] == 1;
      interior.push_back(has_cells ? 0 : windows_.list(Attr::kStride)[i] - 1);
      low.push_back(cell);
      high.push_back(cells_[i] - cell - (has_cells ? windows_.result()[i] : windows_.reach(i)));
      place = place * static_cast<std::size_t>(cell_[i]) +
              static_cast<std::size_t>(offset - cell * cell_[i]);
    }
    const Value there = resize(b_, elements, low, high, interior);
    sums_[place] = sums_[place] ? b_.add(*sums_[place], there) : there;
  }

  Value sum() {
    std::size_t place = 0;
    const Value cells = from_axis(0, 0, place);
    Dims whole;
    Dims beyond;
    for (std::size_t i = 0; i < rank(); ++i) {
      whole.push_back(cells_[i] * cell_[i]);
      beyond.push_back(windows_.x()[i] - whole[i]);
    }
    const Dims none(rank(), 0);
    return resize(b_, b_.reshape(cells, Shape(whole)), none, beyond, none);
  }

 private:
  std::size_t rank() const { return windows_.x().rank(); }

  // The cells at all places of this axis and those after it, with an axis of places after one of
  // cells that have several. Its number in the result is `number`, and `place` is the next one.
  Value from_axis(std::size_t axis, std::int64_t number, std::size_t& place) {
    if (axis == rank()) {
      Dims apart;
      for (std::size_t i = 0; i < rank(); ++i) {
        apart.push_back(cells_[i]);
        if (cell_[i] > 1) apart.push_back(1);
      }
      const std::optional<Value> sum = sums_[place++];
      // Between windows.
      if (!sum) return b_.constant({dtype_, Shape(apart)}, 0);
      return b_.reshape(*sum, Shape(apart));
    }
    if (cell_[axis] == 1) return from_axis(axis + 1, number + 1, place);
    std::vector<Value> places;
    for (std::int64_t i = 0; i < cell_[axis]; ++i) {
      places.push_back(from_axis(axis + 1, number + 2, place));
    }
    return b_.concatenate(places, number + 1);
  }

  Builder& b_;
  const Windows& windows_;
  Dims cell_;                               // how long a cell is, on each axis
  Dims cells_;                              // how many there are
  std::vector<std::optional<Value>> sums_;  // by places, in row-major order
  DType dtype_;
};

// x[i] sums the g of the windows that it is in.
Value gradient_of_window_sum(Derivation& d, const Windows& windows) {
  const Dims& size = windows.list(Attr::kSize);
  const Dims& stride = windows.list(Attr::kStride);
  // Windows that leave no element out and do not overlap much are few sums; of others g, spread by
  // the stride, is summed in windows that run the other way.
  constexpr std::int64_t kMostPositions = 16;
  const bool has_strides = std::ranges::any_of(stride, [](std::int64_t s) { return s > 1; });
  if (has_strides && ir::product(size) <= kMostPositions) {
    SumBack back(d, windows);
    windows.for_each_position([&](const Dims& k) { back.add(d.g(), k); });
    return back.sum();
  }
  const Dims& dilation = windows.list(Attr::kDilation);
  Dims low;
  Dims high;
  Dims interior;
  for (std::size_t i = 0; i < size.size(); ++i) {
    const std::int64_t window = (size[i] - 1) * dilation[i];
    interior.push_back(windows.result()[i] > 1 ? stride[i] - 1 : 0);
    low.push_back(window - windows.list(Attr::kLow)[i]);
    high.push_back(windows.x()[i] + window - low[i] - windows.reach(i));
  }
  const Value spread = resize(d.b, d.g(), low, high, interior);
  return d.b.add_node(ir::Op::kReduceWindow, {spread},
                      {{Attr::kKind, static_cast<std::int64_t>(ReduceKind::kSum)},
                       {Attr::kSize, size},
                       {Attr::kDilation, dilation}});
}

// The first element of each window that is the extreme takes all.
Value gradient_of_window_extreme(Derivation& d, const Windows& windows, double identity) {
  const Term g{&d.b, d.g()};
  const Term y{&d.b, d.node()};
  const Value padded = windows.padded(d.operand(0), identity);
  std::optional<Term> is_open;  // nobody has taken it yet
  SumBack back(d, windows);
  windows.for_each_position([&](const Dims& k) {
    const Term is_extreme = Term{&d.b, windows.at(padded, k)} == y;
    const Term takes = is_open ? is_extreme & *is_open : is_extreme;
    back.add(select(takes, g, 0).value, k);
    is_open = is_open ? *is_open & !is_extreme : !is_extreme;
  });
  return back.sum();
}

Value gradient_of_window_product(Derivation& d, const Windows& windows) {
  const Term g{&d.b, d.g()};
  const Term x{&d.b, d.operand(0)};
  const Term zeros{&d.b, windows.reduce(zero_count(x).value, ReduceKind::kSum)};
  const Term product{&d.b, windows.reduce(without_zeros(x).value, ReduceKind::kProd)};
  const Value padded = windows.padded(x.value, 1);
  SumBack back(d, windows);
  windows.for_each_position([&](const Dims& k) {
    const Term factor{&d.b, windows.at(padded, k)};
    back.add(gradient_of_factor(factor, g, product, zeros).value, k);
  });
  return back.sum();
}

}  // namespace

void derive_reduce_window(Derivation& d) {
  if (!d.needs(0) || d.shape(0).num_elements() == 0 || d.result_shape().num_elements() == 0) return;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Windows windows(d);
  switch (d.attributes().kind()) {
    case ReduceKind::kSum:
      d.add(0, gradient_of_window_sum(d, windows));
      return;
    case ReduceKind::kMax:
      d.add(0, gradient_of_window_extreme(d, windows, -kInfinity));
      return;
    case ReduceKind::kMin:
      d.add(0, gradient_of_window_extreme(d, windows, kInfinity));
      return;
    case ReduceKind::kProd:
      d.add(0, gradient_of_window_product(d, windows));
      return;
    case ReduceKind::kAnd:
    case ReduceKind::kOr:
      return;
  }
}

}  // namespace ndl::passes
