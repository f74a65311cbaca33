#include "bench/interleaved.h"

#include <algorithm>
#include <chrono>

namespace ndl::bench {

std::vector<double> medians(const std::vector<Candidate>& candidates, int rounds) {
  std::vector<std::vector<double>> times(candidates.size());
  for (const Candidate& candidate : candidates) {
    candidate.run();
    candidate.run();
  }
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const auto begin = std::chrono::steady_clock::now();
      candidates[i].run();
      const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
      times[i].push_back(time.count());
    }
  }
  std::vector<double> result;
  for (std::vector<double>& t : times) {
    std::ranges::nth_element(t, t.begin() + static_cast<std::ptrdiff_t>(t.size() / 2));
    result.push_back(t[t.size() / 2]);
  }
  return result;
}

}  // namespace ndl::bench
