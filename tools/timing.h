// How long something takes that is done again and again.
#pragma once

#include <cstdint>
#include <functional>

namespace ndl::tools {

// Of the calls that were timed, in seconds.
struct Timing {
  std::int64_t calls = 0;
  double min = 0;
  double median = 0;
  double p95 = 0;  // 95 of 100 calls take at most so long
  double cpu = 0;  // of all threads of the process, a call on average
};

// Calls `work` once, then for `seconds` of real time, and at least 5 and at most a million times.
Timing time_calls(const std::function<void()>& work, double seconds);

}  // namespace ndl::tools
