// Derivatives of products of matrices and convolutions.
#include <algorithm>
#include <numeric>
#include <utility>

#include "passes/derive.h"
#include "passes/derive_helpers.h"

namespace ndl::passes {

using ir::Attr;
using ir::Builder;
using ir::Dims;
using ir::Shape;
using ir::Value;

namespace {

// The last two axes swapped.
Value transposed(Builder& b, Value x) {
  Dims permutation(b.type(x).shape().rank());
  std::iota(permutation.begin(), permutation.end(), 0);
  std::swap(permutation.back(), permutation[permutation.size() - 2]);
  return b.transpose(x, permutation);
}

// The leading axes as one: a matrix of all rows.
Value all_rows(Builder& b, Value x) {
  const Shape shape = b.type(x).shape();
  const std::int64_t last = shape[shape.rank() - 1];
  const std::int64_t rows = ir::product(std::span(shape.dims()).first(shape.rank() - 1));
  return b.reshape(x, Shape({rows, last}));
}

}  // namespace

void derive_matmul(Derivation& d) {
  const Value a = d.operand(0);
  const Value c = d.operand(1);
  if (d.needs(0)) {
    const Value product = d.b.matmul(d.g(), transposed(d.b, c));
    d.add(0, unbroadcast(d.b, product, d.shape(0)));
  }
  if (!d.needs(1)) return;
  if (d.shape(1).rank() == 2) {
    // One sum over all rows of all batches.
    const Value columns = transposed(d.b, all_rows(d.b, a));
    const Value rows = all_rows(d.b, d.g());
    d.add(1, d.b.matmul(columns, rows));
  } else {
    d.add(1, unbroadcast(d.b, d.b.matmul(transposed(d.b, a), d.g()), d.shape(1)));
  }
}

namespace {

// One spatial axis of y[o] = sum over k of xd[o * stride + k * dilation - low] * kernel[k], where
// xd[base * i] = x[i] and all other xd are 0.
struct ConvAxis {
  std::int64_t x, kernel, result, stride, low, dilation, base;

  // Extents of x and of the result with the gaps between their elements.
  std::int64_t spread_x() const { return (x - 1) * base + 1; }
  std::int64_t spread_result() const { return (result - 1) * stride + 1; }
};

std::vector<ConvAxis> conv_axes(const Derivation& d) {
  const ir::Attributes attributes = d.attributes();
  const Shape x = d.shape(0);
  const Shape kernel = d.shape(1);
  const Shape result = d.result_shape();
  std::vector<ConvAxis> axes;
  for (std::size_t i = 0; i + 2 < x.rank(); ++i) {
    axes.push_back({x[i + 1], kernel[i], result[i + 1], attributes.integers(Attr::kStride)[i],
                    attributes.integers(Attr::kLow)[i], attributes.integers(Attr::kDilation)[i],
                    attributes.integers(Attr::kBaseDilation)[i]});
  }
  return axes;
}

// A convolution the attributes of which are made axis by axis.
struct Conv {
  Dims stride, low, high, dilation, base_dilation;

