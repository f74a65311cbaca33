// Derivatives of ops that index and order.
#include "passes/derive.h"
#include "passes/derive_helpers.h"

namespace ndl::passes {

using ir::Attr;
using ir::Value;

void derive_gather(Derivation& d) {
  if (!d.needs(0)) return;
  const ir::Attributes attributes = d.attributes();
  const auto scatter = [&](Value t) {
    return d.b.scatter_add(d.zeros(d.shape(0), t), d.operand(1), t, attributes.integer(Attr::kAxis),
                           attributes.integer(Attr::kBatchDims));
  };
  Cotangent gradient{scatter(d.g()), std::nullopt};
  if (d.cotangent().mask) {
    // Where any of what comes to an element may differ from 0.
    const Value count = scatter(d.b.convert(*d.cotangent().mask, DType::kI32));
    gradient.mask = d.b.convert(count, DType::kBool);
  }
  d.add(0, gradient);
}

void derive_scatter_add(Derivation& d) {
  const ir::Attributes attributes = d.attributes();
  if (d.needs(0)) d.add(0, d.cotangent());
  d.add_moved(2, [&](Value t) {
    return d.b.gather(t, d.operand(1), attributes.integer(Attr::kAxis),
                      attributes.integer(Attr::kBatchDims));
  });
}

// The elements went where the first operand's order sent them, and come back from there.
void derive_sort(Derivation& d) {
  const ir::Attributes attributes = d.attributes();
  const std::int64_t axis = attributes.integer(Attr::kAxis);
  const bool is_descending = attributes.boolean(Attr::kDescending);
  const Value position = d.b.iota({DType::kI64, d.shape(0)}, axis);
  const Value sorted[] = {d.operand(0), position};
  const Value from = d.b.get_tuple_element(d.b.sort(sorted, axis, is_descending), 1);
  const Value returning[] = {from, position};
  const Value to = d.b.get_tuple_element(d.b.sort(returning, axis), 1);
  for (std::size_t i = 0; i < d.operand_count(); ++i) {
    const std::optional<Cotangent>& result = d.results()[i];
    if (!result || !d.needs(i)) continue;
    d.add(i, Derivation::moved(*result, [&](Value t) { return take_along(d.b, t, to, axis); }));
  }
}

}  // namespace ndl::passes
