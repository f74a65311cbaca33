// Each worker has a cache line with a state and a job:
//
//   kIdle, kAsleep -> kReady      the caller, when it has written the job; wakes a sleeper
//   kReady -> kRunning            the worker: the job is its own
//   kReady -> kIdle               the caller, who takes the job back
//   kRunning -> kAwaited          the caller, before it sleeps
//   kRunning, kAwaited -> kIdle   the worker, when it has written the status; wakes a sleeper
//   kIdle -> kAsleep              the worker, before it sleeps
//   any -> kStop                  the pool, when no job is running
//
// Every change is one atomic operation on the word that sleepers wait for, so no wake-up is lost.
#include "runtime/thread_pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "runtime/cpu_limit.h"
#include "runtime/float_environment.h"

namespace ndl::runtime {
namespace {

enum State : std::uint32_t { kIdle, kAsleep, kReady, kRunning, kAwaited, kStop };

using Word = std::atomic<std::uint32_t>;
static_assert(sizeof(Word) == 4 && Word::is_always_lock_free, "a futex is a plain 32-bit word");

void pause_cpu() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Until `word` is not `value`; spurious returns happen.
void sleep_while(Word& word, std::uint32_t value) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

void wake(Word& word) { syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0); }

// Whether `word` changes from `value` within `time`.
bool spin_while(const Word& word, std::uint32_t value, std::chrono::microseconds time) {
  constexpr int kPausesBetweenClocks = 64;
  const auto changed = [&] { return word.load(std::memory_order_acquire) != value; };
  if (changed()) return true;
  if (time.count() == 0) return false;
  const auto end = std::chrono::steady_clock::now() + time;
  do {
    for (int i = 0; i < kPausesBetweenClocks; ++i) {
      pause_cpu();
      if (changed()) return true;
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

}  // namespace

// Two lines, because CPUs fetch them in pairs.
struct alignas(128) ThreadPool::Worker {
  Word state{kIdle};
  Body body = nullptr;
  void* argument = nullptr;
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t status = 0;

  // Changed seldom, so the caller has the line at hand; no more than a hint.
  alignas(64) std::atomic<bool> sleeps{false};
  std::chrono::microseconds spin{};
  pthread_t thread{};

  bool change(std::uint32_t from, State to) {
    return state.compare_exchange_strong(from, to, std::memory_order_acq_rel,
                                         std::memory_order_acquire);
  }

  void run() noexcept { status = body(argument, begin, end); }

  void post() {
    if (state.exchange(kReady, std::memory_order_acq_rel) == kAsleep) wake(state);
  }

  void await() {
    if (spin_while(state, kRunning, spin)) return;
    if (!change(kRunning, kAwaited)) return;
    while (state.load(std::memory_order_acquire) == kAwaited) sleep_while(state, kAwaited);
  }

  static void* main(void* worker) {
    const DefaultFloatEnvironment environment;
    static_cast<Worker*>(worker)->loop();
    return nullptr;
  }

  void sleep() {
    if (!change(kIdle, kAsleep)) return;
    sleeps.store(true, std::memory_order_relaxed);
    while (state.load(std::memory_order_acquire) == kAsleep) sleep_while(state, kAsleep);
    sleeps.store(false, std::memory_order_relaxed);
  }

  void loop() {
    while (true) {
      if (!spin_while(state, kIdle, spin)) sleep();
      if (state.load(std::memory_order_acquire) == kStop) return;
      if (!change(kReady, kRunning)) continue;  // taken back
      run();
      if (state.exchange(kIdle, std::memory_order_acq_rel) == kAwaited) wake(state);
    }
  }
};

// All pools, for fork().
class ThreadPoolRegistry {
 public:
  static void add(ThreadPool* pool) {
    const std::lock_guard lock(get().mutex_);
    get().pools_.push_back(pool);
  }
  static void remove(ThreadPool* pool) {
    const std::lock_guard lock(get().mutex_);
    std::erase(get().pools_, pool);
  }

 private:
  // Never destroyed: a process may fork while it exits.
  static ThreadPoolRegistry& get() {
    static ThreadPoolRegistry& registry = []() -> ThreadPoolRegistry& {
      auto* created = new ThreadPoolRegistry;
      pthread_atfork(prepare, parent, child);
      return *created;
    }();
    return registry;
  }
  static void prepare() { get().mutex_.lock(); }
  static void parent() { get().mutex_.unlock(); }
  static void child() {
    for (ThreadPool* pool : get().pools_) pool->forget_workers();
    get().mutex_.unlock();
  }

  std::mutex mutex_;
  std::vector<ThreadPool*> pools_;
};

ThreadPool::ThreadPool(const ThreadPoolOptions& options)
    : threads_(options.threads > 0 ? options.threads : available_cpus()),
      spin_(threads_ <= available_cpus() ? options.spin : std::chrono::microseconds(0)),
      workers_(new Worker[static_cast<std::size_t>(threads_ - 1)]) {
  ThreadPoolRegistry::add(this);
}

ThreadPool::~ThreadPool() {
  while (!stop(std::chrono::seconds(1))) {
  }
  ThreadPoolRegistry::remove(this);
}

std::int64_t ThreadPool::parallel_for(std::int64_t count, int threads, Body body, void* argument,
                                      std::int64_t work) noexcept {
  if (count <= 0) return 0;
  const std::int64_t wanted =
      std::min<std::int64_t>(threads > 0 ? std::min(threads, threads_) : threads_, count);
  if (wanted == 1 || !acquire()) return body(argument, 0, count);

  const int workers = workers_for(static_cast<int>(wanted) - 1, work);
  const std::int64_t width = workers + 1;
  // t*count/width without overflow.
  const auto first_chunk = [&, quotient = count / width, rest = count % width](std::int64_t t) {
    return t * quotient + t * rest / width;
  };
  for (int t = 0; t < workers; ++t) {
    Worker& worker = workers_[t];
    worker.body = body;
    worker.argument = argument;
    worker.begin = first_chunk(t + 1);
    worker.end = first_chunk(t + 2);
    worker.post();
  }
  std::int64_t status = body(argument, 0, first_chunk(1));
  // The last ones were posted last, so they are the least likely to have been begun.
  for (int t = workers - 1; t >= 0; --t) {
    if (workers_[t].change(kReady, kIdle)) workers_[t].run();
  }
  for (int t = 0; t < workers; ++t) {
    workers_[t].await();
    if (status == 0) status = workers_[t].status;
  }
  release();
  return status;
}

int ThreadPool::workers_for(int wanted, std::int64_t work) {
  const int started = std::min(started_.load(std::memory_order_relaxed), wanted);
  int awake = 0;
  while (awake < started && !workers_[awake].sleeps.load(std::memory_order_relaxed)) ++awake;
  if (awake == wanted) return wanted;
  work_without_sleepers_ += std::min(work, kWorthWaking);
  if (work_without_sleepers_ < kWorthWaking) return awake;
  work_without_sleepers_ = 0;
  return start_workers(wanted);
}

int ThreadPool::start_workers(int workers) {
  int started = started_.load(std::memory_order_relaxed);
  if (started >= workers) return workers;
  // Signals of the process are for the threads that its author knows.
  sigset_t all;
  sigset_t own;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &own);
  for (; started < workers; ++started) {
    Worker& worker = workers_[started];
    worker.state.store(kIdle, std::memory_order_relaxed);
    worker.sleeps.store(false, std::memory_order_relaxed);
    worker.spin = spin_;
    if (pthread_create(&worker.thread, nullptr, Worker::main, &worker) != 0) break;
    pthread_setname_np(worker.thread, "needle");
  }
  pthread_sigmask(SIG_SETMASK, &own, nullptr);
  started_.store(started, std::memory_order_relaxed);
  return std::min(started, workers);
}

bool ThreadPool::stop(std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!acquire()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  const int started = started_.exchange(0, std::memory_order_relaxed);
  for (int t = 0; t < started; ++t) {
    workers_[t].state.exchange(kStop, std::memory_order_acq_rel);
    wake(workers_[t].state);
  }
  for (int t = 0; t < started; ++t) pthread_join(workers_[t].thread, nullptr);
  return true;
}

void ThreadPool::forget_workers() {
  started_.store(0, std::memory_order_relaxed);
  work_without_sleepers_ = 0;
  busy_.exchange(false, std::memory_order_acq_rel);
}

ThreadPool& default_thread_pool() {
  struct Exit {
    explicit Exit(ThreadPool& stopped) : pool(stopped) {}
    // A job that never ends, such as one that called exit(), does not keep the process.
    ~Exit() { pool.stop(std::chrono::milliseconds(100)); }
    ThreadPool& pool;
  };
  static ThreadPool& pool = *new ThreadPool;
  static const Exit exit(pool);
  return pool;
}

}  // namespace ndl::runtime
