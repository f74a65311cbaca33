// Measures scalar functions in ULP against MPFR, over inputs that reach every exponent.
//
// The error of a result is |result - exact| in units of the last place of the correctly rounded
// result; below the smallest normal number that unit is the smallest subnormal. A wrong NaN, a
// wrong infinity or a zero of the wrong sign is an infinite error. An overflow to infinity is
// measured as if the next exponent existed.
//
// A row names a function and its bounds. check_unary() and check_binary() measure it:
//   always            every pair or single of kSpecials; 2^24 floats or 10^5 doubles, half of them
//                     stratified over all bit patterns, half from the row's own `focus` ranges
//   NDL_LONG=1        unary float functions on all 2^32 inputs, doubles on 10^7 samples
//   sanitized builds  2^18 floats
// The samples are the same on every machine.
// The float reference is the C library's double function, whose error is far below what is
// measured; whatever would raise the maximum is measured again with MPFR. Doubles always meet MPFR.
#pragma once

#include <gtest/gtest.h>
#include <mpfr.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "tests/sanitized.h"

namespace ndl::ir::math::test {

using MpfrUnary = int (*)(mpfr_t, const mpfr_t, mpfr_rnd_t);
using MpfrBinary = int (*)(mpfr_t, const mpfr_t, const mpfr_t, mpfr_rnd_t);

// Inputs worth dense sampling: lo <= x <= hi.
struct Range {
  double lo;
  double hi;
};

struct Bound {
  double for_float;
  double for_double;
};

struct Unary {
  const char* name;
  float (*float_fn)(float);
  double (*double_fn)(double);
  double (*libm)(double);  // fast reference for floats; null: MPFR alone
  MpfrUnary mpfr;
  Bound bound;
  std::vector<Range> focus;
  Bound without_fma = {1, 1};  // where madd() is a product and a sum
};

struct Binary {
  const char* name;
  float (*float_fn)(float, float);
  double (*double_fn)(double, double);
  double (*libm)(double, double);
  MpfrBinary mpfr;
  Bound bound;
  struct Box {
    Range x;
    Range y;
  };
  std::vector<Box> focus;
  Bound without_fma = {1, 1};
};

// Where a function was worst.
template <class E>
struct Worst {
  double ulp = 0;
  E x = 0;
  E y = 0;
  E got = 0;

  void merge(const Worst& other) {
    if (!(other.ulp <= ulp)) *this = other;
  }
};

// 2^e, for any e that a double reaches.
inline double exp2i(int e) { return std::ldexp(1.0, e); }

// The unit in the last place of r, which is finite or (meaning the largest exponent) infinite.
template <class E>
double unit_of(E r) {
  using L = std::numeric_limits<E>;
  const int e = std::isinf(r) ? L::max_exponent - 1
                : r == 0      ? L::min_exponent - 1
                              : std::max(std::ilogb(r), L::min_exponent - 1);
  return exp2i(e - L::digits + 1);
}

// The error of `got` against a double that is as good as exact.
inline double ulp_error(float got, double exact) {
  if (std::isnan(exact)) return std::isnan(got) ? 0 : INFINITY;
  if (std::isnan(got)) return INFINITY;
  if (std::signbit(got) != std::signbit(exact) && (got == 0 || exact == 0)) return INFINITY;
  if (std::isinf(exact)) return got == exact ? 0 : INFINITY;
  const double rounded = static_cast<float>(exact);
  if (rounded == got && std::isinf(got)) return 0;
  const double value = std::isinf(got) ? std::copysign(0x1p128, got) : got;
  // Without ilogb: this runs 2^32 times a function. A double's exponent field is its ilogb + 1023.
  const int e =
      std::clamp<int>((std::bit_cast<std::uint64_t>(rounded) >> 52 & 0x7ff) - 1023, -126, 127);
  return std::abs(value - exact) * std::bit_cast<double>(std::uint64_t(1023 + 23 - e) << 52);
}

// An MPFR number of enough bits that its error does not show in a ULP of either type.
class Real {
 public:
  Real() { mpfr_init2(value_, 160); }
  ~Real() { mpfr_clear(value_); }
  Real(const Real&) = delete;
  Real& operator=(const Real&) = delete;

  mpfr_ptr get() { return value_; }

