// Derivatives of ops that combine elements along axes or windows.
#include <limits>

#include "ir/expansion.h"
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

// The gradient of a factor x of a product, all in the shape of x: `zeros` of the factors are 0, and
// `product` is that of the others. No division by 0, and right where just one factor is 0.
Term gradient_of_factor(const Term& x, const Term& g, const Term& product, const Term& zeros) {
  const Term is_zero = x == 0;
  const Term share = g * product;
  return select(is_zero, select(zeros == 1, share, 0),
                select(zeros == 0, share / select(is_zero, 1, x), 0));
}

// 1 where x is 0, else 0.
Term zero_count(const Term& x) { return select(x == 0, x.constant(1), 0); }
// The factors that are not 0.
Term without_zeros(const Term& x) { return select(x == 0, 1, x); }

}  // namespace

void derive_reduce(Derivation& d) {
  if (!d.needs(0)) return;
  const ir::Attributes attributes = d.attributes();
  const Dims& axes = attributes.integers(Attr::kAxes);
  const Shape shape = d.shape(0);
  const auto repeat = [&](Value reduced) { return ir::repeat_along(d.b, reduced, axes, shape); };
  const auto term = [&](Value value) { return Term{&d.b, value}; };
  const Term x = term(d.operand(0));
  switch (attributes.kind()) {
    case ReduceKind::kSum:
      d.add_moved(0, repeat);
      return;
    case ReduceKind::kMax:
    case ReduceKind::kMin: {
      const Term is_taken = x == term(repeat(d.node()));
      const Value ties =
          d.b.reduce(select(is_taken, x.constant(1), 0).value, ReduceKind::kSum, axes);
      const Term share = term(repeat(d.b.div(d.g(), ties)));
      Cotangent taken{select(is_taken, share, 0).value, is_taken.value};
      if (d.cotangent().mask) taken.mask = d.b.and_(is_taken.value, repeat(*d.cotangent().mask));
      d.add(0, taken);
      return;
    }
    case ReduceKind::kProd: {
      const Value zeros = d.b.reduce(zero_count(x).value, ReduceKind::kSum, axes);
      const Value product = d.b.reduce(without_zeros(x).value, ReduceKind::kProd, axes);
      d.add(0,
            gradient_of_factor(x, term(repeat(d.g())), term(repeat(product)), term(repeat(zeros)))
                .value);
      return;
    }
    case ReduceKind::kAnd:
    case ReduceKind::kOr:
      return;
  }
}

void derive_cumsum(Derivation& d) {
  if (!d.needs(0)) return;
  const std::int64_t axis = d.attributes().integer(Attr::kAxis);
  d.add(0, d.b.reverse(d.b.cumsum(d.b.reverse(d.g(), {axis}), axis), {axis}));
}

namespace {

// The windows of x: for each position k in a window, the elements that have it, one for each
// result.
class Windows {
 public:
  explicit Windows(Derivation& d)
      : b_(d.b), attributes_(d.attributes()), x_(d.shape(0)), result_(d.result_shape()) {}

  Dims list(Attr name) const { return attributes_.integers(name); }

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
      limit.push_back(result_[i] == 0 ? start[i] : start[i] + covered(i));
    }
    return b_.slice(padded, start, limit, list(Attr::kStride));
  }

  // The transpose of at(padded(x)): back to where the elements came from.
  Value back(Value elements, const Dims& k) const {
    Dims low;
    Dims high;
    Dims interior;
    for (std::size_t i = 0; i < x_.rank(); ++i) {
      low.push_back(k[i] * list(Attr::kDilation)[i] - list(Attr::kLow)[i]);
      interior.push_back(result_[i] > 1 ? list(Attr::kStride)[i] - 1 : 0);
      high.push_back(x_[i] - low[i] - covered(i));
    }
    return resize(b_, elements, low, high, interior);
  }

  // Calls f(k) for each position in a window, in row-major order.
  template <class F>
  void for_each_position(F&& f) const {
    const Dims size = list(Attr::kSize);
    Dims k(size.size(), 0);
    while (true) {
      f(k);
      std::size_t axis = k.size();
      while (axis > 0 && ++k[axis - 1] == size[axis - 1]) k[--axis] = 0;
      if (axis == 0) return;
    }
  }

 private:
  std::int64_t covered(std::size_t i) const {
    return result_[i] == 0 ? 0 : (result_[i] - 1) * list(Attr::kStride)[i] + 1;
  }

  Builder& b_;
  ir::Attributes attributes_;
  Shape x_;
  Shape result_;
};

