// An executable of a few kernels, what it computes, and what its tests run it with.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>

#include "runtime/executable.h"

namespace ndl::runtime {

inline constexpr std::int64_t kRows = 1000;
inline constexpr std::int64_t kBytes = kRows * static_cast<std::int64_t>(sizeof(float));

using Values = std::array<float, kRows>;

// buffers[1][i] = buffers[0][i] + 1
inline std::int64_t increment(void* const* buffers, std::int64_t begin, std::int64_t end) {
  const auto* in = static_cast<const float*>(buffers[0]);
  auto* out = static_cast<float*>(buffers[1]);
  for (std::int64_t i = begin; i < end; ++i) out[i] = in[i] + 1;
  return 0;
}

// buffers[2][i] = buffers[0][i] * buffers[1][i]
inline std::int64_t multiply(void* const* buffers, std::int64_t begin, std::int64_t end) {
  const auto* a = static_cast<const float*>(buffers[0]);
  const auto* b = static_cast<const float*>(buffers[1]);
  auto* out = static_cast<float*>(buffers[2]);
  for (std::int64_t i = begin; i < end; ++i) out[i] = a[i] * b[i];
  return 0;
}

// The position of the first negative element, plus one.
inline std::int64_t check_positive(void* const* buffers, std::int64_t begin, std::int64_t end) {
  const auto* in = static_cast<const float*>(buffers[0]);
  for (std::int64_t i = begin; i < end; ++i) {
    if (in[i] < 0) return i + 1;
  }
  return 0;
}

inline Buffer twos() {
  Buffer buffer = Buffer::allocate(kBytes);
  for (std::int64_t i = 0; i < kRows; ++i) static_cast<float*>(buffer.data())[i] = 2;
  return buffer;
}

// ((x + 1) * 2 + 1) * (x + 1), with x checked to be positive. Slots: x, result, 2, two temporaries.
inline ExecutableSpec example() {
  return {
      .name = "example",
      .inputs = {{kBytes, 4}},
      .outputs = {{kBytes, 4}},
      .constants = {twos()},
      .temporaries = {{0, kBytes}, {4032, kBytes}},
      .arena_bytes = 4032 + kBytes,
      .kernels = {{check_positive, {0}, kRows, 100, "check"},
                  {increment, {0, 3}, kRows, 100, "first"},
                  {multiply, {3, 2, 4}, kRows, 100, "double"},
                  {increment, {4, 4}, kRows, 100, "second"},
                  {multiply, {4, 3, 1}, kRows, 100, "last"}},
  };
}

inline float expected(float x) { return ((x + 1) * 2 + 1) * (x + 1); }

inline Values ramp(float first = 0) {
  Values values;
  for (std::int64_t i = 0; i < kRows; ++i) values[i] = first + static_cast<float>(i);
  return values;
}

inline BufferView view(Values& values) { return {values.data(), kBytes}; }

inline void expect_example(const float* result, const Values& x) {
  for (std::int64_t i = 0; i < kRows; ++i) ASSERT_EQ(result[i], expected(x[i])) << i;
}

template <class E, class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing thrown";
}

// The example with its check at a temporary, x + 1, so that what fails is in the arena.
inline ExecutableSpec example_that_checks_a_temporary() {
  ExecutableSpec spec = example();
  spec.kernels[0].buffers = {3};
  std::swap(spec.kernels[0], spec.kernels[1]);
  spec.raise = [](std::size_t kernel, std::int64_t status, void* const* buffers) {
    throw_error<IndexError>("kernel {}: {} at {}", kernel,
                            static_cast<const float*>(buffers[0])[status - 1], status - 1);
  };
  return spec;
}

}  // namespace ndl::runtime
