#include "tests/ir/elementwise_reference.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace ndl::ir::test {
namespace {

using Int = __int128;

template <auto kFunction>
void unary(mpfr_ptr result, const Real* x) {
  kFunction(result, x[0], MPFR_RNDN);
}
template <auto kFunction>
void binary(mpfr_ptr result, const Real* x) {
  kFunction(result, x[0], x[1], MPFR_RNDN);
}
// Roundings to an integral value are exact in 256 bits.
template <auto kFunction>
void integral(mpfr_ptr result, const Real* x) {
  kFunction(result, x[0]);
}

void real_neg(mpfr_ptr result, const Real* x) { mpfr_neg(result, x[0], MPFR_RNDN); }
void real_abs(mpfr_ptr result, const Real* x) { mpfr_abs(result, x[0], MPFR_RNDN); }

void real_sign(mpfr_ptr result, const Real* x) {
  if (mpfr_nan_p(static_cast<mpfr_srcptr>(x[0])) || mpfr_zero_p(static_cast<mpfr_srcptr>(x[0]))) {
    mpfr_set(result, x[0], MPFR_RNDN);
  } else {
    mpfr_set_si(result, mpfr_signbit(static_cast<mpfr_srcptr>(x[0])) != 0 ? -1 : 1, MPFR_RNDN);
  }
}

// MPFR prefers a number to NaN, and orders zeros as we do.
void lesser(mpfr_ptr result, mpfr_srcptr a, mpfr_srcptr b) {
  if (mpfr_nan_p(a) || mpfr_nan_p(b)) return mpfr_set_nan(result);
  mpfr_min(result, a, b, MPFR_RNDN);
}
void greater(mpfr_ptr result, mpfr_srcptr a, mpfr_srcptr b) {
  if (mpfr_nan_p(a) || mpfr_nan_p(b)) return mpfr_set_nan(result);
  mpfr_max(result, a, b, MPFR_RNDN);
}
void real_min(mpfr_ptr result, const Real* x) { lesser(result, x[0], x[1]); }
void real_max(mpfr_ptr result, const Real* x) { greater(result, x[0], x[1]); }
void real_clamp(mpfr_ptr result, const Real* x) {
  Real raised;
  greater(raised, x[0], x[1]);
  lesser(result, raised, x[2]);
}

// 1 / sqrt(-0) is -inf, which mpfr_rec_sqrt has otherwise.
void real_rsqrt(mpfr_ptr result, const Real* x) {
  mpfr_sqrt(result, x[0], MPFR_RNDN);
  mpfr_ui_div(result, 1, result, MPFR_RNDN);
}

Int add(const Int* x, const IntegerType&) { return x[0] + x[1]; }
Int sub(const Int* x, const IntegerType&) { return x[0] - x[1]; }
Int mul(const Int* x, const IntegerType&) { return x[0] * x[1]; }
Int div(const Int* x, const IntegerType&) { return x[1] == 0 ? 0 : x[0] / x[1]; }
Int rem(const Int* x, const IntegerType&) { return x[1] == 0 ? x[0] : x[0] % x[1]; }
Int neg(const Int* x, const IntegerType&) { return -x[0]; }
Int abs(const Int* x, const IntegerType&) { return x[0] < 0 ? -x[0] : x[0]; }
Int sign(const Int* x, const IntegerType&) { return (x[0] > 0) - (x[0] < 0); }
Int min(const Int* x, const IntegerType&) { return std::min(x[0], x[1]); }
Int max(const Int* x, const IntegerType&) { return std::max(x[0], x[1]); }
Int clamp(const Int* x, const IntegerType&) { return std::min(std::max(x[0], x[1]), x[2]); }

// base^exponent, exponent >= 0: the square of the power to half of it.
Int whole_power(Int base, Int exponent, const IntegerType& type) {
  if (exponent == 0) return 1;
  const Int root = whole_power(base, exponent / 2, type);
  const Int square = type.wrap(root * root);
  return exponent % 2 == 0 ? square : type.wrap(square * base);
}
Int pow(const Int* x, const IntegerType& type) {
  if (x[1] >= 0) return whole_power(x[0], x[1], type);
  const Int inverse[] = {1, whole_power(x[0], -x[1], type)};
  return div(inverse, type);
}

Int bit_and(const Int* x, const IntegerType&) { return x[0] & x[1]; }
Int bit_or(const Int* x, const IntegerType&) { return x[0] | x[1]; }
Int bit_xor(const Int* x, const IntegerType&) { return x[0] ^ x[1]; }
Int bit_not(const Int* x, const IntegerType&) { return ~x[0]; }

bool is_shift(Int by, const IntegerType& type) { return by >= 0 && by < type.bits; }
Int shift_left(const Int* x, const IntegerType& type) {
  return is_shift(x[1], type) ? x[0] * (Int{1} << x[1]) : 0;
}
// The quotient by a power of two, rounded down.
Int shift_right(const Int* x, const IntegerType& type) {
  if (!is_shift(x[1], type)) return x[0] < 0 ? -1 : 0;
  const Int divisor = Int{1} << x[1];
  return x[0] / divisor - (x[0] % divisor < 0 ? 1 : 0);
}

// One row an op: {name, float result, whether it is exact, integer result, comparison, predicate}.
constexpr bool kExact = true;
constexpr bool kNear = false;
const Reference kReferences[] = {
    {"add", binary<mpfr_add>, kExact, add},
    {"sub", binary<mpfr_sub>, kExact, sub},
    {"mul", binary<mpfr_mul>, kExact, mul},
    {"div", binary<mpfr_div>, kExact, div},
    {"rem", binary<mpfr_fmod>, kExact, rem},
    {"pow", binary<mpfr_pow>, kNear, pow},
    {"min", real_min, kExact, min},
    {"max", real_max, kExact, max},
    {"atan2", binary<mpfr_atan2>, kNear},
    {"neg", real_neg, kExact, neg},
    {"abs", real_abs, kExact, abs},
    {"sign", real_sign, kExact, sign},
    {"clamp", real_clamp, kExact, clamp},
    {"floor", integral<mpfr_floor>, kExact},
    {"ceil", integral<mpfr_ceil>, kExact},
    {"round", integral<mpfr_roundeven>, kExact},
    {"trunc", integral<mpfr_trunc>, kExact},
    {"sqrt", unary<mpfr_sqrt>, kExact},
    {"rsqrt", real_rsqrt, kNear},
    {"cbrt", unary<mpfr_cbrt>, kNear},
    {"exp", unary<mpfr_exp>, kNear},
    {"exp2", unary<mpfr_exp2>, kNear},
    {"expm1", unary<mpfr_expm1>, kNear},
    {"log", unary<mpfr_log>, kNear},
    {"log2", unary<mpfr_log2>, kNear},
    {"log1p", unary<mpfr_log1p>, kNear},
    {"sin", unary<mpfr_sin>, kNear},
    {"cos", unary<mpfr_cos>, kNear},
    {"tan", unary<mpfr_tan>, kNear},
    {"asin", unary<mpfr_asin>, kNear},
    {"acos", unary<mpfr_acos>, kNear},
    {"atan", unary<mpfr_atan>, kNear},
    {"sinh", unary<mpfr_sinh>, kNear},
    {"cosh", unary<mpfr_cosh>, kNear},
    {"tanh", unary<mpfr_tanh>, kNear},
    {"erf", unary<mpfr_erf>, kNear},
    {"and", nullptr, kExact, bit_and},
    {"or", nullptr, kExact, bit_or},
    {"xor", nullptr, kExact, bit_xor},
    {"not", nullptr, kExact, bit_not},
    {"shift_left", nullptr, kExact, shift_left},
    {"shift_right", nullptr, kExact, shift_right},
    {"eq", nullptr, kExact, nullptr, std::is_eq},
    {"ne", nullptr, kExact, nullptr, std::is_neq},
    {"lt", nullptr, kExact, nullptr, std::is_lt},
    {"le", nullptr, kExact, nullptr, std::is_lteq},
    {"gt", nullptr, kExact, nullptr, std::is_gt},
    {"ge", nullptr, kExact, nullptr, std::is_gteq},
    {"is_nan", nullptr, kExact, nullptr, nullptr, [](double x) { return std::isnan(x); }},
    {"is_inf", nullptr, kExact, nullptr, nullptr, [](double x) { return std::isinf(x); }},
    {"select"},
};

}  // namespace

__int128 IntegerType::wrap(__int128 x) const {
  const Int period = Int{1} << bits;
  const Int above = (x % period + period) % period;  // in [0, 2^bits)
  return above > highest() ? above - period : above;
}

const Reference* find_reference(std::string_view op) {
  const auto* row = std::ranges::find(kReferences, op, &Reference::op);
  return row == std::end(kReferences) ? nullptr : row;
}

}  // namespace ndl::ir::test
