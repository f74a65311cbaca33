#include "passes/derive.h"

#include "base/error.h"
#include "ir/inline_graph.h"

namespace ndl::passes {

// The rules, declared from the rows.
void derive_elementwise(Derivation&);
#define NDL_GRAPH_OP(enumerator, name, ...) void derive_##name(Derivation&);
#define NDL_STRUCTURAL NDL_GRAPH_OP
#define NDL_COMPOSED NDL_GRAPH_OP
#include "ir/structural.def"
#undef NDL_GRAPH_OP
#undef NDL_STRUCTURAL
#undef NDL_COMPOSED

DerivativeRule derivative_of(ir::Op op) {
  switch (op) {
#define NDL_GRAPH_OP(enumerator, name, ...) \
  case ir::Op::enumerator:                  \
    return derive_##name;
#define NDL_STRUCTURAL NDL_GRAPH_OP
#define NDL_COMPOSED NDL_GRAPH_OP
#include "ir/structural.def"
#undef NDL_GRAPH_OP
#undef NDL_STRUCTURAL
#undef NDL_COMPOSED
    default:
      return derive_elementwise;
  }
}

void Derivation::add(std::size_t i, const Cotangent& contribution, std::size_t k) {
  if (!needs(i)) return;
  std::optional<Cotangent>& slot = (*slots_[i])[k];
  if (!slot) {
    slot = contribution;
    return;
  }
  slot->value = b.add(slot->value, contribution.value);
  if (slot->mask && contribution.mask) {
    slot->mask = b.or_(*slot->mask, *contribution.mask);
  } else {
    slot->mask.reset();
  }
}

void Derivation::add_masked(std::size_t i, ir::Value value) {
  const std::optional<ir::Value> mask = cotangent().mask;
  if (mask && value != g()) value = b.select(*mask, value, zeros_like(value));
  add(i, {value, mask});
}

// Sources, and what has no derivative.
void derive_parameter(Derivation&) {}
void derive_constant(Derivation&) {}
void derive_iota(Derivation&) {}
void derive_rng_bits(Derivation&) {}
void derive_argmax(Derivation&) {}
void derive_argmin(Derivation&) {}

// Between different types it is no function of numbers.
void derive_bitcast(Derivation& d) {
  if (d.type(d.operand(0)) == d.type(d.node())) d.add(0, d.cotangent());
}

// Tuples
void derive_make_tuple(Derivation& d) {
  for (std::size_t i = 0; i < d.operand_count(); ++i) {
    if (d.results()[i]) d.add(i, *d.results()[i]);
  }
}

void derive_get_tuple_element(Derivation& d) {
  d.add(0, d.cotangent(), static_cast<std::size_t>(d.attributes().integer(ir::Attr::kIndex)));
}

void derive_custom(Derivation& d) {
  const ir::Attributes attributes = d.attributes();
  const ir::Region& gradient = attributes.region(ir::Attr::kGradient);
  const bool is_tuple = d.type(d.node()).is_tuple();
  std::vector<ir::Value> arguments;
  for (std::size_t i = 0; i < d.operand_count(); ++i) arguments.push_back(d.operand(i));
  std::vector<ir::Value> results;
  for (std::size_t k = 0; k < d.results().size(); ++k) {
    results.push_back(is_tuple ? d.b.get_tuple_element(d.node(), static_cast<std::int64_t>(k))
                               : d.node());
  }
  arguments.insert(arguments.end(), results.begin(), results.end());
  for (std::size_t k = 0; k < results.size(); ++k) {
    if (!is_float(d.type(results[k]).dtype())) continue;
    arguments.push_back(d.results()[k] ? d.results()[k]->value : d.zeros_like(results[k]));
  }
  const std::vector<ir::Value> gradients = ir::inline_graph(d.b, *gradient, arguments);
  std::size_t next = 0;
  for (std::size_t i = 0; i < d.operand_count(); ++i) {
    if (is_float(d.type(d.operand(i)).dtype())) d.add(i, gradients[next++]);
  }
}

void derive_fusion(Derivation&) {
  throw_error<UnsupportedError>("a fusion has no derivative; differentiate, then fuse");
}

}  // namespace ndl::passes
