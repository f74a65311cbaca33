// Executables: what they compute, with what memory, in how many calls.
#include "runtime/executable.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "base/error.h"
#include "runtime/counters.h"
#include "tests/runtime/example_executable.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace {
std::atomic<std::int64_t> news{0};
}  // namespace

// Every allocation of C++ is counted, to see that there is none.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  news.fetch_add(1, std::memory_order_relaxed);
  if (void* data = std::malloc(bytes != 0 ? bytes : 1)) return data;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* data) noexcept { std::free(data); }
[[gnu::noinline]] void operator delete(void* data, std::size_t) noexcept { std::free(data); }

namespace ndl::runtime {
namespace {

TEST(Executable, RunsItsKernelsInOrder) {
  const Executable executable(example());
  Values x = ramp();
  const BufferView inputs[] = {view(x)};
  const std::vector<Buffer> outputs = executable.run(inputs);
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].bytes(), kBytes);
  EXPECT_TRUE(outputs[0].can_donate());
  expect_example(static_cast<const float*>(outputs[0].data()), x);

  Values result;
  const BufferView into[] = {view(result)};
  executable.run_into(inputs, into);
  expect_example(result.data(), x);
}

TEST(Executable, EveryNumberOfThreadsGivesTheSame) {
  ThreadPool pool({.threads = 7});
  const Executable executable(example(), default_allocator(), pool);
  Values x = ramp(0.1f);
  Values result;
  const BufferView inputs[] = {view(x)};
  const BufferView outputs[] = {view(result)};
  for (const int threads : {0, 1, 2, 3, 7, 100, std::numeric_limits<int>::max()}) {
    result.fill(-1);
    executable.run_into(inputs, outputs, threads);
    expect_example(result.data(), x);
  }
}

TEST(Executable, NoKernelHasMoreCallsThanThePoolHasThreads) {
  static std::atomic<int> calls;
  const auto count = [](void* const*, std::int64_t, std::int64_t) -> std::int64_t {
    ++calls;
    return 0;
  };
  ThreadPool pool({.threads = 3});
  const Executable executable({.name = "calls", .kernels = {{count, {}, kRows, 1, "count"}}},
                              default_allocator(), pool);
  for (const auto& [threads, expected] :
       {std::pair{0, 3}, std::pair{2, 2}, std::pair{4, 3}, std::pair{1 << 30, 3}}) {
    calls = 0;
    executable.run({}, threads);
    EXPECT_EQ(calls, expected) << threads;
  }
}

TEST(Executable, APoisonedArenaShowsWhatWasReadBeforeItWasWritten) {
  ExecutableSpec spec = example();
  spec.kernels[1].extent = kRows - 1;  // forgets the last row of a temporary
  Values x = ramp();
  Values result;
  const BufferView inputs[] = {view(x)};
  const BufferView outputs[] = {view(result)};
  const Executable sound(example(), default_allocator(), default_thread_pool(),
                         {.poison_arena = true});
  const Executable broken(std::move(spec), default_allocator(), default_thread_pool(),
                          {.poison_arena = true});
  for (int i = 0; i < 2; ++i) {
    sound.run_into(inputs, outputs);
    expect_example(result.data(), x);
    broken.run_into(inputs, outputs);
    EXPECT_EQ(result[kRows - 2], expected(x[kRows - 2]));
    EXPECT_TRUE(std::isnan(result[kRows - 1]));
  }
}

TEST(Executable, TemporariesAreAlignedPlacesInOneArena) {
  static std::array<std::uintptr_t, 3> seen;
  const auto record = [](void* const* buffers, std::int64_t, std::int64_t) -> std::int64_t {
    for (std::size_t i = 0; i < 3; ++i) seen[i] = reinterpret_cast<std::uintptr_t>(buffers[i]);
    return 0;
  };
  const Executable executable({.name = "arena",
                               .temporaries = {{0, 100}, {128, 64}, {192, 0}},
                               .arena_bytes = 192,
                               .kernels = {{record, {0, 1, 2}, 1, 1, "record"}}});
  executable.run({});
  EXPECT_EQ(seen[0] % kAlignment, 0u);
  EXPECT_EQ(seen[1] - seen[0], 128u);
  EXPECT_EQ(seen[2] - seen[0], 192u);
}

