// Numbers rounded once, by MPFR, to an element type: from a text and from a more precise number.
#pragma once

#include <mpfr.h>

#include <string>

#include "base/float16.h"

namespace ndl::test {

// A number of 256 bits, enough for an error to be far below the last place of any element type.
class Real {
 public:
  Real() { mpfr_init2(value_, 256); }
  explicit Real(double x) : Real() { mpfr_set_d(value_, x, MPFR_RNDN); }
  ~Real() { mpfr_clear(value_); }
  Real(const Real&) = delete;
  Real& operator=(const Real&) = delete;

  operator mpfr_ptr() { return value_; }
  operator mpfr_srcptr() const { return value_; }

 private:
  mpfr_t value_;
};

// A format as MPFR sees it: numbers m * 2^e, 1/2 <= m < 1, of so many bits; the smallest is
// 2^(lowest - 1).
struct FloatFormat {
  mpfr_prec_t bits;
  mpfr_exp_t lowest;
  mpfr_exp_t highest;
};

template <class T>
inline constexpr FloatFormat kFloatFormat = {};
template <>
inline constexpr FloatFormat kFloatFormat<Float16> = {11, -23, 16};
template <>
inline constexpr FloatFormat kFloatFormat<BFloat16> = {8, -132, 128};
template <>
inline constexpr FloatFormat kFloatFormat<float> = {24, -148, 128};
template <>
inline constexpr FloatFormat kFloatFormat<double> = {53, -1073, 1024};

// What `assign(mpfr_ptr)`, which returns MPFR's ternary value, gives when it is rounded to nearest
// even once, to the bits, subnormals and overflow of the format.
template <class Assign>
double rounded(const FloatFormat& format, Assign&& assign) {
  mpfr_t result;
  mpfr_init2(result, format.bits);
  int ternary = assign(static_cast<mpfr_ptr>(result));
  const mpfr_exp_t lowest = mpfr_get_emin();
  const mpfr_exp_t highest = mpfr_get_emax();
  mpfr_set_emin(format.lowest);
  mpfr_set_emax(format.highest);
  ternary = mpfr_check_range(result, ternary, MPFR_RNDN);
  mpfr_subnormalize(result, ternary, MPFR_RNDN);
  mpfr_set_emin(lowest);
  mpfr_set_emax(highest);
  const double value = mpfr_get_d(result, MPFR_RNDN);
  mpfr_clear(result);
  return value;
}

// The value of T nearest to `exact`, as a double.
template <class T>
double nearest(mpfr_srcptr exact) {
  return rounded(kFloatFormat<T>,
                 [&](mpfr_ptr result) { return mpfr_set(result, exact, MPFR_RNDN); });
}

// The value of T nearest to a decimal or hexadecimal text, as a double; NaN if it is neither.
template <class T>
double nearest(const std::string& text) {
  return rounded(kFloatFormat<T>, [&](mpfr_ptr result) {
    char* end = nullptr;
    const int ternary = mpfr_strtofr(result, text.c_str(), &end, 0, MPFR_RNDN);
    if (*end != '\0' || text.empty()) mpfr_set_nan(result);
    return ternary;
  });
}

}  // namespace ndl::test
