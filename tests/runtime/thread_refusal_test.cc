// The pool where the system gives it no threads.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdint>
#include <cstdlib>

#include "runtime/thread_pool.h"

namespace ndl::runtime {
namespace {

void run_without_address_space() {
  ThreadPool pool({.threads = 3});
  const rlimit none{1, 1};
  setrlimit(RLIMIT_AS, &none);  // so there is none for the stack of a thread
  std::int64_t chunks = 0;
  pool.parallel_for(10, 0, [&](std::int64_t begin, std::int64_t end) -> std::int64_t {
    chunks += end - begin;
    return 0;
  });
  std::_Exit(chunks == 10 ? 0 : 1);
}

TEST(ThreadPool, DoesWithoutTheThreadsThatTheSystemRefuses) {
  EXPECT_EXIT(run_without_address_space(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace ndl::runtime
