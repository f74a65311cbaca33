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
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "runtime/counters.h"

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

constexpr std::int64_t kRows = 1000;
constexpr std::int64_t kBytes = kRows * static_cast<std::int64_t>(sizeof(float));

using Values = std::array<float, kRows>;

// buffers[1][i] = buffers[0][i] + 1
std::int64_t increment(void* const* buffers, std::int64_t begin, std::int64_t end) {
  const auto* in = static_cast<const float*>(buffers[0]);
  auto* out = static_cast<float*>(buffers[1]);
  for (std::int64_t i = begin; i < end; ++i) out[i] = in[i] + 1;
  return 0;
}

// buffers[2][i] = buffers[0][i] * buffers[1][i]
std::int64_t multiply(void* const* buffers, std::int64_t begin, std::int64_t end) {
  const auto* a = static_cast<const float*>(buffers[0]);
  const auto* b = static_cast<const float*>(buffers[1]);
  auto* out = static_cast<float*>(buffers[2]);
  for (std::int64_t i = begin; i < end; ++i) out[i] = a[i] * b[i];
  return 0;
}

// The position of the first negative element, plus one.
std::int64_t check_positive(void* const* buffers, std::int64_t begin, std::int64_t end) {
  const auto* in = static_cast<const float*>(buffers[0]);
  for (std::int64_t i = begin; i < end; ++i) {
    if (in[i] < 0) return i + 1;
  }
  return 0;
}

Buffer twos() {
  Buffer buffer = Buffer::allocate(kBytes);
  for (std::int64_t i = 0; i < kRows; ++i) static_cast<float*>(buffer.data())[i] = 2;
  return buffer;
}

