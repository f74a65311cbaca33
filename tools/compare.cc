#include "tools/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/number.h"
#include "ir/position_text.h"

namespace ndl::tools {
namespace {

// The distance between neighbours of a finite value in its binade.
double unit_in_last_place(double value, DType dtype) {
  const int exponent_bits = 8 * static_cast<int>(size_of(dtype)) - precision_of(dtype);
  const int smallest_normal = 2 - (1 << (exponent_bits - 1));
  const int exponent = value == 0 ? smallest_normal : std::ilogb(value);
  return std::ldexp(1.0, std::max(exponent, smallest_normal) - (precision_of(dtype) - 1));
}

bool equal_bits(const ir::Literal& got, const ir::Literal& want, std::int64_t index) {
  if (got.dtype() != want.dtype()) {  // a wide run: f64 against a float
    const double a = got.as_double(index);
    const double b = want.as_double(index);
    return a == b && std::signbit(a) == std::signbit(b);
  }
  return visit_dtype(want.dtype(), [&]<class T>(std::type_identity<T>) {
    const T a = got.at<T>(index);
    const T b = want.at<T>(index);
    return std::memcmp(&a, &b, sizeof(T)) == 0;
  });
}

// |got - want|, of integers too without wrapping or rounding of the operands.
double distance(const ir::Literal& got, const ir::Literal& want, std::int64_t index) {
  if (got.dtype() == DType::kI64 && want.dtype() == DType::kI64) {
    const std::int64_t a = got.at<std::int64_t>(index);
    const std::int64_t b = want.at<std::int64_t>(index);
    const auto high = static_cast<std::uint64_t>(std::max(a, b));
    return static_cast<double>(high - static_cast<std::uint64_t>(std::min(a, b)));
  }
  const double a = got.as_double(index);
  const double b = want.as_double(index);
  return a == b ? 0 : std::fabs(a - b);  // equal infinities have distance 0
}

bool is_near(const ir::Literal& got, const ir::Literal& want, std::int64_t index,
             const Tolerance& tolerance) {
  const double a = got.as_double(index);
  const double b = want.as_double(index);
  if (std::isnan(a) && std::isnan(b)) return true;
  if (tolerance.is_exact()) return equal_bits(got, want, index);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return distance(got, want, index) <= tolerance.absolute + tolerance.relative * std::fabs(b);
}

Difference measure(const ir::Literal& got, const ir::Literal& want, std::int64_t index) {
  Difference result;
  result.index = index;
  result.absolute = distance(got, want, index);
  const double b = want.as_double(index);
  result.relative = result.absolute == 0 ? 0 : result.absolute / std::fabs(b);
  result.ulps = result.absolute;
  if (is_float(want.dtype()) && std::isfinite(b)) {
    result.ulps = result.absolute / unit_in_last_place(b, want.dtype());
  }
  return result;
}

double badness(const Difference& difference) {
  return std::isnan(difference.relative) ? std::numeric_limits<double>::infinity()
                                         : difference.relative;
}

std::string element(const ir::Literal& literal, std::int64_t index) {
  return visit_dtype(literal.dtype(),
                     [&]<class T>(std::type_identity<T>) { return to_text(literal.at<T>(index)); });
}

}  // namespace

Comparison compare(const ir::Literal& got, const ir::Literal& want, const Tolerance& tolerance) {
  NDL_CHECK(got.shape() == want.shape());
  Comparison result;
  for (std::int64_t i = 0; i < want.size(); ++i) {
    if (is_near(got, want, i, tolerance)) continue;
    const Difference difference = measure(got, want, i);
    if (result.count == 0 || badness(difference) > badness(result.worst)) result.worst = difference;
    if (result.first.size() < Comparison::kMaxListed) result.first.push_back(difference);
    ++result.count;
  }
  return result;
}

std::string describe(const Comparison& comparison, std::size_t output, const ir::Literal& got,
                     const ir::Literal& want) {
  const auto line = [&](const Difference& difference) {
    return fmt::format(
        "  output {} at {}: got {}, want {}, absolute error {:.3g}, relative error {:.3g}, "
        "{:.3g} ULP\n",
        output, ir::position_text(difference.index, want.shape()), element(got, difference.index),
        element(want, difference.index), difference.absolute, difference.relative, difference.ulps);
  };
  std::string text =
      fmt::format("output {}: {} of {} elements differ\n", output, comparison.count, want.size());
  bool worst_is_listed = false;
  for (const Difference& difference : comparison.first) {
    text += line(difference);
    worst_is_listed |= difference.index == comparison.worst.index;
  }
  if (static_cast<std::size_t>(comparison.count) > comparison.first.size()) text += "  ...\n";
  if (!worst_is_listed) text += "the largest relative error:\n" + line(comparison.worst);
  return text;
}

}  // namespace ndl::tools