  Value operator()(Builder& b, Value x, Value kernel, std::int64_t groups) const {
    return b.add_node(ir::Op::kConv, {x, kernel},
                      {{Attr::kStride, stride},
                       {Attr::kLow, low},
                       {Attr::kHigh, high},
                       {Attr::kDilation, dilation},
                       {Attr::kBaseDilation, base_dilation},
                       {Attr::kGroups, groups}});
  }
};

// x without what is beyond these extents.
Value cut(Builder& b, Value x, const Dims& extents) {
  if (b.type(x).shape().dims() == extents) return x;
  return b.slice(x, Dims(extents.size(), 0), extents);
}

// The gradient of x: each g[o] goes to the x[i] it came from, so x[i] sums g * kernel over the k
// with o * stride + k * dilation - low = base * i. That is a convolution of g, spread by `stride`,
// with the reversed kernel, at stride `base`.
Value conv_gradient_of_x(Derivation& d, const std::vector<ConvAxis>& axes, std::int64_t groups) {
  Builder& b = d.b;
  const Shape x = d.shape(0);
  const Shape kernel = d.shape(1);
  const std::size_t spatial = axes.size();
  const std::int64_t features = kernel[spatial + 1] / groups;
  // [k..., C / groups, groups * F] -> [k..., F, groups * (C / groups)], reversed along each k.
  Dims dims(kernel.begin(), kernel.end() - 1);
  dims.push_back(groups);
  dims.push_back(features);
  Dims permutation(dims.size());
  std::iota(permutation.begin(), permutation.end(), 0);
  std::swap(permutation[spatial], permutation[spatial + 2]);
  Value flipped = b.transpose(b.reshape(d.operand(1), Shape(std::move(dims))), permutation);
  dims.assign(kernel.begin(), kernel.end());
  dims[spatial] = features;
  dims[spatial + 1] = x[spatial + 1];
  Dims reversed(spatial);
  std::iota(reversed.begin(), reversed.end(), 0);
  flipped = b.reverse(b.reshape(flipped, Shape(std::move(dims))), reversed);

  Conv conv;
  Dims taken(spatial + 2, 0);
  Dims none(spatial + 2, 0);
  Dims gaps(spatial + 2, 0);
  bool takes = false;
  for (std::size_t i = 0; i < spatial; ++i) {
    const ConvAxis& axis = axes[i];
    const std::int64_t window = (axis.kernel - 1) * axis.dilation;
    const std::int64_t low = window - axis.low;
    const std::int64_t high = axis.spread_x() - low + window - axis.spread_result();
    conv.stride.push_back(axis.base);
    conv.low.push_back(std::max<std::int64_t>(low, 0));
    conv.high.push_back(std::max<std::int64_t>(high, 0));
    conv.dilation.push_back(axis.dilation);
    conv.base_dilation.push_back(axis.stride);
    taken[i + 1] = std::min<std::int64_t>(low, 0);
    gaps[i + 1] = axis.stride - 1;
    takes |= low < 0;
  }
  Value g = d.g();
  if (takes) {
    // What came from padding goes nowhere.
    g = resize(b, g, taken, none, gaps);
    std::ranges::fill(conv.base_dilation, 1);
  }
  return cut(b, conv(b, g, flipped, groups), x.dims());
}

// The gradient of the kernel: kernel[k] sums g[o] * xd[o * stride + k * dilation - low] over
// batches and o. That is a convolution of x with g as the kernel, where batches and channels change
// places.
Value conv_gradient_of_kernel(Derivation& d, const std::vector<ConvAxis>& axes,
                              std::int64_t groups) {
  Builder& b = d.b;
  const Shape x = d.shape(0);
  const Shape kernel = d.shape(1);
  const std::size_t spatial = axes.size();
  const std::int64_t batches = x[0];
  const std::int64_t channels = kernel[spatial];
  // [N, spatial..., groups * C] -> [C, spatial..., groups * N]
  Dims dims(x.begin(), x.end() - 1);
  dims.push_back(groups);
  dims.push_back(channels);
  Dims permutation(dims.size());
  std::iota(permutation.begin(), permutation.end(), 0);
  std::swap(permutation.front(), permutation.back());
  Value turned = b.transpose(b.reshape(d.operand(0), Shape(std::move(dims))), permutation);
  dims.assign(x.begin(), x.end());
  dims.front() = channels;
  dims.back() = groups * batches;
  turned = b.reshape(turned, Shape(std::move(dims)));
  // [N, o..., F] -> [o..., N, F]
  Dims batch_inside(spatial + 2);
  std::iota(batch_inside.begin(), batch_inside.end(), 0);
  std::rotate(batch_inside.begin(), batch_inside.begin() + 1, batch_inside.end() - 1);

  Conv conv;
  Dims wanted{channels};
  for (const ConvAxis& axis : axes) {
    const std::int64_t high =
        (axis.kernel - 1) * axis.dilation + axis.spread_result() - axis.spread_x() - axis.low;
    conv.stride.push_back(axis.dilation);
    conv.low.push_back(axis.low);
    conv.high.push_back(std::max<std::int64_t>(high, 0));
    conv.dilation.push_back(axis.stride);
    conv.base_dilation.push_back(axis.base);
    wanted.push_back(axis.kernel);
  }
  wanted.push_back(kernel[spatial + 1]);
  const Value result = cut(b, conv(b, turned, b.transpose(d.g(), batch_inside), groups), wanted);
  // [C, k..., F] -> [k..., C, F], which is the rotation again.
  return b.transpose(result, batch_inside);
}

}  // namespace

void derive_conv(Derivation& d) {
  // Without elements on one side there is nothing to pass on; 0 is what the gradient is anyway.
  const auto is_empty = [](const Shape& shape) { return shape.num_elements() == 0; };
  if (is_empty(d.shape(0)) || is_empty(d.shape(1)) || is_empty(d.result_shape())) return;
  const std::vector<ConvAxis> axes = conv_axes(d);
  const std::int64_t groups = d.attributes().integer(Attr::kGroups);
  // A window that meets padding alone at every place of the result does not see x.
  const bool sees_x = std::ranges::all_of(axes, [](const ConvAxis& axis) {
    return axis.low - (axis.kernel - 1) * axis.dilation < axis.spread_result();
  });
  if (d.needs(0) && sees_x) d.add(0, conv_gradient_of_x(d, axes, groups));
  if (d.needs(1)) d.add(1, conv_gradient_of_kernel(d, axes, groups));
}

}  // namespace ndl::passes
