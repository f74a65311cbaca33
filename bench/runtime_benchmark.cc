// Costs of the runtime around the kernels: sharing a job, calling an executable, a buffer.
//
//   bazel run -c opt //bench:runtime_benchmark
#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/allocator.h"
#include "runtime/buffer.h"
#include "runtime/executable.h"
#include "runtime/thread_pool.h"

namespace ndl::runtime {
namespace {

using Clock = std::chrono::steady_clock;

// Chunk 0 ends when chunk 1 has begun: two threads must really meet.
struct Meeting {
  std::atomic<std::int64_t> begun{0};
  std::int64_t job = 0;

  static std::int64_t attend(void* argument, std::int64_t begin, std::int64_t end) {
    auto& meeting = *static_cast<Meeting*>(argument);
    if (end == 2) meeting.begun.store(meeting.job, std::memory_order_release);
    if (begin == 0) {
      while (meeting.begun.load(std::memory_order_acquire) != meeting.job) {
      }
    }
    return 0;
  }
};

// The whole round trip: hand over, meet, hand back.
void fork_join_warm(benchmark::State& state) {
  ThreadPool pool({.threads = 2});
  Meeting meeting;
  for (auto _ : state) {
    ++meeting.job;
    pool.parallel_for(2, 2, Meeting::attend, &meeting);
  }
}

// The same when the worker has gone to sleep.
void fork_join_asleep(benchmark::State& state) {
  ThreadPool pool({.threads = 2, .spin = std::chrono::microseconds(0)});
  Meeting meeting;
  for (auto _ : state) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    ++meeting.job;
    const auto begin = Clock::now();
    pool.parallel_for(2, 2, Meeting::attend, &meeting);
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
  }
}

// What a job without work costs when nobody need meet: it is posted and taken back.
std::int64_t do_nothing(void*, std::int64_t, std::int64_t) { return 0; }

void empty_job_warm(benchmark::State& state) {
  ThreadPool pool({.threads = static_cast<int>(state.range(0))});
  for (auto _ : state) {
    pool.parallel_for(state.range(0), 0, do_nothing, nullptr);
  }
}

// With range(0) microseconds said to be its work.
void empty_job_asleep(benchmark::State& state) {
  ThreadPool pool({.threads = 2, .spin = std::chrono::microseconds(0)});
  for (auto _ : state) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    const auto begin = Clock::now();
    pool.parallel_for(2, 2, do_nothing, nullptr, state.range(0));
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
  }
}

// A job of range(0) ns of work on one thread, as 64 chunks, on range(1) threads.
void share_work(benchmark::State& state) {
  ThreadPool pool({.threads = static_cast<int>(state.range(1))});
  const std::chrono::nanoseconds chunk(state.range(0) / 64);
  const auto work = [chunk](std::int64_t begin, std::int64_t end) -> std::int64_t {
    const auto until = Clock::now() + chunk * (end - begin);
    while (Clock::now() < until) {
    }
    return 0;
  };
  for (auto _ : state) {
    pool.parallel_for(64, 0, work);
  }
}

std::int64_t empty_kernel(void* const*, std::int64_t, std::int64_t) { return 0; }

Executable executable_of(int kernels, std::int64_t arena) {
  ExecutableSpec spec{.name = "empty", .inputs = {{64, 4}, {64, 4}}, .outputs = {{64, 4}}};
  if (arena > 0) {
    spec.arena_bytes = arena;
    spec.temporaries.push_back({0, arena});
  }
  for (int i = 0; i < kernels; ++i) {
    spec.kernels.push_back({.function = empty_kernel, .buffers = {0, 1, 2}, .name = "empty"});
  }
  return Executable(std::move(spec));
}

void call_executable(benchmark::State& state) {
  const Executable executable = executable_of(static_cast<int>(state.range(0)), 4096);
  float memory[3][16] = {};
  const BufferView inputs[] = {{memory[0], 64}, {memory[1], 64}};
  const BufferView outputs[] = {{memory[2], 64}};
  for (auto _ : state) executable.run_into(inputs, outputs);
}

void call_executable_for_fresh_outputs(benchmark::State& state) {
  const Executable executable = executable_of(1, 4096);
  float memory[2][16] = {};
  const BufferView inputs[] = {{memory[0], 64}, {memory[1], 64}};
  for (auto _ : state) benchmark::DoNotOptimize(executable.run(inputs));
}

void allocate_again(benchmark::State& state) {
  Allocator allocator;
  for (auto _ : state) {
    void* data = allocator.allocate(state.range(0));
    benchmark::DoNotOptimize(data);
    allocator.deallocate(data, state.range(0));
  }
}

void allocate_buffer_again(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Buffer::allocate(state.range(0)));
}

BENCHMARK(fork_join_warm)->UseRealTime();
BENCHMARK(fork_join_asleep)->UseManualTime();
BENCHMARK(empty_job_warm)->UseRealTime()->Arg(1)->Arg(2);
BENCHMARK(empty_job_asleep)->UseManualTime()->Arg(1)->Arg(40)->ArgName("work");
BENCHMARK(share_work)
    ->UseRealTime()
    ->ArgsProduct({{640, 1'280, 2'560, 6'400, 64'000}, {1, 2}})
    ->ArgNames({"ns", "threads"});
BENCHMARK(call_executable)->Arg(1)->Arg(10)->ArgName("kernels");
BENCHMARK(call_executable_for_fresh_outputs);
BENCHMARK(allocate_again)->Arg(1 << 12)->Arg(1 << 26);
BENCHMARK(allocate_buffer_again)->Arg(1 << 12);

}  // namespace
}  // namespace ndl::runtime

BENCHMARK_MAIN();
