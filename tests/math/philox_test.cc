// Philox4x32-10 against the known answers that come with Random123.
#include "ir/math/philox.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ndl::ir::math::test {
namespace {

struct KnownAnswer {
  PhiloxCounter<std::uint32_t> counter;
  PhiloxKey<std::uint32_t> key;
  PhiloxCounter<std::uint32_t> words;
};

constexpr std::uint32_t kOnes = 0xffffffff;
constexpr KnownAnswer kKnownAnswers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{kOnes, kOnes, kOnes, kOnes},
     {kOnes, kOnes},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

TEST(PhiloxTest, KnownAnswers) {
  for (const KnownAnswer& known : kKnownAnswers) {
    EXPECT_EQ(philox4x32(known.counter, known.key), known.words);
  }
}

TEST(PhiloxTest, SignedWordsGiveTheSameBits) {
  for (const KnownAnswer& known : kKnownAnswers) {
    PhiloxCounter<std::int32_t> counter;
    for (std::size_t i = 0; i < 4; ++i) counter[i] = std::bit_cast<std::int32_t>(known.counter[i]);
    const PhiloxKey<std::int32_t> key = {std::bit_cast<std::int32_t>(known.key[0]),
                                         std::bit_cast<std::int32_t>(known.key[1])};
    const PhiloxCounter<std::int32_t> words = philox4x32(counter, key);
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(std::bit_cast<std::uint32_t>(words[i]), known.words[i]);
    }
  }
}

}  // namespace
}  // namespace ndl::ir::math::test
