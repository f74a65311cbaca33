#include "codegen/emit_elementwise.h"

#include "base/error.h"
#include "codegen/lane.h"

// The table says `math::f(a)`, a qualified name, so what it finds is what is declared here: the
// formulas of ir/math/, and the primitives over lanes beside those over scalars.
namespace ndl::codegen::math {
using namespace ir::math;  // NOLINT: this namespace is their union
using codegen::select;
}  // namespace ndl::codegen::math

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

namespace ndl::codegen {
namespace math {
using codegen::ceil;
using codegen::floor;
using codegen::round_even;
using codegen::sqrt;
using codegen::trunc;
}  // namespace math

namespace {

using ir::ElementwiseKind;
using ir::Op;

#include "ir/elementwise_rows.def"

template <class Row, class E>
llvm::Value* apply(std::span<llvm::Value* const> v) {
  constexpr Row kForward;
  using T = Lane<E>;
  if constexpr (Row::kKind == ElementwiseKind::kSelect) {
    return kForward(Mask(v[0]), T(v[1]), T(v[2])).value;
  } else if constexpr (operand_count(Row::kKind) == 1) {
    return kForward(T(v[0])).value;
  } else if constexpr (operand_count(Row::kKind) == 2) {
    return kForward(T(v[0]), T(v[1])).value;
  } else {
    return kForward(T(v[0]), T(v[1]), T(v[2])).value;
  }
}

template <class Row>
llvm::Value* apply_for(DType dtype, std::span<llvm::Value* const> operands) {
  return visit_dtype(dtype, [&]<class E>(std::type_identity<E>) -> llvm::Value* {
    if constexpr (!Row::kDTypes.contains(dtype_of<E>)) {
      return nullptr;
    } else if constexpr (is_half(dtype_of<E>)) {
      return apply<Row, float>(operands);
    } else {
      return apply<Row, E>(operands);
    }
  });
}

}  // namespace

llvm::Value* emit_elementwise(Op op, DType dtype, std::span<llvm::Value* const> operands) {
  switch (op) {
#define NDL_ELEMENTWISE(enumerator, name, kind, dtypes, forward, gradients, range, doc) \
  case Op::enumerator:                                                                  \
    return apply_for<Row_##enumerator>(dtype, operands);
#include "ir/elementwise.def"
#undef NDL_ELEMENTWISE
    default:
      break;
  }
  NDL_CHECK(false, "{} is not elementwise", name_of(op));
  return nullptr;
}

}  // namespace ndl::codegen
