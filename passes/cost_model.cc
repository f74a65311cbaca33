#include "passes/cost_model.h"

#include <algorithm>

#include "base/error.h"
#include "base/number.h"

namespace ndl::passes {

CostModel cost_model(const std::map<std::string, std::string, std::less<>>& options) {
  CostModel model;
  const auto read = [&](std::string_view name, auto& field) {
    const auto it = options.find(name);
    if (it == options.end()) return;
    std::int64_t value = 0;
    if (from_text(it->second, value) != NumberError::kNone || value < 1) {
      throw_error<UsageError>("fuse: {} must be a positive integer, got '{}'", name, it->second);
    }
    field = static_cast<std::remove_reference_t<decltype(field)>>(value);
  };
  read(kMaxOpsOption, model.max_ops);
  read(kCacheOption, model.cache_bytes);
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
