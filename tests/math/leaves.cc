#include "tests/math/leaves.h"

#include <cmath>

#include "ir/math/cbrt.h"
#include "ir/math/erf.h"
#include "ir/math/exp.h"
#include "ir/math/hyperbolic.h"
#include "ir/math/inverse_trig.h"
#include "ir/math/log.h"
#include "ir/math/pow.h"
#include "ir/math/rsqrt.h"
#include "ir/math/trig.h"

namespace ndl::ir::math::test {
namespace {

// The row of a template that is called `fn` in ndl::ir::math, in libm and (with its prefix) in
// MPFR.
// clang-format off
#define NDL_UNARY(fn, ...) \
  Unary { #fn, math::fn<float>, math::fn<double>, ::fn, mpfr_##fn, __VA_ARGS__ }
// clang-format on

// What libm or MPFR lack or, for rsqrt(-0), see otherwise.
double libm_rsqrt(double x) { return 1 / std::sqrt(x); }
int mpfr_rsqrt(mpfr_t r, const mpfr_t x, mpfr_rnd_t rnd) {
  const int inexact = mpfr_rec_sqrt(r, x, rnd);
  if (mpfr_zero_p(x)) mpfr_setsign(r, r, mpfr_signbit(x), rnd);
  return inexact;
}

// {float bound, double bound}, focus ranges, bounds without fma where they are above 1. A bound is
// the largest error of long runs, rounded up: over all floats where the function is unary.
const Unary kUnary[] = {
    NDL_UNARY(exp, {0.77, 0.78}, {{-746, 710}, {-1, 1}, {-104, 89}}),
    NDL_UNARY(exp2, {0.78, 0.78}, {{-1080, 1030}, {-1, 1}, {-152, 130}}),
    NDL_UNARY(expm1, {0.88, 0.9}, {{-1, 1}, {-20, 90}, {-40, 710}}),
    NDL_UNARY(tanh, {0.76, 0.82}, {{-1, 1}, {-10, 10}, {-20, 20}}, {1.35, 1.4}),
    NDL_UNARY(sinh, {0.77, 0.82}, {{-1, 1}, {-3, 3}, {-90, 90}, {-711, 711}}),
    NDL_UNARY(cosh, {0.72, 0.74}, {{-1, 1}, {-3, 3}, {-90, 90}, {-711, 711}}),
    NDL_UNARY(cbrt, {0.54, 0.51}, {{-8, 8}, {1, 1e6}}),
    NDL_UNARY(log, {0.88, 0.88}, {{0.5, 2}, {0.9, 1.1}, {0, 1e3}}),
    NDL_UNARY(log1p, {0.88, 0.88}, {{-0.5, 1}, {-0.01, 0.01}, {-1, 0}, {0, 1e3}}),
    NDL_UNARY(log2, {0.73, 0.73}, {{0.5, 2}, {0.9, 1.1}, {0, 1e3}}),
    {"rsqrt",
     math::rsqrt<float>,
     math::rsqrt<double>,
     libm_rsqrt,
     mpfr_rsqrt,
     {0.86, 0.86},
     {{0, 4}, {1, 1e10}}},
    NDL_UNARY(sin, {0.6, 0.8}, {{-7, 7}, {-1e6, 1e6}, {-1e38, 1e38}}),
    NDL_UNARY(cos, {0.6, 0.8}, {{-7, 7}, {-1e6, 1e6}, {-1e38, 1e38}}),
    NDL_UNARY(tan, {0.6, 0.9}, {{-7, 7}, {-1e6, 1e6}, {-1e38, 1e38}}),
    NDL_UNARY(atan, {0.95, 0.95}, {{-2, 2}, {0.5, 1.5}, {-30, 30}}, {1.08, 1.05}),
    NDL_UNARY(asin, {0.7, 0.7}, {{-1, 1}, {0.49, 0.51}, {0.999, 1}}),
    NDL_UNARY(acos, {0.7, 0.7}, {{-1, 1}, {0.49, 0.51}, {-0.51, -0.49}, {0.999, 1}}),
    NDL_UNARY(erf, {0.98, 0.95}, {{-6, 6}, {0.7, 1}, {1, 2}}, {1.38, 1.3}),
};

const Binary kBinary[] = {
    {"pow",
     math::pow<float>,
     math::pow<double>,
     ::pow,
     mpfr_pow,
     {0.51, 0.8},
     {{{0, 10}, {-10, 10}},
      {{0.9, 1.1}, {-1000, 1000}},
      {{0.5, 2}, {-1100, 1100}},
      {{-20, 20}, {-5, 5}},
      {{0.5, 0.501}, {126, 150}},
      {{0.5, 0.501}, {1022, 1075}},
      {{0, 1e300}, {-1.1, 1.1}},
      {{0.999999, 1.000001}, {-1e9, 1e9}}}},
    {"atan2",
     math::atan2<float>,
     math::atan2<double>,
     ::atan2,
     mpfr_atan2,
     {0.95, 0.95},
     {{{-2, 2}, {-2, 2}},
      {{0.9, 1.1}, {0.9, 1.1}},
      {{-1e-37, 1e-37}, {-1e-37, 1e-37}},
      {{-1e-37, 1e-37}, {1e-21, 1e-17}},
      {{-3e38, 3e38}, {-3e38, 3e38}},
      {{-1e-300, 1e-300}, {-1e-300, 1e-300}}},
     {1.08, 1.08}},
};

}  // namespace

std::span<const Unary> unary_leaves() { return kUnary; }
std::span<const Binary> binary_leaves() { return kBinary; }

std::optional<LeafBounds> bounds_of(std::string_view name) {
  for (const Unary& row : kUnary) {
    if (row.name == name) return LeafBounds{row.bound, row.without_fma};
  }
  for (const Binary& row : kBinary) {
    if (row.name == name) return LeafBounds{row.bound, row.without_fma};
  }
  return std::nullopt;
}

}  // namespace ndl::ir::math::test