 private:
  mpfr_t value_;
};

// The error of `got` against an MPFR value, which is overwritten.
template <class E>
double ulp_error(E got, mpfr_ptr exact) {
  if (mpfr_nan_p(exact)) return std::isnan(got) ? 0 : INFINITY;
  if (std::isnan(got)) return INFINITY;
  const bool negative = mpfr_signbit(exact) != 0;
  if (std::signbit(got) != negative && (got == 0 || mpfr_zero_p(exact))) return INFINITY;
  if (mpfr_inf_p(exact)) return std::isinf(got) && std::signbit(got) == negative ? 0 : INFINITY;
  E rounded;
  if constexpr (std::is_same_v<E, float>) {
    rounded = mpfr_get_flt(exact, MPFR_RNDN);
  } else {
    rounded = mpfr_get_d(exact, MPFR_RNDN);
  }
  if (rounded == got && std::isinf(got)) return 0;
  const double unit = unit_of(rounded);
  if (std::isinf(got)) {
    mpfr_t limit;
    mpfr_init2(limit, 8);
    mpfr_set_si_2exp(limit, got > 0 ? 1 : -1, std::numeric_limits<E>::max_exponent, MPFR_RNDN);
    mpfr_sub(exact, limit, exact, MPFR_RNDN);
    mpfr_clear(limit);
  } else {
    mpfr_d_sub(exact, got, exact, MPFR_RNDN);
  }
  mpfr_div_d(exact, exact, unit, MPFR_RNDN);
  return std::abs(mpfr_get_d(exact, MPFR_RNDN));
}

template <class E>
auto function_of(const Unary& row) {
  if constexpr (std::is_same_v<E, float>) {
    return row.float_fn;
  } else {
    return row.double_fn;
  }
}
template <class E>
auto function_of(const Binary& row) {
  if constexpr (std::is_same_v<E, float>) {
    return row.float_fn;
  } else {
    return row.double_fn;
  }
}

// Measures one row point by point and keeps the worst. One object serves one thread.
template <class E, class Row>
class Meter {
 public:
  explicit Meter(const Row& row) : row_(row), fn_(function_of<E>(row)) {}

  void measure(E x) {
    const E got = fn_(x);
    if constexpr (std::is_same_v<E, float>) {
      if (row_.libm != nullptr && not_worse(got, row_.libm(x))) return;
    }
    mpfr_set_d(x_.get(), x, MPFR_RNDN);
    row_.mpfr(exact_.get(), x_.get(), MPFR_RNDN);
    record(x, E(0), got);
  }

  void measure(E x, E y) {
    const E got = fn_(x, y);
    if constexpr (std::is_same_v<E, float>) {
      if (row_.libm != nullptr && not_worse(got, row_.libm(x, y))) return;
    }
    mpfr_set_d(x_.get(), x, MPFR_RNDN);
    mpfr_set_d(y_.get(), y, MPFR_RNDN);
    row_.mpfr(exact_.get(), x_.get(), y_.get(), MPFR_RNDN);
    record(x, y, got);
  }

  const Worst<E>& worst() const { return worst_; }

 private:
  bool not_worse(float got, double exact) const {
    // A correctly rounded result is the common case, and 0 could be the wrong zero.
    if (worst_.ulp >= 0.5 && got == static_cast<float>(exact) && got != 0) return true;
    return ulp_error(got, exact) <= worst_.ulp;
  }
  void record(E x, E y, E got) { worst_.merge({ulp_error(got, exact_.get()), x, y, got}); }

