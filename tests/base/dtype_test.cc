#include "base/dtype.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ndl::test {
namespace {

std::vector<DType> all_dtypes() {
  std::vector<DType> dtypes;
  for (int i = 0; i < kDTypeCount; ++i) dtypes.push_back(static_cast<DType>(i));
  return dtypes;
}

TEST(DTypeTest, NamesRoundTripAndDiffer) {
  std::set<std::string_view> names;
  for (const DType dtype : all_dtypes()) {
    const std::string_view name = name_of(dtype);
    EXPECT_EQ(dtype_named(name), dtype) << name;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  for (const char* name : {"", "f8", "F32", "f32 ", " f32", "float", "i128", "u16", "f", "bool8"}) {
    EXPECT_EQ(dtype_named(name), std::nullopt) << name;
  }
}

// What numeric_limits calls digits, of the types that it knows.
TEST(DTypeTest, PrecisionsAreThoseOfTheTypes) {
  for (const DType dtype : all_dtypes()) {
    visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
      if constexpr (std::numeric_limits<T>::is_specialized) {
        EXPECT_EQ(precision_of(dtype), std::numeric_limits<T>::digits) << name_of(dtype);
      }
    });
  }
  EXPECT_EQ(precision_of(DType::kF16), 11);
  EXPECT_EQ(precision_of(DType::kBF16), 8);
}

// A name of letters and a number says the width: i8, bf16.
TEST(DTypeTest, SizesAreWhatTheNamesSay) {
  for (const DType dtype : all_dtypes()) {
    const std::string name(name_of(dtype));
    const std::size_t digits = name.find_first_of("0123456789");
    const std::size_t bits = digits == name.npos ? 8 : std::stoul(name.substr(digits));
    EXPECT_EQ(8 * size_of(dtype), bits) << name;
  }
}

TEST(DTypeTest, VisitPassesTheTypeOfTheDType) {
  for (const DType dtype : all_dtypes()) {
    visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
      EXPECT_EQ(dtype_of<T>, dtype);
      EXPECT_EQ(sizeof(T), size_of(dtype));
      EXPECT_EQ(is_integer(dtype), std::is_integral_v<T> && !(std::is_same_v<T, bool>));
      EXPECT_EQ(is_float(dtype), name_of(dtype).find('f') != std::string_view::npos);
      EXPECT_EQ(kSigned.contains(dtype), is_integer(dtype) && std::is_signed_v<T>);
      EXPECT_EQ(is_half(dtype), is_float(dtype) && sizeof(T) == 2);
    });
  }
}

TEST(DTypeTest, AccumulatorsAreNeverNarrower) {
  for (const DType dtype : all_dtypes()) {
    EXPECT_EQ(accumulator_of(dtype), is_half(dtype) ? DType::kF32 : dtype);
  }
}

TEST(DTypeSetTest, HoldsWhatWasPutIn) {
  for (const DType a : all_dtypes()) {
    for (const DType b : all_dtypes()) {
      const DTypeSet both = a | b;
      for (const DType c : all_dtypes()) EXPECT_EQ(both.contains(c), c == a || c == b);
      EXPECT_EQ(both, b | a);
      EXPECT_EQ(both == DTypeSet(a), a == b);
    }
    EXPECT_FALSE(DTypeSet().contains(a));
    EXPECT_TRUE(kAllDTypes.contains(a));
  }
}

TEST(DTypeSetTest, NamedSetsDivideTheDTypes) {
  EXPECT_EQ(kBools | kIntegers | kFloats, kAllDTypes);
  for (const DType dtype : all_dtypes()) {
    const int sets = kBools.contains(dtype) + kIntegers.contains(dtype) + kFloats.contains(dtype);
    EXPECT_EQ(sets, 1) << name_of(dtype);
    EXPECT_EQ(kNumeric.contains(dtype), !kBools.contains(dtype));
    EXPECT_EQ(kBitwise.contains(dtype), !kFloats.contains(dtype));
  }
}

TEST(DTypeSetTest, ToStringNamesThemInOrder) {
  EXPECT_EQ(DTypeSet().to_string(), "");
  EXPECT_EQ((DType::kF32 | DType::kI8).to_string(), "i8 f32");
  EXPECT_EQ(kFloats.to_string(), "f16 bf16 f32 f64");
}

}  // namespace
}  // namespace ndl::test
