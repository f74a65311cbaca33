#include "tools/timing.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <vector>

namespace ndl::tools {
namespace {

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace

Timing time_calls(const std::function<void()>& work, double seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr std::size_t kFewest = 5;
  constexpr std::size_t kMost = 1'000'000;
  work();
  std::vector<double> times;
  const double cpu_start = cpu_seconds();
  const auto start = Clock::now();
  auto begin = start;
  while (times.size() < kMost) {
    work();
    const auto end = Clock::now();
    times.push_back(std::chrono::duration<double>(end - begin).count());
    begin = Clock::now();
    const bool is_over = std::chrono::duration<double>(end - start).count() >= seconds;
    if (is_over && times.size() >= kFewest) break;
  }
  Timing timing;
  timing.calls = static_cast<std::int64_t>(times.size());
  timing.cpu = (cpu_seconds() - cpu_start) / static_cast<double>(times.size());
  std::ranges::sort(times);
  timing.min = times.front();
  timing.median = times[times.size() / 2];
  timing.p95 = times[(times.size() - 1) * 95 / 100];
  return timing;
}

}  // namespace ndl::tools
