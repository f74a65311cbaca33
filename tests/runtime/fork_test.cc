// The runtime on both sides of fork(). A test of its own: ThreadSanitizer has to be told that a
// child may start threads.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/allocator.h"
#include "runtime/executable.h"
#include "runtime/thread_pool.h"

extern "C" const char* __tsan_default_options() { return "die_after_fork=0"; }

namespace ndl::runtime {
namespace {

// Whether both of two threads took part: a worker is alive.
bool two_threads_meet(ThreadPool& pool) {
  std::atomic<int> arrived{0};
  pool.parallel_for(2, 2, [&](std::int64_t, std::int64_t) -> std::int64_t {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
    return 0;
  });
  return arrived == 2;
}

template <class F>
bool succeeds_in_child(F f) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);  // a deadlock is a failure
    std::_Exit(f() ? 0 : 1);
  }
  int status = -1;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(Fork, TheChildStartsItsOwnWorkers) {
  ThreadPool pool({.threads = 2});
  EXPECT_TRUE(succeeds_in_child([&] { return two_threads_meet(pool); }));
  EXPECT_TRUE(two_threads_meet(pool));
  EXPECT_TRUE(succeeds_in_child([&] { return two_threads_meet(pool); }));
  EXPECT_TRUE(succeeds_in_child([&] {
    return succeeds_in_child([&] { return two_threads_meet(pool); }) && two_threads_meet(pool);
  }));
  EXPECT_TRUE(two_threads_meet(pool));
}

TEST(Fork, AChildMayDestroyThePool) {
  auto pool = std::make_unique<ThreadPool>(ThreadPoolOptions{.threads = 2});
  EXPECT_TRUE(two_threads_meet(*pool));
  EXPECT_TRUE(succeeds_in_child([&] {
    pool.reset();
    ThreadPool another({.threads = 2});
    return two_threads_meet(another);
  }));
}

// Other threads are in the middle of jobs, allocations and runs when the process forks.
TEST(Fork, UnderLoad) {
  ThreadPool pool({.threads = 2});
  const Executable executable({.name = "load",
                               .inputs = {{8, 8}},
                               .outputs = {{8, 8}},
                               .temporaries = {{0, 64}},
                               .arena_bytes = 64,
                               .kernels = {{.function = [](void* const* buffers, std::int64_t,
                                                           std::int64_t) -> std::int64_t {
                                              *static_cast<std::int64_t*>(buffers[1]) =
                                                  1 + *static_cast<std::int64_t*>(buffers[0]);
                                              return 0;
                                            },
                                            .buffers = {0, 1},
                                            .name = "increment"}}},
                              default_allocator(), pool);
  const auto works = [&] {
    std::int64_t value = 41;
    const std::vector<Buffer> outputs = executable.run(std::vector<BufferView>{{&value, 8}});
    return *static_cast<std::int64_t*>(outputs[0].data()) == 42;
  };

  std::atomic<bool> done{false};
  std::vector<std::thread> load;
  load.emplace_back([&] {
    while (!done) {
      pool.parallel_for(100, 0, [](std::int64_t, std::int64_t) -> std::int64_t { return 0; });
    }
  });
  load.emplace_back([&] {
    while (!done) EXPECT_TRUE(works());
  });
  for (int round = 0; round < 50; ++round) {
    EXPECT_TRUE(succeeds_in_child([&] { return works() && two_threads_meet(pool); }));
  }
  done = true;
  for (std::thread& thread : load) thread.join();
}

}  // namespace
}  // namespace ndl::runtime
