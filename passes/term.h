// Values with operators: formulas of graphs that read like formulas.
//
//   const Term y = g / (1 + a * a);
//
// A number beside a term is a constant of the term's type. Besides these operators there is every
// elementwise op by its name: exp(a), pow(a, b - 1), select(m, a, 0); and sigmoid(a).
#pragma once

#include <concepts>

#include "ir/builder.h"

namespace ndl::passes {

struct Term {
  ir::Builder* builder;
  ir::Value value;

  // A constant of this one's type.
  Term constant(double number) const { return {builder, builder->constant_like(value, number)}; }
};

#define NDL_ELEMENTWISE(enumerator, name, kind, ...)                                   \
  template <std::same_as<Term>... Terms>                                               \
    requires(sizeof...(Terms) == operand_count(ir::ElementwiseKind::kind))             \
  Term name(const Terms&... terms) {                                                   \
    ir::Builder* const builders[] = {terms.builder...};                                \
    return {builders[0], builders[0]->add_node(ir::Op::enumerator, {terms.value...})}; \
  }
#include "ir/elementwise.def"
#undef NDL_ELEMENTWISE

// select(m, a, 0) and select(m, 0, b)
inline Term select(const Term& mask, const Term& a, double b) {
  return select(mask, a, a.constant(b));
}
inline Term select(const Term& mask, double a, const Term& b) {
  return select(mask, b.constant(a), b);
}

inline Term sigmoid(const Term& x) {
  return {x.builder, x.builder->add_node(ir::Op::kSigmoid, {x.value})};
}

inline Term operator-(const Term& a) { return neg(a); }
inline Term operator!(const Term& a) { return not_(a); }

#define NDL_OPERATOR(symbol, function)                                                        \
  inline Term operator symbol(const Term& a, const Term& b) { return function(a, b); }        \
  inline Term operator symbol(const Term& a, double b) { return function(a, a.constant(b)); } \
  inline Term operator symbol(double a, const Term& b) { return function(b.constant(a), b); }
NDL_OPERATOR(+, add)
NDL_OPERATOR(-, sub)
NDL_OPERATOR(*, mul)
NDL_OPERATOR(/, div)
NDL_OPERATOR(<, lt)
NDL_OPERATOR(<=, le)
NDL_OPERATOR(>, gt)
NDL_OPERATOR(>=, ge)
NDL_OPERATOR(==, eq)
#undef NDL_OPERATOR
inline Term operator&(const Term& a, const Term& b) { return and_(a, b); }

}  // namespace ndl::passes
