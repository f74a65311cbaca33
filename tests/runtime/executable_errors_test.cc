// Executables: what they refuse, and what is left when a kernel or an allocation fails.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "runtime/counters.h"
#include "tests/runtime/example_executable.h"

namespace ndl::runtime {
namespace {

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
  EXPECT_EQ(counters().launches, before.launches);
  EXPECT_EQ(counters().live_bytes, before.live_bytes);
  EXPECT_EQ(result[0], 7);
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
  broken([](ExecutableSpec& s) { s.outputs_over = {1}; });
  broken([](ExecutableSpec& s) { s.outputs_over = {0, 0}; });
  broken([](ExecutableSpec& s) {
    s.outputs_over = {0};
    s.inputs[0].bytes -= 4;
  });
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
    EXPECT_EQ(counters().launches - before.launches, 1);
  }
  EXPECT_EQ(result[0], 7);
  x[300] = x[301] = x[999] = 1;
  executable.run_into(inputs, outputs);
  expect_example(result.data(), x);
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

}  // namespace
}  // namespace ndl::runtime
