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

// A table of the entries of a report like the above, or of Google Benchmark itself, beside those of
// `result` that have the same names: old, new, new / old. Throws IoError, which names `file`, for
// text that is no such report or has none of them.
std::string bench_comparison(const BenchResult& result, const std::string& old_json,
                             const std::string& file);

}  // namespace ndl::tools