// ((x + 1) * 2 + 1) * (x + 1), with x checked to be positive. Slots: x, result, 2, two temporaries.
ExecutableSpec example() {
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

float expected(float x) { return ((x + 1) * 2 + 1) * (x + 1); }

Values ramp(float first = 0) {
  Values values;
  for (std::int64_t i = 0; i < kRows; ++i) values[i] = first + static_cast<float>(i);
  return values;
}

BufferView view(Values& values) { return {values.data(), kBytes}; }

void expect_example(const float* result, const Values& x) {
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

TEST(Executable, ANegativeNumberOfThreadsIsAMistake) {
  const Executable executable(example());
  Values x = ramp();
  Values result;
  result.fill(7);
  const BufferView inputs[] = {view(x)};
  const BufferView outputs[] = {view(result)};
  const Counters before = counters();
  EXPECT_EQ(message_of<UsageError>([&] { executable.run_into(inputs, outputs, -1); }),
            "example: -1 threads");
  EXPECT_THROW(executable.run(inputs, std::numeric_limits<int>::min()), UsageError);
  EXPECT_EQ(counters().kernels_launched, before.kernels_launched);
  EXPECT_EQ(counters().live_bytes, before.live_bytes);
  EXPECT_EQ(result[0], 7);
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

TEST(Executable, ChecksWhatItIsGiven) {
  const Executable executable(example());
  alignas(64) static std::array<std::byte, kBytes + 64> memory;
  Values x = ramp();
  const auto run = [&](std::vector<BufferView> inputs, std::vector<BufferView> outputs) {
    return message_of<Error>([&] { executable.run_into(inputs, outputs); });
  };
  EXPECT_EQ(run({}, {view(x)}), "example: 0 inputs are given, 1 are needed");
  EXPECT_EQ(run({view(x)}, {view(x), view(x)}), "example: 2 outputs are given, 1 are needed");
  EXPECT_EQ(run({{x.data(), 12}}, {view(x)}), "example: input 0 has 12 bytes, 4000 are needed");
  EXPECT_EQ(run({view(x)}, {{nullptr, kBytes}}), "example: output 0 has no memory");
  EXPECT_THROW(executable.run({}), ShapeError);
  const BufferView misaligned[] = {{memory.data() + 2, kBytes}};
  const std::string message = message_of<UnsupportedError>([&] { executable.run(misaligned); });
  EXPECT_TRUE(message.starts_with("example: input 0 is at 0x")) << message;
  EXPECT_TRUE(message.ends_with("2, not at a multiple of 4")) << message;
  const BufferView element_aligned[] = {{memory.data() + 4, kBytes}};
  executable.run(element_aligned);
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

TEST(Executable, ABrokenPlanIsAnInternalError) {
  const auto broken = [](auto change) {
    ExecutableSpec spec = example();
    change(spec);
    EXPECT_THROW(Executable{std::move(spec)}, InternalError);
  };
  broken([](ExecutableSpec& s) { s.kernels[0].function = nullptr; });
  broken([](ExecutableSpec& s) { s.kernels[0].buffers[0] = 5; });
  broken([](ExecutableSpec& s) { s.kernels[0].buffers[0] = -1; });
  broken([](ExecutableSpec& s) { s.kernels[0].grain = 0; });
  broken([](ExecutableSpec& s) { s.kernels[0].extent = -1; });
  broken([](ExecutableSpec& s) { s.temporaries[0].offset = 4; });
  broken([](ExecutableSpec& s) { s.temporaries[0].offset = -64; });
  broken([](ExecutableSpec& s) { s.temporaries[1].bytes += 1; });
  broken([](ExecutableSpec& s) { s.temporaries[1].bytes = -1; });
  broken([](ExecutableSpec& s) { s.arena_bytes = -1; });
  broken([](ExecutableSpec& s) { s.inputs[0].alignment = 3; });
  broken([](ExecutableSpec& s) { s.outputs[0].bytes = -1; });
}

TEST(Executable, StopsAtTheFirstFailure) {
  ThreadPool pool({.threads = 3});
  const Executable executable(example(), default_allocator(), pool);
  Values x = ramp();
  x[300] = x[301] = x[999] = -1;
  Values result;
  result.fill(7);
  const BufferView inputs[] = {view(x)};
  const BufferView outputs[] = {view(result)};
  for (const int threads : {1, 2, 3}) {
    const Counters before = counters();
    EXPECT_EQ(message_of<Error>([&] { executable.run_into(inputs, outputs, threads); }),
              "example: kernel 'check' failed with status 301");
    EXPECT_EQ(counters().kernels_launched - before.kernels_launched, 1);
  }
  EXPECT_EQ(result[0], 7);
  x[300] = x[301] = x[999] = 1;
  executable.run_into(inputs, outputs);
  expect_example(result.data(), x);
}

// The example with its check at a temporary, x + 1, so that what fails is in the arena.
ExecutableSpec example_that_checks_a_temporary() {
  ExecutableSpec spec = example();
  spec.kernels[0].buffers = {3};
  std::swap(spec.kernels[0], spec.kernels[1]);
  spec.raise = [](std::size_t kernel, std::int64_t status, void* const* buffers) {
    throw_error<IndexError>("kernel {}: {} at {}", kernel,
                            static_cast<const float*>(buffers[0])[status - 1], status - 1);
  };
  return spec;
}

TEST(Executable, RaisesWhatTheStatusMeans) {
  ThreadPool pool({.threads = 3});
  const Executable executable(example_that_checks_a_temporary(), default_allocator(), pool);
  Values x = ramp();
  x[17] = -9;
  x[18] = x[999] = -5;
  const BufferView inputs[] = {view(x)};
  for (const int threads : {1, 2, 3}) {
    EXPECT_EQ(message_of<IndexError>([&] { executable.run(inputs, threads); }),
              "kernel 1: -8 at 17");
  }
}

TEST(Executable, KeepsTheWorkspaceWhileItRaisesAndNoLonger) {
  constexpr std::int64_t kArena = 4096 + kBytes;
  for (const bool throws : {true, false}) {
    Allocator allocator;
    ExecutableSpec spec = example();
    spec.arena_bytes = kArena;
    const Executable* inner = nullptr;
    std::int64_t live = 0;
    spec.raise = [&](std::size_t, std::int64_t, void* const*) {
      // Another run, here, has a workspace of its own.
      Values good = ramp();
      Values result;
      const BufferView inputs[] = {view(good)};
      const BufferView outputs[] = {view(result)};
      inner->run_into(inputs, outputs);
      expect_example(result.data(), good);
      live = allocator.counters().live_bytes;
      if (throws) throw_error<IndexError>("raised");
    };
    const Executable executable(std::move(spec), allocator);
    inner = &executable;
    Values x = ramp();
    x[0] = -1;
    Values result;
    const BufferView inputs[] = {view(x)};
    const BufferView outputs[] = {view(result)};
    const std::int64_t workspace = Allocator::block_bytes(kArena);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(message_of<Error>([&] { executable.run_into(inputs, outputs); }),
                throws ? "raised" : "example: kernel 'check' failed with status 1");
      EXPECT_EQ(live, 2 * workspace);
      EXPECT_EQ(allocator.counters().live_bytes, 2 * workspace);
    }
    executable.trim();
    EXPECT_EQ(allocator.counters().live_bytes, 0);
  }
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

TEST(Executable, RunsAtTheSameTime) {
  ThreadPool pool({.threads = 2});
  Allocator allocator;
  {
    const Executable executable(example(), allocator, pool);
    std::vector<std::thread> threads;
    threads.reserve(64);
    for (int t = 0; t < 64; ++t) {
      threads.emplace_back([&executable, t] {
        Values x = ramp(static_cast<float>(t));
        if (t % 8 == 7) x[500] = -1;
        Values result;
        const BufferView inputs[] = {view(x)};
        const BufferView outputs[] = {view(result)};
        for (int i = 0; i < 20; ++i) {
          if (t % 8 == 7) {
            EXPECT_THROW(executable.run_into(inputs, outputs), Error);
          } else if (i % 2 == 0) {
            executable.run_into(inputs, outputs);
            expect_example(result.data(), x);
          } else {
            const std::vector<Buffer> fresh = executable.run(inputs);
            expect_example(static_cast<const float*>(fresh[0].data()), x);
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(allocator.counters().live_bytes, 0);
}

// Threads that are not each other's: some runs fail and quote their own arena, idle workspaces are
// given back in between, and the pool is busy more often than not.
TEST(Executable, ManyShareAPoolAndAnAllocator) {
  ThreadPool pool({.threads = 3});
  Allocator allocator;
  {
    std::vector<std::unique_ptr<const Executable>> executables;
    for (int i = 0; i < 5; ++i) {
      executables.push_back(
          std::make_unique<const Executable>(example_that_checks_a_temporary(), allocator, pool,
                                             ExecutableOptions{.poison_arena = i % 2 == 0}));
    }
    std::vector<std::thread> threads;
    threads.reserve(16);
    for (int t = 0; t < 16; ++t) {
      threads.emplace_back([&executables, t] {
        Values good = ramp(static_cast<float>(t));
        Values bad = good;
        const int at = 50 * t;
        bad[static_cast<std::size_t>(at)] = static_cast<float>(-2 - t);
        Values result;
        const BufferView good_inputs[] = {view(good)};
        const BufferView bad_inputs[] = {view(bad)};
        const BufferView outputs[] = {view(result)};
        const std::string message =
            "kernel 1: " + std::to_string(-1 - t) + " at " + std::to_string(at);
        for (int i = 0; i < 40; ++i) {
          const Executable& executable = *executables[static_cast<std::size_t>(t + i) % 5];
          if ((t + i) % 4 == 0) {
            EXPECT_EQ(
                message_of<IndexError>([&] { executable.run_into(bad_inputs, outputs, i % 4); }),
                message);
          } else {
            executable.run_into(good_inputs, outputs, i % 4);
            expect_example(result.data(), good);
          }
          if (i % 10 == 9) executable.trim();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(allocator.counters().live_bytes, 0);
}

TEST(Executable, ComesAndGoesWhileOthersRun) {
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      Values x = ramp();
      const BufferView inputs[] = {view(x)};
      for (int i = 0; i < 50; ++i) {
        const Executable executable(example());
        const std::vector<Buffer> result = executable.run(inputs);
        expect_example(static_cast<const float*>(result[0].data()), x);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Executable, KeepsABoundedNumberOfIdleWorkspaces) {
  static std::atomic<int> arrived;
  static std::atomic<int> wanted;
  const auto meet = [](void* const*, std::int64_t, std::int64_t) -> std::int64_t {
    ++arrived;
    while (arrived < wanted) std::this_thread::yield();
    return 0;
  };
  constexpr std::int64_t kArena = 1024;
  Allocator allocator;
  const Executable executable({.name = "meet",
                               .temporaries = {{0, kArena}},
                               .arena_bytes = kArena,
                               .kernels = {{meet, {0}, 1, 1, "meet"}}},
                              allocator);
  for (const auto& [runs, kept] : {std::pair{3, 3}, std::pair{70, 64}}) {
    arrived = 0;
    wanted = runs;
    std::vector<std::thread> threads;
    threads.reserve(static_cast<std::size_t>(runs));
    for (int t = 0; t < runs; ++t) threads.emplace_back([&] { executable.run_into({}, {}); });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(allocator.counters().live_bytes, kept * kArena);
  }
  executable.trim();
  EXPECT_EQ(allocator.counters().live_bytes, 0);
}

TEST(Executable, SurvivesTheFailureOfAnyAllocation) {
  ThreadPool pool({.threads = 2});
  Values x = ramp();
  const BufferView inputs[] = {view(x)};
  for (const auto later : {Allocator::Later::kSucceed, Allocator::Later::kFail}) {
    int k = 1;
    for (bool failed = true; failed; ++k) {
      Allocator allocator;
      {
        ExecutableSpec spec = example();
        spec.outputs.push_back({kBytes, 4});
        spec.outputs.push_back({kBytes, 4});
        for (KernelCall& kernel : spec.kernels) {
          for (std::int32_t& slot : kernel.buffers) slot += slot >= 2 ? 2 : 0;
        }
        const Executable executable(std::move(spec), allocator, pool);
        failed = false;
        allocator.fail_allocation(k, later);
        for (int i = 0; i < 3; ++i) {
          try {
            const std::vector<Buffer> result = executable.run(inputs);
            expect_example(static_cast<const float*>(result[0].data()), x);
          } catch (const ResourceError&) {
            failed = true;
          }
        }
        allocator.fail_allocation(0);
        const std::vector<Buffer> result = executable.run(inputs);
        expect_example(static_cast<const float*>(result[0].data()), x);
      }
      EXPECT_EQ(allocator.counters().live_bytes, 0);
    }
    EXPECT_EQ(k - 1, 1 + 3 * 3 + 1);  // an arena, and three outputs three times
  }
}

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
  EXPECT_EQ(before.kernels_launched, 0);
  EXPECT_EQ(before.executable_runs, 0);
  EXPECT_EQ(before.allocations, 0);
  EXPECT_EQ(before.peak_bytes, before.live_bytes);
  const std::vector<Buffer> result = executable.run(inputs);
  const Counters after = counters();
  EXPECT_EQ(after.kernels_launched, 5);
  EXPECT_EQ(after.executable_runs, 1);
  EXPECT_EQ(after.allocations, 1);
  EXPECT_EQ(after.cache_hits, 1);
  EXPECT_EQ(after.live_bytes - before.live_bytes, Allocator::block_bytes(kBytes));
  EXPECT_EQ(after.peak_bytes, after.live_bytes);
}

}  // namespace
}  // namespace ndl::runtime
