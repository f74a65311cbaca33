#include "runtime/thread_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace ndl::runtime {
namespace {

using Range = std::pair<std::int64_t, std::int64_t>;

// The ranges that a job of `count` chunks was done in, in order.
std::vector<Range> ranges_of(ThreadPool& pool, std::int64_t count, int threads) {
  std::vector<Range> ranges;
  std::atomic_flag lock;
  pool.parallel_for(count, threads, [&](std::int64_t begin, std::int64_t end) -> std::int64_t {
    while (lock.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
    ranges.emplace_back(begin, end);
    lock.clear(std::memory_order_release);
    return 0;
  });
  std::sort(ranges.begin(), ranges.end());
  return ranges;
}

// Holds the pool with a job until it is told to let go.
class Occupied {
 public:
  explicit Occupied(ThreadPool& pool) {
    thread_ = std::thread([this, &pool] {
      pool.parallel_for(2, 2, [this](std::int64_t, std::int64_t) -> std::int64_t {
        busy_ = true;
        while (!done_) std::this_thread::yield();
        return 0;
      });
    });
    while (!busy_) std::this_thread::yield();
  }
  ~Occupied() {
    done_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> busy_{false};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

TEST(ThreadPool, ThreadsHaveContiguousRanges) {
  ThreadPool pool({.threads = 3});
  EXPECT_EQ(pool.threads(), 3);
  EXPECT_EQ(ranges_of(pool, 7, 0), (std::vector<Range>{{0, 2}, {2, 4}, {4, 7}}));
  EXPECT_EQ(ranges_of(pool, 7, 2), (std::vector<Range>{{0, 3}, {3, 7}}));
  EXPECT_EQ(ranges_of(pool, 7, 1), (std::vector<Range>{{0, 7}}));
  EXPECT_EQ(ranges_of(pool, 7, 100), ranges_of(pool, 7, 3));
  EXPECT_EQ(ranges_of(pool, 2, 0), (std::vector<Range>{{0, 1}, {1, 2}}));
  EXPECT_TRUE(ranges_of(pool, 0, 0).empty());
  EXPECT_TRUE(ranges_of(pool, -1, 0).empty());
}

TEST(ThreadPool, NoCountOverflows) {
  ThreadPool pool({.threads = 3});
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const std::vector<Range> ranges = ranges_of(pool, most, 0);
  ASSERT_EQ(ranges.size(), 3u);
  EXPECT_EQ(ranges[0].first, 0);
  EXPECT_EQ(ranges[0].second, ranges[1].first);
  EXPECT_EQ(ranges[1].second, ranges[2].first);
  EXPECT_EQ(ranges[2].second, most);
}

TEST(ThreadPool, TheErrorOfTheLowestChunkWins) {
  ThreadPool pool({.threads = 4});
  for (std::int64_t first = 0; first < 20; ++first) {
    for (int threads = 1; threads <= 4; ++threads) {
      // Chunks from `first` on fail, each with its own number.
      const auto body = [first](std::int64_t begin, std::int64_t end) -> std::int64_t {
        return end <= first ? 0 : 1 + std::max(begin, first);
      };
      EXPECT_EQ(pool.parallel_for(20, threads, body), 1 + first);
    }
  }
  EXPECT_EQ(pool.parallel_for(20, 0, [](std::int64_t, std::int64_t) -> std::int64_t { return 0; }),
            0);
}

// Work is really shared: two chunks that wait for each other.
TEST(ThreadPool, TwoThreadsWorkAtTheSameTime) {
  ThreadPool pool({.threads = 2});
  for (int round = 0; round < 100; ++round) {
    std::atomic<int> arrived{0};
    pool.parallel_for(2, 2, [&](std::int64_t, std::int64_t) -> std::int64_t {
      ++arrived;
      while (arrived < 2) std::this_thread::yield();
      return 0;
    });
    EXPECT_EQ(arrived, 2);
    // Now and then let the worker go to sleep.
    if (round % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

// Small jobs do without a worker that sleeps until they are enough to wake it.
TEST(ThreadPool, SmallJobsWakeNobodyForAWhile) {
  ThreadPool pool({.threads = 2, .spin = std::chrono::microseconds(0)});
  static std::atomic<int> calls;
  const auto calls_of = [&](std::int64_t work) {
    calls = 0;
    const auto body = [](void*, std::int64_t, std::int64_t) -> std::int64_t {
      ++calls;
      return 0;
    };
    pool.parallel_for(2, 2, body, nullptr, work);
    return calls.load();
  };
  for (int job = 1; job < 40; ++job) ASSERT_EQ(calls_of(1), 1) << job;
  EXPECT_EQ(calls_of(1), 2);
  EXPECT_EQ(calls_of(ThreadPool::kWorthWaking), 2);
  EXPECT_EQ(calls_of(std::numeric_limits<std::int64_t>::max()), 2);
}

class Stress : public testing::TestWithParam<int> {};

TEST_P(Stress, ManyJobs) {
  const int jobs = std::getenv("NDL_LONG") != nullptr ? 100'000'000 : 1'000'000;
  ThreadPool pool({.threads = GetParam()});
  // Plain memory: the pool must order one job's writes before the next one's reads.
  std::vector<std::int64_t> values(16);
  int delay = 0;  // so that a worker begins, is begun by the caller, or both try at once
  const auto body = [&](std::int64_t begin, std::int64_t end) -> std::int64_t {
    for (int i = 0; i < delay; ++i) asm volatile("");
    for (std::int64_t i = begin; i < end; ++i) ++values[15 - i];
    return 0;
  };
  std::int64_t total = 0;
  for (int job = 0; job < jobs; ++job) {
    const int count = 1 + job % 16;
    delay = job % 512;
    ASSERT_EQ(pool.parallel_for(count, 1 + job % 8, body), 0);
    total += count;
    if (job % 4096 == 0) std::reverse(values.begin(), values.end());
  }
  std::int64_t sum = 0;
  for (const std::int64_t value : values) sum += value;
  EXPECT_EQ(sum, total);
}

// Every thread has its part in every job: the parts wait for each other.
TEST_P(Stress, AllThreadsMeet) {
  const int threads = GetParam();
  ThreadPool pool({.threads = threads});
  std::atomic<int> arrived{0};
  const auto body = [&](std::int64_t, std::int64_t) -> std::int64_t {
    ++arrived;
    while (arrived.load() < threads) std::this_thread::yield();
    return 0;
  };
  for (int job = 0; job < 20'000 / threads; ++job) {
    arrived = 0;
    ASSERT_EQ(pool.parallel_for(threads, 0, body), 0);
    ASSERT_EQ(arrived, threads);
  }
}

INSTANTIATE_TEST_SUITE_P(ThreadPool, Stress, testing::Values(1, 2, 3, 7),
                         [](const auto& info) { return "Threads" + std::to_string(info.param); });

TEST(ThreadPool, ABusyPoolLeavesTheJobToItsCaller) {
  ThreadPool pool({.threads = 2});
  const Occupied occupied(pool);
  EXPECT_EQ(ranges_of(pool, 10, 2), (std::vector<Range>{{0, 10}}));
}

TEST(ThreadPool, CallersAtTheSameTime) {
  ThreadPool pool({.threads = 2});
  std::vector<std::thread> callers;
  callers.reserve(4);
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&pool] {
      for (int job = 0; job < 20'000; ++job) {
        std::int64_t squares[9] = {};
        pool.parallel_for(9, 0, [&](std::int64_t begin, std::int64_t end) -> std::int64_t {
          for (std::int64_t i = begin; i < end; ++i) squares[i] = i * i;
          return 0;
        });
        for (std::int64_t i = 0; i < 9; ++i) ASSERT_EQ(squares[i], i * i);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST(ThreadPool, AJobWithinAJobIsSerial) {
  ThreadPool pool({.threads = 3});
  std::atomic<int> inner{0};
  const auto nested = [&](std::int64_t begin, std::int64_t end) -> std::int64_t {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::thread::id self = std::this_thread::get_id();
      pool.parallel_for(5, 0, [&](std::int64_t b, std::int64_t e) -> std::int64_t {
        EXPECT_EQ(std::this_thread::get_id(), self);
        EXPECT_EQ(e - b, 5);
        inner += 5;
        return 0;
      });
    }
    return 0;
  };
  for (int round = 0; round < 1'000; ++round) pool.parallel_for(6, 0, nested);
  EXPECT_EQ(inner, 1'000 * 6 * 5);
}

TEST(ThreadPool, MoreThreadsThanCpus) {
  ThreadPool pool({.threads = 64});
  for (int round = 0; round < 200; ++round) {
    std::vector<int> done(1000);
    pool.parallel_for(1000, 0, [&](std::int64_t begin, std::int64_t end) -> std::int64_t {
      for (std::int64_t i = begin; i < end; ++i) ++done[i];
      return 0;
    });
    ASSERT_EQ(std::count(done.begin(), done.end(), 1), 1000);
  }
}

TEST(ThreadPool, ComesAndGoes) {
  for (int round = 0; round < 500; ++round) {
    ThreadPool pool({.threads = 1 + round % 5});
    for (int job = 0; job < round % 7; ++job) ranges_of(pool, 10, 0);
  }
}

TEST(ThreadPool, EndsWhileWorkersSpinAndWhileTheySleep) {
  for (const int microseconds : {0, 10, 100'000}) {
    for (int round = 0; round < 50; ++round) {
      ThreadPool pool({.threads = 2, .spin = std::chrono::microseconds(microseconds)});
      ranges_of(pool, 2, 0);
      if (round % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }
}

TEST(ThreadPool, ThreadsComeWithTheFirstJobThatWantsThem) {
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
  };
  const auto before = threads();
  ThreadPool pool({.threads = 3});
  ranges_of(pool, 10, 1);
  EXPECT_EQ(threads(), before);
  ranges_of(pool, 10, 2);
  EXPECT_EQ(threads(), before + 1);
  ranges_of(pool, 10, 0);
  ranges_of(pool, 10, 0);
  EXPECT_EQ(threads(), before + 2);
}

TEST(ThreadPool, WorkersTakeNoSignals) {
  ThreadPool pool({.threads = 2});
  std::atomic<int> arrived{0};
  std::atomic<bool> blocked{true};
  const std::thread::id self = std::this_thread::get_id();
  pool.parallel_for(2, 2, [&](std::int64_t, std::int64_t) -> std::int64_t {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
    if (std::this_thread::get_id() == self) return 0;
    sigset_t set;
    pthread_sigmask(SIG_BLOCK, nullptr, &set);
    blocked = sigismember(&set, SIGINT) == 1;
    return 0;
  });
  EXPECT_TRUE(blocked);
  sigset_t own;
  pthread_sigmask(SIG_BLOCK, nullptr, &own);
  EXPECT_EQ(sigismember(&own, SIGINT), 0);
}

TEST(ThreadPool, TheCallerIsNotPinned) {
  cpu_set_t before;
  cpu_set_t after;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  ThreadPool pool({.threads = 2});
  ranges_of(pool, 10, 0);
  ASSERT_EQ(sched_getaffinity(0, sizeof(after), &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

#if defined(__x86_64__)
TEST(ThreadPool, WorkersHaveDefaultFloatingPointModes) {
  constexpr unsigned kFlags = 0x3f;
  const unsigned saved = _mm_getcsr();
  _mm_setcsr(0xffc0 | 0x1f80);  // flush to zero, subnormals are zero, round toward zero
  ThreadPool pool({.threads = 2});
  std::atomic<int> arrived{0};
  std::atomic<unsigned> modes{0};
  const std::thread::id self = std::this_thread::get_id();
  pool.parallel_for(2, 2, [&](std::int64_t, std::int64_t) -> std::int64_t {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
    if (std::this_thread::get_id() != self) modes = _mm_getcsr() & ~kFlags;
    return 0;
  });
  _mm_setcsr(saved);
  EXPECT_EQ(modes, 0x1f80u);
}
#endif

TEST(ThreadPool, TheDefaultPoolIsOne) {
  EXPECT_EQ(&default_thread_pool(), &default_thread_pool());
  EXPECT_GE(default_thread_pool().threads(), 1);
  EXPECT_EQ(ranges_of(default_thread_pool(), 100, 1), (std::vector<Range>{{0, 100}}));
}

// A job after the pool has ended its workers, as a destructor at exit may have.
struct RunsAtExit {
  ~RunsAtExit() {
    std::atomic<std::int64_t> sum{0};
    default_thread_pool().parallel_for(10, 0, [&](std::int64_t b, std::int64_t e) -> std::int64_t {
      sum += e - b;
      return 0;
    });
    if (sum != 10) std::abort();
  }
};

void run_while_exiting() {
  static const RunsAtExit runs;  // destroyed after the pool's own end
  ranges_of(default_thread_pool(), 10, 0);
  std::exit(0);
}

TEST(ThreadPool, RunsWhileTheProcessExits) {
  EXPECT_EXIT(run_while_exiting(), testing::ExitedWithCode(0), "");
}

// One thread exits: the C library lets no two do so at once.
void exit_in_a_job() {
  default_thread_pool().parallel_for(10, 0, [](std::int64_t b, std::int64_t) -> std::int64_t {
    if (b == 0) std::exit(3);
    return 0;
  });
}

TEST(ThreadPool, ABodyMayExit) { EXPECT_EXIT(exit_in_a_job(), testing::ExitedWithCode(3), ""); }

}  // namespace
}  // namespace ndl::runtime
