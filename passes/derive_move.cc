// Derivatives of ops that move elements, or convert them.
#include <algorithm>

#include "passes/derive.h"
#include "passes/derive_helpers.h"
#include "passes/rule_helpers.h"

namespace ndl::passes {

using ir::Attr;
using ir::Builder;
using ir::Dims;
using ir::Shape;
using ir::Value;

void derive_convert(Derivation& d) {
  if (!d.needs(0)) return;
  d.add(0, {d.b.convert(d.g(), d.type(d.operand(0)).dtype()), d.cotangent().mask});
}

void derive_reshape(Derivation& d) {
  d.add_moved(0, [&](Value t) { return d.b.reshape(t, d.shape(0)); });
}

void derive_after(Derivation& d) {
  d.add_moved(0, [](Value t) { return t; });
}

void derive_broadcast(Derivation& d) {
  d.add_moved(0, [&](Value t) { return unbroadcast(d.b, t, d.shape(0)); });
}

void derive_transpose(Derivation& d) {
  const Dims back = inverse(d.attributes().integers(Attr::kPermutation));
  d.add_moved(0, [&](Value t) { return d.b.transpose(t, back); });
}

void derive_reverse(Derivation& d) {
  const Dims axes = d.attributes().integers(Attr::kAxes);
  d.add_moved(0, [&](Value t) { return d.b.reverse(t, axes); });
}

void derive_slice(Derivation& d) {
  const ir::Attributes attributes = d.attributes();
  const Dims& start = attributes.integers(Attr::kStart);
  const Dims& stride = attributes.integers(Attr::kStride);
  const Shape from = d.shape(0);
  const Shape to = d.result_shape();
  Dims low;
  Dims high;
  Dims interior;
  for (std::size_t i = 0; i < from.rank(); ++i) {
    const std::int64_t covered = to[i] == 0 ? 0 : (to[i] - 1) * stride[i] + 1;
    // No interior where there is nothing between: a stride may be larger than any extent.
    interior.push_back(to[i] > 1 ? stride[i] - 1 : 0);
    low.push_back(to[i] == 0 ? 0 : start[i]);
    high.push_back(from[i] - low[i] - covered);
  }
  d.add_moved(0, [&](Value t) { return resize(d.b, t, low, high, interior); });
}

void derive_dynamic_slice(Derivation& d) {
  d.add_moved(0, [&](Value t) {
    return d.b.dynamic_update_slice(d.zeros(d.shape(0), t), t, d.operand(1));
  });
}

void derive_dynamic_update_slice(Derivation& d) {
  const Value start = d.operand(2);
  d.add_moved(0,
              [&](Value t) { return d.b.dynamic_update_slice(t, d.zeros(d.shape(1), t), start); });
  d.add_moved(1, [&](Value t) { return d.b.dynamic_slice(t, start, d.shape(1)); });
}

void derive_pad(Derivation& d) {
  const ir::Attributes attributes = d.attributes();
  const Dims& low = attributes.integers(Attr::kLow);
  const Dims& high = attributes.integers(Attr::kHigh);
  const Dims& interior = attributes.integers(Attr::kInterior);
  const Shape from = d.shape(0);
  Dims limit;
  Dims stride;
  for (std::size_t i = 0; i < from.rank(); ++i) {
    stride.push_back(from[i] > 1 ? interior[i] + 1 : 1);
    limit.push_back(low[i] + (from[i] == 0 ? 0 : (from[i] - 1) * stride[i] + 1));
  }
  d.add_moved(0, [&](Value t) { return d.b.slice(t, low, limit, stride); });
  if (!d.needs(1)) return;
  const Value inside = d.b.constant({DType::kBool, from}, 0);
  const Value outside = d.b.constant({DType::kBool, Shape()}, 1);
  const Value is_padding = d.b.pad(inside, outside, low, high, interior);
  const Value gradient = d.b.select(is_padding, d.g(), d.zeros_like(d.g()));
  d.add(1, unbroadcast(d.b, gradient, Shape()));
}

void derive_concatenate(Derivation& d) {
  const auto axis = static_cast<std::size_t>(d.attributes().integer(Attr::kAxis));
  Dims start(d.result_shape().rank(), 0);
  for (std::size_t i = 0; i < d.operand_count(); ++i) {
    Dims limit = d.result_shape().dims();
    limit[axis] = start[axis] + d.shape(i)[axis];
    d.add_moved(i, [&](Value t) { return d.b.slice(t, start, limit); });
    start[axis] = limit[axis];
  }
}

void derive_stack(Derivation& d) {
  const auto axis = static_cast<std::size_t>(d.attributes().integer(Attr::kAxis));
  Dims start(d.result_shape().rank(), 0);
  Dims limit = d.result_shape().dims();
  for (std::size_t i = 0; i < d.operand_count(); ++i) {
    start[axis] = static_cast<std::int64_t>(i);
    limit[axis] = start[axis] + 1;
    d.add_moved(i, [&](Value t) { return d.b.reshape(d.b.slice(t, start, limit), d.shape(i)); });
  }
}

void derive_split(Derivation& d) {
  if (!d.needs(0)) return;
  const std::int64_t axis = d.attributes().integer(Attr::kAxis);
  Dims dims = d.shape(0).dims();
  dims.erase(dims.begin() + axis);
  const Shape element(std::move(dims));
  std::vector<Value> values;
  std::vector<Value> masks;
  for (const std::optional<Cotangent>& result : d.results()) {
    values.push_back(result ? result->value : d.zeros(element, d.operand(0)));
    if (!result) masks.push_back(d.b.constant({DType::kBool, element}, 0));
    if (result && result->mask) masks.push_back(*result->mask);
  }
  Cotangent all{d.b.stack(values, axis), std::nullopt};
  if (masks.size() == values.size()) all.mask = d.b.stack(masks, axis);
  d.add(0, all);
}

void derive_fused_add_scalars(Derivation& d) {
  for (const std::optional<Cotangent>& result : d.results()) {
    if (result) d.add(0, *result);
  }
}

}  // namespace ndl::passes
