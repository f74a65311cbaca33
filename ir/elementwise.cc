#include "ir/elementwise.h"

#include <type_traits>

#include "ir/math/arithmetic.h"
#include "ir/math/cbrt.h"
#include "ir/math/erf.h"
#include "ir/math/exp.h"
#include "ir/math/hyperbolic.h"
#include "ir/math/inverse_trig.h"
#include "ir/math/log.h"
#include "ir/math/pow.h"
#include "ir/math/rem.h"
#include "ir/math/rsqrt.h"
#include "ir/math/trig.h"

namespace ndl::ir {
namespace {

// One loop for each kind of row.
template <class T, class Row>
void apply(std::int64_t count, const void* const* operands, void* out) {
  constexpr Row kForward;
  constexpr ElementwiseKind kKind = Row::kKind;
  using Result =
      std::conditional_t<kKind == ElementwiseKind::kPredicate || kKind == ElementwiseKind::kCompare,
                         bool, T>;
  auto* result = static_cast<Result*>(out);
  if constexpr (kKind == ElementwiseKind::kSelect) {
    const auto* m = static_cast<const bool*>(operands[0]);
    const auto* a = static_cast<const T*>(operands[1]);
    const auto* b = static_cast<const T*>(operands[2]);
    for (std::int64_t i = 0; i < count; ++i) result[i] = kForward(m[i], a[i], b[i]);
  } else {
    const auto* a = static_cast<const T*>(operands[0]);
    if constexpr (operand_count(kKind) == 1) {
      for (std::int64_t i = 0; i < count; ++i) result[i] = kForward(a[i]);
    } else if constexpr (operand_count(kKind) == 2) {
      const auto* b = static_cast<const T*>(operands[1]);
      for (std::int64_t i = 0; i < count; ++i) result[i] = kForward(a[i], b[i]);
    } else {
      const auto* b = static_cast<const T*>(operands[1]);
      const auto* c = static_cast<const T*>(operands[2]);
      for (std::int64_t i = 0; i < count; ++i) result[i] = kForward(a[i], b[i], c[i]);
    }
  }
}

#include "ir/elementwise_rows.def"

template <class Row>
ElementwiseFunction function_for(DType dtype) {
  return visit_dtype(dtype, []<class T>(std::type_identity<T>) -> ElementwiseFunction {
    if constexpr (Row::kDTypes.contains(dtype_of<T>) && !is_half(dtype_of<T>)) {
      return apply<T, Row>;
    } else {
      return nullptr;
    }
  });
}

}  // namespace

ElementwiseFunction elementwise_function(Op op, DType dtype) {
  switch (op) {
#define NDL_ELEMENTWISE(enumerator, name, kind, dtypes, forward, gradients, range, doc) \
  case Op::enumerator:                                                                  \
    return function_for<Row_##enumerator>(dtype);
#include "ir/elementwise.def"
#undef NDL_ELEMENTWISE
    default:
      return nullptr;
  }
}

}  // namespace ndl::ir
