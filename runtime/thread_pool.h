// Threads that share one job at a time with the thread that brings it.
//
// A job is a range of chunks [0, count) and a function. Of T threads, thread t does the chunks
// [t*count/T, (t+1)*count/T) in one call of the function; thread 0 is the caller. Which threads do
// them, and whether it happens at the same time, is never part of the result: a range that no
// worker has begun when the caller is done with its own is done by the caller. So a worker that
// sleeps, or was preempted, delays nothing, and a job that is too small to share costs little more
// than without the pool.
//
// Workers start with the first job that wants them. One without a job spins for a while, then
// sleeps. Waking it costs the caller some microseconds, so a small job does without the workers
// that sleep, unless small jobs have been doing so for a while.
//
// A job that comes while the pool has one, from another thread or from within the job, is done
// whole by its caller. After fork() the child's pool is idle and starts workers of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace ndl::runtime {

struct ThreadPoolOptions {
  // The most threads a job may have, its caller included; 0 is as many as available_cpus().
  int threads = 0;
  // How long a worker without a job, or a caller whose workers are not done, keeps its CPU before
  // it sleeps. With more threads than CPUs it is 0 whatever is asked.
  std::chrono::microseconds spin{40};
};

class ThreadPool {
 public:
  // Does the chunks [begin, end), in order, on any thread, with default floating-point modes on the
  // workers. 0 is success. Anything else is an error that names the first chunk that failed, the
  // same whatever `begin` and `end` are. An exception ends the process. It must not fork.
  using Body = std::int64_t (*)(void* argument, std::int64_t begin, std::int64_t end);

  explicit ThreadPool(const ThreadPoolOptions& options = {});
  // No job is running.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // The most threads a job may have.
  int threads() const { return threads_; }

  // The work that is worth waking sleepers for, in microseconds of one thread.
  static constexpr std::int64_t kWorthWaking = 40;

  // Does all chunks, on at most `threads` threads (0 or less: threads()), and returns the error of
  // the lowest range that failed, or 0. Ranges do not stop for the error of another one. What the
  // body wrote is visible to the caller. `work` is about how many microseconds one thread would
  // take.
  std::int64_t parallel_for(std::int64_t count, int threads, Body body, void* argument,
                            std::int64_t work = kWorthWaking) noexcept;

  // The same for a function object that takes (begin, end).
  template <class F>
  std::int64_t parallel_for(std::int64_t count, int threads, F&& f) noexcept {
    return parallel_for(
        count, threads,
        [](void* argument, std::int64_t begin, std::int64_t end) -> std::int64_t {
          return (*static_cast<std::remove_reference_t<F>*>(argument))(begin, end);
        },
        const_cast<void*>(static_cast<const void*>(std::addressof(f))));
  }

 private:
  friend class ThreadPoolRegistry;
  friend ThreadPool& default_thread_pool();
  struct Worker;

  bool acquire() {
    // The load spares the line when there is nothing to get.
    return !busy_.load(std::memory_order_relaxed) &&
           !busy_.exchange(true, std::memory_order_acquire);
  }
  void release() { busy_.store(false, std::memory_order_release); }

  // How many of the first `wanted` workers a job of `work` has. Those that sleep, or do not exist
  // yet, it has only if enough work was done without them.
  int workers_for(int wanted, std::int64_t work);
  // Makes at least `workers` of them if the system lets; returns how many of these there are.
  int start_workers(int workers);
  // Ends the workers when no job is running, and leaves the pool busy: later jobs run on their
  // callers. Gives up and returns false when a job has been running for longer than `patience`.
  bool stop(std::chrono::milliseconds patience);
  // In the child of fork(), where only the calling thread is left.
  void forget_workers();

  const int threads_;
  const std::chrono::microseconds spin_;
  const std::unique_ptr<Worker[]> workers_;  // threads_ - 1
  // What follows is changed by who holds busy_.
  std::atomic<int> started_{0};
  std::int64_t work_without_sleepers_ = 0;

  std::atomic<bool> busy_{false};
};

// The pool of the process. It ends its workers when the process exits; a job after that runs on its
// caller.
ThreadPool& default_thread_pool();

}  // namespace ndl::runtime
