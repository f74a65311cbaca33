// What ndl bench says, for people and as Google Benchmark's JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/timing.h"

namespace ndl::tools {

struct BenchResult {
  std::string name;  // of the graph
  int threads = 0;   // the most that were allowed; 0: all CPUs
  std::size_t kernels = 0;
  std::int64_t bytes = 0;      // of inputs and outputs
  double compile_seconds = 0;  // apart from the calls
  Timing timing;
};

std::string bench_text(const BenchResult& result);

// {"context": {...}, "benchmarks": [{"name": "mlp_median", "real_time": 12.5, ...}, ...]}, with an
// entry for min, median, p95 and compile.
std::string bench_json(const BenchResult& result);

// An old report beside a result.
struct BenchComparison {
  std::string table;  // old, new, new / old
  // new / old of the calls: the lower one of the shortest time and the median, as far as the old
  // report has them, because both are slower when the code is, but one may be so by chance. 0 if it
  // has neither.
  double slowdown = 0;
};

// Compares the entries of a report like the above, or of Google Benchmark itself, with those of
// `result` that have the same names. Throws IoError, which names `file`, for text that is no such
// report or has none of them.
BenchComparison compare_bench(const BenchResult& result, const std::string& old_json,
                              const std::string& file);

}  // namespace ndl::tools
