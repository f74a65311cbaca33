// Hashing for tables inside one process; values are not stable across versions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ndl {

// The finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
constexpr std::uint64_t mix_bits(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

constexpr void hash_combine(std::size_t& seed, std::size_t value) {
  seed = mix_bits(seed ^ mix_bits(value));
}

}  // namespace ndl