TEST(Executable, NothingHasNoAddress) {
  const auto untouched = [](void* const*, std::int64_t, std::int64_t) -> std::int64_t { return 0; };
  const Executable executable({.name = "empty",
                               .inputs = {{0, 4}},
                               .outputs = {{0, 4}},
                               .constants = {Buffer::allocate(0)},
                               .temporaries = {{0, 0}},
                               .kernels = {{untouched, {0, 1, 2, 3}, 1, 1, "untouched"}}});
  const BufferView none[] = {{nullptr, 0}};
  executable.run_into(none, none);
  EXPECT_EQ(executable.run(none)[0].bytes(), 0);
}

TEST(Executable, ExtentAndGrainDecideTheCalls) {
  static std::atomic<int> calls;
  static std::atomic<std::int64_t> rows;
  const auto count = [](void* const*, std::int64_t begin, std::int64_t end) -> std::int64_t {
    ++calls;
    rows += end - begin;
    return 0;
  };
  ThreadPool pool({.threads = 4});
  // Sleeping workers have no part in every small run, but have in some.
  const auto most_calls = [&](std::int64_t extent, std::int64_t grain) {
    const Executable executable({.name = "rows", .kernels = {{count, {}, extent, grain, "count"}}},
                                default_allocator(), pool);
    int most = 0;
    for (std::int64_t i = 0; i <= ThreadPool::kWorthWaking; ++i) {
      calls = 0;
      rows = 0;
      executable.run({});
      EXPECT_EQ(rows, extent);
      most = std::max(most, calls.load());
    }
    return most;
  };
  EXPECT_EQ(most_calls(0, 1), 0);
  EXPECT_EQ(most_calls(1, 1), 1);
  EXPECT_EQ(most_calls(100, 101), 1);
  EXPECT_EQ(most_calls(100, 51), 1);
  EXPECT_EQ(most_calls(100, 50), 2);
  EXPECT_EQ(most_calls(100, 1), 4);
}

// Each row of each kernel once, whatever the threads and however the rows are cut.
TEST(Executable, KernelsThatJoinAreOneLaunch) {
  static std::array<std::array<std::atomic<int>, 100>, 3> seen;
  const auto mark = []<std::size_t k>(std::integral_constant<std::size_t, k>) {
    return +[](void* const*, std::int64_t begin, std::int64_t end) -> std::int64_t {
      for (std::int64_t row = begin; row < end; ++row) ++seen[k][static_cast<std::size_t>(row)];
      return 0;
    };
  };
  const auto first = mark(std::integral_constant<std::size_t, 0>());
  const auto second = mark(std::integral_constant<std::size_t, 1>());
  const auto third = mark(std::integral_constant<std::size_t, 2>());
  ThreadPool pool({.threads = 3});
  const Executable executable({.name = "joined",
                               .kernels = {{first, {}, 7, 1, "first"},
                                           {second, {}, 0, 1, "nothing", true},
                                           {second, {}, 100, 9, "second", true},
                                           {third, {}, 3, 5, "third", true},
                                           {first, {}, 7, 7, "alone"}}},
                              default_allocator(), pool);
  for (const int threads : {1, 2, 3}) {
    for (auto& rows : seen) std::ranges::fill(rows, 0);
    const std::int64_t before = counters().launches;
    executable.run({}, threads);
    EXPECT_EQ(counters().launches - before, 2);
    for (std::size_t row = 0; row < 100; ++row) {
      EXPECT_EQ(seen[0][row], row < 7 ? 2 : 0);
      EXPECT_EQ(seen[1][row], 1);
      EXPECT_EQ(seen[2][row], row < 3 ? 1 : 0);
    }
  }
}

