// Executables: several threads run one, several executables share a pool and an allocator.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tests/runtime/example_executable.h"

namespace ndl::runtime {
namespace {

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

}  // namespace
}  // namespace ndl::runtime
