// What decides what is worth one kernel: every constant of fusion and of the schedule of kernels.
// Nothing here changes any bit of any result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "passes/pass.h"

namespace ndl::passes {

struct CostModel {
  // The most ops that one kernel holds, but for what is read through ops that move elements.
  std::size_t max_ops = 256;
  // Bytes of the second cache of a core. Compiling asks the CPU; this is what most have, so that
  // `ndl opt` says the same everywhere.
  std::int64_t cache_bytes = 512 << 10;

  // Elements, of four bytes, of a row that stays in the cache while it is read for each of several
  // reductions. It leaves room for what else the kernel reads.
  std::int64_t row_elements() const { return cache_bytes / 8; }
  // The same for rows that run across memory: an element brings the line it is in.
  std::int64_t column_elements() const { return cache_bytes / 128; }

  // Of one row kept in memory of the kernel, because it costs much and is needed again: the first
  // cache of any CPU.
  static constexpr std::int64_t kKeptRowBytes = 32 << 10;
  // Rows are what threads share: fewer than this of many elements take nothing else along.
  static constexpr std::int64_t kFewRows = 8;
  static constexpr std::int64_t kManyElements = 1 << 16;
  // Operands of a concatenation among which an element is chosen when it is read.
  static constexpr std::size_t kMostJoined = 16;
  // Ops that make a number which every kernel computes again.
  static constexpr int kMostNumberOps = 8;
  // Bytes that are worth a launch of its own not to have twice.
  static constexpr std::int64_t kWorthALaunch = 1 << 14;
  // Enough rows for threads to share them evenly.
  static constexpr std::int64_t kEnoughRows = 64;
  // Rows that are too few for the threads of most CPUs.
  static constexpr std::int64_t kFewToShare = 16;
  // Simple vector operations on elements, of a reduction to few rows that becomes several kernels.
  static constexpr std::int64_t kWorthSplitting = 1 << 19;
  // Columns of the right operand of a product that are laid out together: as many as the widest
  // registers take at once.
  static constexpr std::int64_t kPanel = 64;
  // Whether that is worth it: rows enough read a panel again and again, which is too large for the
  // cache, or falls on few of its lines as its rows are a large power of two apart.
  static bool is_worth_packing(std::int64_t rows, std::int64_t depth, std::int64_t columns);
  // Of values that a loop would compute step by step, and which are computed for all steps at once;
  // and of one step.
  static constexpr std::int64_t kMostHoistedStepBytes = 128 << 10;
  static constexpr std::int64_t kMostHoistedBytes = std::int64_t{256} << 20;
  // Elements through one simple vector operation in a microsecond: how work is shared by threads.
  static constexpr std::int64_t kElementsPerMicrosecond = 16384;
};

inline constexpr std::string_view kMaxOpsOption = "max-ops";
inline constexpr std::string_view kCacheOption = "cache";

// As the options of the pass `fuse` say. Throws UsageError unless they are positive integers.
CostModel cost_model(const PassOptions& options);

}  // namespace ndl::passes
