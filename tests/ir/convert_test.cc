// `convert` and `bitcast` between every two dtypes: every element of 8 and 16 bits, and special and
// random values of the others, against formulas in MPFR and in 128-bit integers.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "base/number.h"
#include "ir/builder.h"
#include "ir/interpreter.h"
#include "tests/base/mpfr_format.h"
#include "tests/ir/element_values.h"
#include "tests/ir/elementwise_reference.h"
#include "tests/ir/evaluate_op.h"

namespace ndl::ir::test {
namespace {

// Calls f(std::type_identity<From>, std::type_identity<To>) for all pairs.
template <class F>
void for_each_pair(F&& f) {
  for (const DType from : dtypes_in(kAllDTypes)) {
    for (const DType to : dtypes_in(kAllDTypes)) {
      visit_dtype(from, [&]<class From>(std::type_identity<From> source) {
        visit_dtype(to, [&]<class To>(std::type_identity<To> target) { f(source, target); });
      });
    }
  }
}

// Around each power of two, where floats begin to round and integers to overflow.
template <class T>
void push_powers_of_two(std::vector<T>& values) {
  if constexpr (is_float_type<T>) {
    for (int e = -2; e <= 65; ++e) {
      const T power = from_double<T>(std::ldexp(1.0, e));
      const auto bits = std::bit_cast<BitsOf<T>>(power);
      for (const int step : {-1, 0, 1}) {
        const T near = std::bit_cast<T>(static_cast<BitsOf<T>>(bits + step));
        values.push_back(near);
        values.push_back(from_double<T>(-to_double(near)));
      }
    }
  } else {
    // Halfway between two floats of 8, 11, 24 or 53 bits, and one beside.
    for (int e = 0; e < 64; ++e) {
      for (int lower = 0; lower < e; ++lower) {
        const std::uint64_t x = std::uint64_t{1} << e | std::uint64_t{1} << lower;
        for (const std::uint64_t step : {std::uint64_t(-1), std::uint64_t{0}, std::uint64_t{1}}) {
          values.push_back(static_cast<T>(x + step));
          values.push_back(static_cast<T>(0 - (x + step)));
        }
      }
    }
  }
}

template <class T>
std::vector<T> sources() {
  std::vector<T> values;
  if constexpr (std::is_same_v<T, bool>) {
    values = {false, true};
  } else if constexpr (sizeof(T) <= 2) {
    for (std::uint32_t bits = 0; bits < 1u << (8 * sizeof(T)); ++bits) {
      values.push_back(std::bit_cast<T>(static_cast<BitsOf<T>>(bits)));
    }
  } else {
    values = special_values<T>();
    push_powers_of_two(values);
    std::mt19937_64 random(6);
    for (int i = 0; i < 20'000; ++i) {
      values.push_back(random_element<T>(random));
      if constexpr (is_float_type<T>) {
        // Within reach of the integers and of the 16-bit floats.
        const int exponent = static_cast<int>(random() % 100) - 30;
        const double fraction = static_cast<double>(random() >> 11) * 0x1p-52 - 1;
        values.push_back(from_double<T>(std::ldexp(fraction, exponent)));
      } else {
        values.push_back(static_cast<T>(random_element<T>(random) >> random() % (8 * sizeof(T))));
      }
    }
  }
  return values;
}

template <class T>
IntegerType integer_type() {
  return {8 * sizeof(T), std::is_signed_v<T>};
}

// The element as a number of 256 bits.
template <class T>
void set(mpfr_ptr number, T x) {
  if constexpr (is_float_type<T>) {
    mpfr_set_d(number, to_double(x), MPFR_RNDN);
  } else {
    static_assert(sizeof(long) == sizeof(std::int64_t));
    mpfr_set_si(number, static_cast<long>(x), MPFR_RNDN);
  }
}

template <class To, class From>
To converted_by_definition(From x) {
  if constexpr (std::is_same_v<To, From>) return x;
  static Real number;
  set(number, x);
  const mpfr_srcptr value = number;
  if constexpr (std::is_same_v<To, bool>) {
    return mpfr_zero_p(value) == 0;  // NaN too
  } else if constexpr (is_float_type<To>) {
    return from_double<To>(ndl::test::nearest<To>(value));
  } else if constexpr (!is_float_type<From>) {
    return static_cast<To>(integer_type<To>().wrap(x));
  } else {
    if (mpfr_nan_p(value)) return 0;
    const auto lowest = static_cast<long>(integer_type<To>().lowest());
    const auto highest = static_cast<long>(integer_type<To>().highest());
    if (mpfr_cmp_si(value, lowest) <= 0) return static_cast<To>(lowest);
    if (mpfr_cmp_si(value, highest) >= 0) return static_cast<To>(highest);
    return static_cast<To>(mpfr_get_si(value, MPFR_RNDZ));
  }
}

template <class From>
Literal run(const std::vector<From>& values, DType to, Value (Builder::*op)(Value, DType)) {
  const Literal input = literal_of(values);
  Graph graph;
  Builder b(graph);
  b.set_result((b.*op)(b.parameter(input.type()), to));
  return interpret(graph, {&input, 1}).front();
}

TEST(ConvertTest, EveryPair) {
  for_each_pair([]<class From, class To>(std::type_identity<From>, std::type_identity<To>) {
    const std::vector<From> values = sources<From>();
    const Literal result = run(values, dtype_of<To>, &Builder::convert);
    ASSERT_EQ(result.dtype(), dtype_of<To>);
    ASSERT_EQ(result.size(), static_cast<std::int64_t>(values.size()));
    int wrong = 0;
    for (std::size_t i = 0; i < values.size() && wrong < 5; ++i) {
      const To expected = converted_by_definition<To>(values[i]);
      const To got = result.at<To>(static_cast<std::int64_t>(i));
      if (same_value(got, expected)) continue;
      ++wrong;
      ADD_FAILURE() << name_of(dtype_of<From>) << " " << to_text(values[i]) << " becomes "
                    << name_of(dtype_of<To>) << " " << to_text(got) << ", expected "
                    << to_text(expected);
    }
  });
}

TEST(ConvertTest, ToTheSameDTypeKeepsBits) {
  const std::vector<float> values = special_values<float>();
  EXPECT_EQ(run(values, DType::kF32, &Builder::convert), literal_of(values));
}

TEST(ConvertTest, EveryShape) {
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{2, 3}, Shape{3, 0, 2}, Shape{2, 3, 4}}) {
    std::vector<float> values;
    std::vector<std::int32_t> expected;
    for (std::int64_t i = 0; i < shape.num_elements(); ++i) {
      values.push_back(static_cast<float>(i) + 0.75f);
      expected.push_back(static_cast<std::int32_t>(i));
    }
    const Literal input = literal_of(shape, values);
    Graph graph;
    Builder b(graph);
    b.set_result(b.convert(b.parameter(input.type()), DType::kI32));
    EXPECT_EQ(interpret(graph, {&input, 1}).front(), literal_of(shape, expected));
  }
}