// x[i] sums the g of the windows that it is in: g, spread by the stride, in windows that run the
// other way.
Value gradient_of_window_sum(Derivation& d, const Windows& windows) {
  const Shape x = d.shape(0);
  const Shape result = d.result_shape();
  const Dims size = windows.list(Attr::kSize);
  const Dims dilation = windows.list(Attr::kDilation);
  Dims low;
  Dims high;
  Dims interior;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    const std::int64_t window = (size[i] - 1) * dilation[i];
    const std::int64_t stride = windows.list(Attr::kStride)[i];
    interior.push_back(result[i] > 1 ? stride - 1 : 0);
    low.push_back(window - windows.list(Attr::kLow)[i]);
    high.push_back(x[i] + window - low[i] - ((result[i] - 1) * stride + 1));
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
  std::optional<Value> sum;
  windows.for_each_position([&](const Dims& k) {
    const Term is_extreme = Term{&d.b, windows.at(padded, k)} == y;
    const Term takes = is_open ? is_extreme & *is_open : is_extreme;
    const Value back = windows.back(select(takes, g, 0).value, k);
    sum = sum ? d.b.add(*sum, back) : back;
    is_open = is_open ? *is_open & !is_extreme : !is_extreme;
  });
  return *sum;
}

Value gradient_of_window_product(Derivation& d, const Windows& windows) {
  const Term g{&d.b, d.g()};
  const Term x{&d.b, d.operand(0)};
  const Term zeros{&d.b, windows.reduce(zero_count(x).value, ReduceKind::kSum)};
  const Term product{&d.b, windows.reduce(without_zeros(x).value, ReduceKind::kProd)};
  const Value padded = windows.padded(x.value, 1);
  std::optional<Value> sum;
  windows.for_each_position([&](const Dims& k) {
    const Term factor{&d.b, windows.at(padded, k)};
    const Value back = windows.back(gradient_of_factor(factor, g, product, zeros).value, k);
    sum = sum ? d.b.add(*sum, back) : back;
  });
  return *sum;
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

// y (g - sum(g y))
void derive_softmax(Derivation& d) {
  if (!d.needs(0)) return;
  const Dims axes = d.attributes().integers(Attr::kAxes);
  const Term g{&d.b, d.g()};
  const Term y{&d.b, d.node()};
  const Term mean{&d.b, ir::reduce_and_repeat(d.b, (g * y).value, ReduceKind::kSum, axes)};
  d.add(0, (y * (g - mean)).value);
}

// g - softmax(x) sum(g)
void derive_log_softmax(Derivation& d) {
  if (!d.needs(0)) return;
  const Dims axes = d.attributes().integers(Attr::kAxes);
  const Term g{&d.b, d.g()};
  const Term p{&d.b, d.b.softmax(d.operand(0), axes)};
  const Term sum{&d.b, ir::reduce_and_repeat(d.b, g.value, ReduceKind::kSum, axes)};
  d.add(0, (g - p * sum).value);
}

// g softmax(x); 0 where x is -inf everywhere and softmax(x) is not a number.
void derive_logsumexp(Derivation& d) {
  if (!d.needs(0)) return;
  const Dims axes = d.attributes().integers(Attr::kAxes);
  const Shape shape = d.shape(0);
  const Term y{&d.b, d.node()};
  const Term is_empty = y == -std::numeric_limits<double>::infinity();
  const Term none{&d.b, ir::repeat_along(d.b, is_empty.value, axes, shape)};
  const Term p{&d.b, d.b.softmax(d.operand(0), axes)};
  const Term g{&d.b, ir::repeat_along(d.b, d.g(), axes, shape)};
  d.add(0, select(none, 0, g * p).value);
}

// y (1 - y), where 1 - y is another sigmoid, lest it cancel.
void derive_sigmoid(Derivation& d) {
  if (!d.needs(0)) return;
  const Term x{&d.b, d.operand(0)};
  const Term y{&d.b, d.node()};
  add_fading(d, 0, d.g(), (y * sigmoid(-x)).value);
}

void derive_softplus(Derivation& d) {
  if (!d.needs(0)) return;
  const Term x{&d.b, d.operand(0)};
  add_fading(d, 0, d.g(), sigmoid(x).value);
}

void derive_logaddexp(Derivation& d) {
  const Term g{&d.b, d.g()};
  const Term a{&d.b, d.operand(0)};
  const Term c{&d.b, d.operand(1)};
  // Equal infinities do not differ; equal numbers differ by 0, with a slope.
  const Term is_infinite = abs(a) == std::numeric_limits<double>::infinity();
  const Term is_same_infinity = (a == c) & is_infinite;
  const Term apart = a - c;
  const Term difference = select(is_same_infinity, 0, apart);
  if (d.needs(0)) d.add_masked(0, (g * sigmoid(difference)).value);
  if (d.needs(1)) d.add_masked(1, (g * sigmoid(-difference)).value);
}

}  // namespace ndl::passes
