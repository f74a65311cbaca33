#include "passes/cost_model.h"

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

}  // namespace ndl::passes