TEST(Executable, AGivenInputIsTakenForTheOutputThatMayHaveItsMemory) {
  const Executable executable({.name = "over",
                               .inputs = {{kBytes, 4}},
                               .outputs = {{kBytes, 4}},
                               .outputs_over = {0},
                               .kernels = {{increment, {0, 1}, kRows, 100, "increment"}}});
  Buffer given[] = {twos()};
  const BufferView inputs[] = {given[0].view()};
  const Buffer kept = executable.run(inputs)[0];
  EXPECT_NE(kept.data(), inputs[0].data);
  const Buffer taken = executable.run(inputs, 0, given)[0];
  EXPECT_EQ(taken.data(), inputs[0].data);
  EXPECT_FALSE(given[0]);
  for (const Buffer& result : {kept, taken}) EXPECT_EQ(static_cast<float*>(result.data())[5], 3);
}

TEST(Executable, AllocatesNothingOnceWarm) {
  ThreadPool pool({.threads = 2});
  Allocator allocator;
  const Executable executable(example(), allocator, pool);
  Values x = ramp();
  Values result;
  const BufferView inputs[] = {view(x)};
  const BufferView outputs[] = {view(result)};
  executable.run_into(inputs, outputs);
  const std::int64_t news_before = news;
  const std::int64_t allocations = allocator.counters().allocations;
  for (int i = 0; i < 1'000; ++i) executable.run_into(inputs, outputs);
  EXPECT_EQ(news - news_before, 0);
  EXPECT_EQ(allocator.counters().allocations, allocations);

  // Fresh outputs are blocks that were freed before.
  executable.run(inputs);
  const AllocatorCounters before = allocator.counters();
  for (int i = 0; i < 10; ++i) executable.run(inputs);
  const AllocatorCounters after = allocator.counters();
  EXPECT_EQ(after.allocations - before.allocations, 10);
  EXPECT_EQ(after.cache_hits - before.cache_hits, 10);
  EXPECT_EQ(after.peak_bytes, before.peak_bytes);
}

#if defined(__x86_64__)
TEST(Executable, KernelsHaveDefaultFloatingPointModesAndTheCallerItsOwn) {
  static unsigned seen;
  const auto record = [](void* const*, std::int64_t, std::int64_t) -> std::int64_t {
    seen = _mm_getcsr();
    return 0;
  };
  const Executable executable({.name = "modes", .kernels = {{record, {}, 1, 1, "record"}}});
  const unsigned saved = _mm_getcsr();
  // Flush to zero, subnormals are zero, round toward zero, and a flag that was raised before.
  constexpr unsigned kOwn = 0xffc0 | 0x1f80 | 0x20;
  _mm_setcsr(kOwn);
  executable.run({});
  const unsigned after = _mm_getcsr();
  _mm_setcsr(saved);
  EXPECT_EQ(seen & ~0x3fu, 0x1f80u);
  EXPECT_EQ(after, kOwn);
}
#endif

TEST(Executable, KeepsItsCodeAlive) {
  auto code = std::make_shared<const int>(0);
  {
    const Executable executable({.name = "code", .code = code});
    EXPECT_EQ(code.use_count(), 2);
    executable.run({});
  }
  EXPECT_EQ(code.use_count(), 1);
}

TEST(Counters, CountWhatHappens) {
  const Executable executable(example());
  Values x = ramp();
  const BufferView inputs[] = {view(x)};
  executable.run(inputs);
  reset_counters();
  const Counters before = counters();
  EXPECT_EQ(before.launches, 0);
  EXPECT_EQ(before.executable_runs, 0);
  EXPECT_EQ(before.allocations, 0);
  EXPECT_EQ(before.peak_bytes, before.live_bytes);
  const std::vector<Buffer> result = executable.run(inputs);
  const Counters after = counters();
  EXPECT_EQ(after.launches, 5);
  EXPECT_EQ(after.executable_runs, 1);
  EXPECT_EQ(after.allocations, 1);
  EXPECT_EQ(after.cache_hits, 1);
  EXPECT_EQ(after.live_bytes - before.live_bytes, Allocator::block_bytes(kBytes));
  EXPECT_EQ(after.peak_bytes, after.live_bytes);
}

}  // namespace
}  // namespace ndl::runtime