// The values with every NaN the default one, written down as bits.
template <class T>
std::vector<T> with_plain_nans(std::vector<T> values) {
  const auto replace = [&]<class Bits>(Bits infinity, Bits nan) {
    for (T& value : values) {
      Bits bits;
      std::memcpy(&bits, &value, sizeof(T));
      const Bits magnitude = bits & static_cast<Bits>(static_cast<Bits>(~Bits(0)) >> 1);
      if (magnitude > infinity) value = std::bit_cast<T>(nan);
    }
  };
  if constexpr (dtype_of<T> == DType::kF16) {
    replace(std::uint16_t{0x7c00}, std::uint16_t{0x7e00});
  } else if constexpr (dtype_of<T> == DType::kBF16) {
    replace(std::uint16_t{0x7f80}, std::uint16_t{0x7fc0});
  } else if constexpr (dtype_of<T> == DType::kF32) {
    replace(std::uint32_t{0x7f800000}, std::uint32_t{0x7fc00000});
  } else if constexpr (dtype_of<T> == DType::kF64) {
    replace(std::uint64_t{0x7ff0000000000000}, std::uint64_t{0x7ff8000000000000});
  }
  return values;
}

TEST(BitcastTest, PairsOfEqualWidthKeepBitsOfAllButNaN) {
  for_each_pair([]<class From, class To>(std::type_identity<From>, std::type_identity<To>) {
    if constexpr (sizeof(From) == sizeof(To) && !std::is_same_v<From, bool> &&
                  !std::is_same_v<To, bool>) {
      const std::vector<From> values = sources<From>();
      const Literal result = run(values, dtype_of<To>, &Builder::bitcast);
      ASSERT_EQ(result.dtype(), dtype_of<To>);
      ASSERT_EQ(result.size(), static_cast<std::int64_t>(values.size()));
      const std::vector<From> expected =
          std::is_same_v<From, To> ? values : with_plain_nans(values);
      EXPECT_EQ(std::memcmp(result.bytes(), expected.data(), expected.size() * sizeof(From)), 0)
          << name_of(dtype_of<From>) << " to " << name_of(dtype_of<To>);
    }
  });
}

TEST(BitcastTest, OtherPairsAreErrors) {
  for (const DType from : dtypes_in(kAllDTypes)) {
    for (const DType to : dtypes_in(kAllDTypes)) {
      const bool has_bits = kNumeric.contains(from) && kNumeric.contains(to);
      if (has_bits && size_of(from) == size_of(to)) continue;
      Graph graph;
      Builder b(graph);
      const Value x = b.parameter(Type(from, {3}));
      try {
        b.bitcast(x, to);
        ADD_FAILURE() << name_of(from) << " to " << name_of(to);
      } catch (const DTypeError& error) {
        const std::string expected =
            from == DType::kBool
                ? "bitcast: bool is not allowed; allowed are: " + kNumeric.to_string()
                : fmt::format("bitcast: {} and {} differ in width or have no bits of their own",
                              name_of(from), name_of(to));
        EXPECT_EQ(error.message(), expected);
      }
      EXPECT_EQ(graph.size(), 1u);
    }
  }
}

}  // namespace
}  // namespace ndl::ir::test