  const Row& row_;
  decltype(function_of<E>(std::declval<Row>())) fn_;
  Real x_, y_, exact_;
  Worst<E> worst_;
};

// SplitMix64 (Steele, Lea, Flood 2014): the same samples on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  double unit() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

template <class E>
using BitsOf = std::conditional_t<sizeof(E) == 4, std::uint32_t, std::uint64_t>;

// Sample i of n over all bit patterns: each of n equal cells gives one.
template <class E>
E sample_all(std::size_t i, std::size_t n, Random& random) {
  constexpr int kBits = 8 * sizeof(E);
  const long double cell = std::ldexp(1.0L, kBits) / static_cast<long double>(n);
  return std::bit_cast<E>(static_cast<BitsOf<E>>(
      (static_cast<long double>(i) + static_cast<long double>(random.unit())) * cell));
}

// A sample of [lo, hi]: evens by value, odds by magnitude (each representable number of a sign
// equally often).
template <class E>
E sample_range(const Range& range, std::size_t i, Random& random) {
  const E lo = static_cast<E>(range.lo);
  const E hi = static_cast<E>(range.hi);
  if (i % 2 == 0) {
    return std::clamp(static_cast<E>(range.lo + (range.hi - range.lo) * random.unit()), lo, hi);
  }
  // Numbers in order, as integers: -x maps to -bits(x).
  using I = std::make_signed_t<BitsOf<E>>;
  const auto order = [](E x) {
    const I bits = std::bit_cast<I>(std::abs(x));
    return std::signbit(x) ? -bits : bits;
  };
  const I a = order(lo);
  const auto width = static_cast<BitsOf<E>>(order(hi)) - static_cast<BitsOf<E>>(a);
  const auto step = static_cast<BitsOf<E>>(static_cast<long double>(width) *
                                           static_cast<long double>(random.unit()));
  const I k = static_cast<I>(static_cast<BitsOf<E>>(a) + step);
  return k < 0 ? -std::bit_cast<E>(static_cast<I>(-k)) : std::bit_cast<E>(k);
}

// Zeros, infinities, NaN, the borders of the format, small integers and halves, and the neighbours
// of each.
template <class E>
std::vector<E> specials() {
  using L = std::numeric_limits<E>;
  std::vector<E> out = {L::quiet_NaN()};
  for (const E sign : {E(1), E(-1)}) {
    for (const E x : {E(0),
                      L::denorm_min(),
                      L::min(),
                      L::max(),
                      L::infinity(),
                      L::epsilon(),
                      E(0.5),
                      E(1),
                      E(1.5),
                      E(2),
                      E(2.5),
                      E(3),
                      E(4),
                      E(5),
                      E(7),
                      E(8),
                      E(10),
                      E(27),
                      E(64),
                      E(100),
                      E(1023),
                      E(1024),
                      E(1 << 23),
                      E(1 << 24),
                      E(9007199254740992.0)}) {
      out.push_back(sign * x);
      out.push_back(sign * std::nextafter(x, L::infinity()));
      out.push_back(sign * std::nextafter(x, E(0)));
    }
  }
  return out;
}

inline bool long_run() { return std::getenv("NDL_LONG") != nullptr; }

// Calls body(first, last, meter) on blocks of [0, n) in as many threads as the machine has.
template <class E, class Row, class Body>
Worst<E> in_parallel(const Row& row, std::size_t n, const Body& body) {
  constexpr std::size_t kBlock = 1 << 14;
  const std::size_t threads = std::max(1u, std::thread::hardware_concurrency());
  std::vector<Worst<E>> results(threads);
  std::vector<std::thread> pool;
  for (std::size_t t = 0; t < threads; ++t) {
    pool.emplace_back([&, t] {
      Meter<E, Row> meter(row);
      for (std::size_t first = t * kBlock; first < n; first += threads * kBlock) {
        body(first, std::min(first + kBlock, n), meter);
      }
      results[t] = meter.worst();
      mpfr_free_cache();
    });
  }
  for (std::thread& thread : pool) thread.join();
  Worst<E> worst;
  for (const Worst<E>& result : results) worst.merge(result);
  return worst;
}

template <class E>
std::size_t sample_count() {
  if (std::is_same_v<E, float>) return std::size_t(1) << (ndl::test::kIsSanitized ? 18 : 24);
  return long_run() ? 10'000'000 : 100'000;
}

template <class E>
Worst<E> measure(const Unary& row) {
  if (std::is_same_v<E, float> && long_run()) {
    return in_parallel<E>(row, std::size_t(1) << 32,
                          [](std::size_t first, std::size_t last, auto& meter) {
                            for (std::size_t i = first; i < last; ++i) {
                              meter.measure(std::bit_cast<E>(static_cast<BitsOf<E>>(i)));
                            }
                          });
  }
  const std::size_t n = sample_count<E>();
  return in_parallel<E>(row, n, [&](std::size_t first, std::size_t last, auto& meter) {
    if (first == 0) {
      for (const E x : specials<E>()) meter.measure(x);
    }
    Random random(first);
    for (std::size_t i = first; i < last; ++i) {
      if (row.focus.empty() || i % 2 == 0) {
        meter.measure(sample_all<E>(i, n, random));
      } else {
        const std::size_t k = i / 2;
        meter.measure(
            sample_range<E>(row.focus[k % row.focus.size()], k / row.focus.size(), random));
      }
    }
  });
}

template <class E>
Worst<E> measure(const Binary& row) {
  const std::size_t n = sample_count<E>();
  return in_parallel<E>(row, n, [&](std::size_t first, std::size_t last, auto& meter) {
    if (first == 0) {
      const std::vector<E> values = specials<E>();
      for (const E x : values) {
        for (const E y : values) meter.measure(x, y);
      }
    }
    Random random(first);
    for (std::size_t i = first; i < last; ++i) {
      if (row.focus.empty() || i % 2 == 0) {
        const E x = sample_all<E>(i, n, random);
        meter.measure(x, std::bit_cast<E>(static_cast<BitsOf<E>>(random.bits())));
      } else {
        const std::size_t k = i / 2;
        const Binary::Box& box = row.focus[k % row.focus.size()];
        const std::size_t j = k / row.focus.size();
        const E x = sample_range<E>(box.x, j, random);
        meter.measure(x, sample_range<E>(box.y, j / 2, random));
      }
    }
  });
}

// Expects the row's bound to hold for elements E, and prints what was measured.
template <class E, class Row>
void check(const Row& row) {
  const Worst<E> worst = measure<E>(row);
  const bool is_float = std::is_same_v<E, float>;
  const double bound = is_float ? row.bound.for_float : row.bound.for_double;
  std::printf("%-8s %-6s max %.4f ULP at %a %a -> %a (bound %.4f)\n", row.name,
              is_float ? "float" : "double", worst.ulp, static_cast<double>(worst.x),
              static_cast<double>(worst.y), static_cast<double>(worst.got), bound);
  EXPECT_LE(worst.ulp, bound) << row.name << (is_float ? " float" : " double");
}

}  // namespace ndl::ir::math::test
