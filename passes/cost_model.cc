#include "passes/cost_model.h"

#include <algorithm>

namespace ndl::passes {

CostModel cost_model(const PassOptions& options) {
  const PassDef& fuse = *find_pass("fuse");
  CostModel model;
  model.max_ops = static_cast<std::size_t>(fuse.numbers(options, kMaxOpsOption).front());
  model.cache_bytes = fuse.numbers(options, kCacheOption).front();
  return model;
}

bool CostModel::is_worth_packing(std::int64_t rows, std::int64_t depth, std::int64_t columns) {
  constexpr std::int64_t kEnough = 128;
  constexpr std::int64_t kElement = 4;  // bytes
  if (rows < kEnough || columns < kEnough) return false;
  const std::int64_t apart = columns * kElement;
  const std::int64_t power_of_two = apart & -apart;
  const std::int64_t panel = kPanel * kElement;
  const std::int64_t usable =
      CostModel().cache_bytes * 2 * panel / std::max(power_of_two, 2 * panel);
  return depth > usable / panel;
}

}  // namespace ndl::passes
