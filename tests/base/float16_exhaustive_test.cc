// Every float, narrowed to f16 and to bf16. The floats between two halfway values are one run of
// bit patterns that all give the same bits, so the reference is where each run ends.
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "base/float16.h"
#include "tests/base/half_values.h"

namespace ndl::test {
namespace {

constexpr std::uint32_t kFloatInfinity = 0x7f800000;

template <class Half>
std::uint16_t narrow(std::uint32_t float_bits) {
  return Half::from(std::bit_cast<float>(float_bits)).bits;
}

// The first pattern in [begin, end) that `sign` added does not narrow to `expected`, or `end`.
template <class Half>
std::uint32_t first_wrong(std::uint32_t begin, std::uint32_t end, std::uint32_t sign,
                          std::uint16_t expected) {
  std::uint32_t wrong = 0;
  for (std::uint32_t bits = begin; bits < end; ++bits) {
    wrong |= static_cast<std::uint32_t>(narrow<Half>(bits | sign) ^ expected);
  }
  if (wrong == 0) return end;
  while (narrow<Half>(begin | sign) == expected) ++begin;
  return begin;
}

// All floats of one sign; what is wrong, or "".
template <class Half>
std::string check_sign(bool negative) {
  using Format = HalfFormat<Half>;
  const std::uint32_t sign = negative ? 0x80000000u : 0;
  const std::uint16_t half_sign = negative ? 0x8000 : 0;
  const auto complaint = [&](std::uint32_t bits) {
    return std::string(Format::kName) + " is wrong for the float with bits " +
           std::to_string(bits | sign);
  };
  const std::vector<double> halfway = halfway_values<Half>();
  std::uint32_t begin = 0;
  for (std::uint32_t k = 0; k <= Format::kInfinity; ++k) {
    std::uint32_t end = kFloatInfinity + 1;
    if (k < Format::kInfinity) {
      const auto tie = static_cast<float>(halfway[k]);
      if (tie != halfway[k]) return "a halfway value is no float";
      end = std::bit_cast<std::uint32_t>(tie) + (k % 2 == 0 ? 1 : 0);
    }
    const auto expected = static_cast<std::uint16_t>(k | half_sign);
    const std::uint32_t wrong = first_wrong<Half>(begin, end, sign, expected);
    if (wrong != end) return complaint(wrong);
    begin = end;
  }
  for (std::uint32_t bits = kFloatInfinity + 1; bits < 0x80000000u; ++bits) {
    // Quiet, with the upper bits of the payload.
    const std::uint32_t payload = (bits & 0x7fffffu) >> (23 - Format::kMantissa);
    const auto expected =
        static_cast<std::uint16_t>(half_sign | Format::kInfinity | kQuietBit<Half> | payload);
    if (narrow<Half>(bits | sign) != expected) return complaint(bits);
  }
  return "";
}

template <class Half>
class Float16ExhaustiveTest : public testing::Test {};
using Halves = testing::Types<Float16, BFloat16>;
TYPED_TEST_SUITE(Float16ExhaustiveTest, Halves);

TYPED_TEST(Float16ExhaustiveTest, EveryFloatRoundsToTheNearest) {
  std::string positive;
  std::thread other([&] { positive = check_sign<TypeParam>(false); });
  const std::string negative = check_sign<TypeParam>(true);
  other.join();
  EXPECT_EQ(positive, "");
  EXPECT_EQ(negative, "");
}

}  // namespace
}  // namespace ndl::test
