// The counter-based generator Philox4x32-10: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel
// random numbers: as easy as 1, 2, 3", SC'11.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "ir/math/scalar.h"

namespace ndl::ir::math {

template <class T>
using PhiloxCounter = std::array<T, 4>;
template <class T>
using PhiloxKey = std::array<T, 2>;

// Four words that look random, a function of the counter and the key alone: a bijection of the
// counters for every key, so that no two counters of a stream give the same four words.
//
// Ten rounds. Each multiplies two of the words by odd constants to 64 bits, keeps the low halves,
// and mixes the high halves into the other two words and the key; the key advances by Weyl
// sequences (the golden ratio and sqrt(3) - 1). T holds 32-bit words, signed or not; only the bits
// count.
template <class T>
PhiloxCounter<T> philox4x32(const PhiloxCounter<T>& counter, const PhiloxKey<T>& key) {
  static_assert(is_integer_v<T> && sizeof(element_of<T>) == 4);
  using Word = rebind_t<T, std::uint32_t>;
  using Wide = rebind_t<T, std::uint64_t>;
  constexpr int kRounds = 10;
  constexpr std::uint64_t kMultiplier0 = 0xd2511f53;
  constexpr std::uint64_t kMultiplier1 = 0xcd9e8d57;
  constexpr std::uint32_t kWeyl0 = 0x9e3779b9;
  constexpr std::uint32_t kWeyl1 = 0xbb67ae85;

  Word c0 = bit_cast<Word>(counter[0]);
  Word c1 = bit_cast<Word>(counter[1]);
  Word c2 = bit_cast<Word>(counter[2]);
  Word c3 = bit_cast<Word>(counter[3]);
  Word k0 = bit_cast<Word>(key[0]);
  Word k1 = bit_cast<Word>(key[1]);
  const auto high = [](Wide product) { return convert<Word>(product >> constant<Wide>(32)); };
  for (int round = 0; round < kRounds; ++round) {
    const Wide product0 = convert<Wide>(c0) * constant<Wide>(kMultiplier0);
    const Wide product1 = convert<Wide>(c2) * constant<Wide>(kMultiplier1);
    c0 = high(product1) ^ c1 ^ k0;
    c1 = convert<Word>(product1);
    c2 = high(product0) ^ c3 ^ k1;
    c3 = convert<Word>(product0);
    k0 = k0 + constant<Word>(kWeyl0);
    k1 = k1 + constant<Word>(kWeyl1);
  }
  return {bit_cast<T>(c0), bit_cast<T>(c1), bit_cast<T>(c2), bit_cast<T>(c3)};
}

}  // namespace ndl::ir::math
