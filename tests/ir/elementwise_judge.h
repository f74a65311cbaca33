// Compares what an elementwise op gave with its row of the reference.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "base/number.h"
#include "ir/literal.h"
#include "ir/op.h"
#include "tests/base/mpfr_format.h"
#include "tests/ir/element_values.h"
#include "tests/ir/elementwise_reference.h"

namespace ndl::ir::test {

// What a function that is not exact may be off by. 16-bit floats are rounded from a float that is.
template <class T>
inline constexpr double kNearUlps = sizeof(T) == 2 ? 0.51 : 1.0;

// The error of `got` in units of the last place of the correctly rounded result. A wrong NaN,
// infinity or sign of zero is an infinite error; an overflow counts as the next power of two.
template <class T>
double error_in_ulps(double got, mpfr_srcptr exact) {
  constexpr ndl::test::FloatFormat kFormat = ndl::test::kFloatFormat<T>;
  if (mpfr_nan_p(exact)) return std::isnan(got) ? 0 : INFINITY;
  if (std::isnan(got)) return INFINITY;
  const double best = ndl::test::nearest<T>(exact);
  if (std::signbit(got) != std::signbit(best)) return INFINITY;
  if (mpfr_inf_p(exact) || (std::isinf(got) && std::isinf(best))) return got == best ? 0 : INFINITY;
  if ((got == 0) != (best == 0) && mpfr_zero_p(exact)) return INFINITY;
  Real difference(std::isinf(got) ? 0 : got);
  if (std::isinf(got)) {
    mpfr_set_si_2exp(difference, got > 0 ? 1 : -1, kFormat.highest, MPFR_RNDN);
  }
  mpfr_sub(difference, difference, exact, MPFR_RNDN);
  const mpfr_exp_t smallest = kFormat.lowest - 1;
  mpfr_exp_t unit = kFormat.highest - kFormat.bits;
  if (std::isfinite(best)) {
    unit =
        best == 0 ? smallest : std::max<mpfr_exp_t>(std::ilogb(best) + 1 - kFormat.bits, smallest);
  }
  mpfr_mul_2si(difference, difference, -unit, MPFR_RNDN);
  return std::abs(mpfr_get_d(difference, MPFR_RNDN));
}

// What the op of one row gives for elements of one dtype.
class Judge {
 public:
  Judge(const OpDef& def, const Reference& reference) : def_(def), reference_(reference) {}

  // Expects every element of `result` to be right for operands of its shape.
  void expect_right(const std::vector<Literal>& operands, const Literal& result) {
    const bool to_bool =
        def_.kind == ElementwiseKind::kCompare || def_.kind == ElementwiseKind::kPredicate;
    ASSERT_EQ(result.dtype(), to_bool ? DType::kBool : operands.back().dtype());
    visit_dtype(operands.back().dtype(), [&]<class T>(std::type_identity<T>) {
      int wrong = 0;
      for (std::int64_t i = 0; i < result.size() && wrong < 5; ++i) {
        const std::string complaint = complaint_at<T>(operands, result, i);
        if (complaint.empty()) continue;
        ++wrong;
        std::string text;
        for (const Literal& operand : operands) text += " " + to_text_at(operand, i);
        ADD_FAILURE() << def_.name << " of " << name_of(dtype_of<T>) << text << " gives "
                      << to_text_at(result, i) << "; " << complaint;
      }
    });
  }

 private:
  static std::string to_text_at(const Literal& literal, std::int64_t i) {
    return visit_dtype(literal.dtype(),
                       [&]<class T>(std::type_identity<T>) { return to_text(literal.at<T>(i)); });
  }

  template <class T>
  std::string complaint_at(const std::vector<Literal>& operands, const Literal& result,
                           std::int64_t i) {
    const auto operand = [&](std::size_t k) { return operands[k].at<T>(i); };
    const auto expect = [](auto got, auto wanted) {
      return got == wanted ? "" : fmt::format("expected {}", wanted);
    };
    switch (def_.kind) {
      case ElementwiseKind::kSelect: {
        const T wanted = operands[0].at<bool>(i) ? operand(1) : operand(2);
        const T got = result.at<T>(i);
        return std::memcmp(&got, &wanted, sizeof(T)) == 0 ? "" : "expected " + to_text(wanted);
      }
      case ElementwiseKind::kCompare:
        if (reference_.comparison == nullptr) return "no reference";
        return expect(result.at<bool>(i), reference_.comparison(order(operand(0), operand(1))));
      case ElementwiseKind::kPredicate:
        if (reference_.predicate == nullptr) return "no reference";
        return expect(result.at<bool>(i), reference_.predicate(to_double(operand(0))));
      default:
        break;
    }
    if constexpr (is_float_type<T>) {
      if (reference_.real == nullptr) return "no reference";
      for (std::size_t k = 0; k < operands.size(); ++k) {
        mpfr_set_d(real_[k], to_double(operand(k)), MPFR_RNDN);
      }
      reference_.real(exact_, real_.data());
      return complaint_about<T>(result.at<T>(i));
    } else {
      if (reference_.integer == nullptr) return "no reference";
      const IntegerType type{std::is_same_v<T, bool> ? 1 : int{8 * sizeof(T)}, std::is_signed_v<T>};
      std::array<__int128, 3> x{};
      for (std::size_t k = 0; k < operands.size(); ++k) x[k] = operand(k);
      const auto wanted = static_cast<T>(type.wrap(reference_.integer(x.data(), type)));
      return expect(result.at<T>(i), wanted);
    }
  }

  template <class T>
  std::string complaint_about(T got) const {
    if (reference_.exact) {
      // 16-bit floats are computed as float and rounded once.
      using Computed = std::conditional_t<sizeof(T) == 2, float, T>;
      const T wanted = from_double<T>(ndl::test::nearest<Computed>(exact_));
      return same_value(got, wanted) ? "" : "expected " + to_text(wanted);
    }
    const double error = error_in_ulps<T>(to_double(got), exact_);
    if (error <= kNearUlps<T>) return "";
    return fmt::format("{:.4f} ULP from {:.20g}", error, mpfr_get_d(exact_, MPFR_RNDN));
  }

  template <class T>
  static std::partial_ordering order(T a, T b) {
    if constexpr (is_float_type<T>) {
      return to_double(a) <=> to_double(b);
    } else {
      return a <=> b;
    }
  }

  const OpDef& def_;
  const Reference& reference_;
  std::array<Real, 3> real_;
  Real exact_;
};

}  // namespace ndl::ir::test
