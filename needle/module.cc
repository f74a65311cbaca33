#include "needle/module.h"

#include <fmt/format.h>

#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "needle/jit_epoch.h"

namespace ndl::nn {

void Mode::set_training(bool is_training) const {
  if (is_training == is_training_) return;
  is_training_ = is_training;
  ndl::internal::bump_jit_epoch();
}

namespace internal {

void load(std::span<const NamedTensor> own, std::span<const NamedTensor> state,
          const std::source_location& at) {
  std::unordered_map<std::string_view, const Tensor*> given;
  for (const NamedTensor& entry : state) given.emplace(entry.name, &entry.tensor);
  std::vector<std::string_view> missing;
  for (const NamedTensor& entry : own) {
    const auto it = given.find(entry.name);
    if (it == given.end()) {
      missing.push_back(entry.name);
      continue;
    }
    const Tensor& value = *it->second;
    const std::string message =
        fmt::format("load_state_dict: '{}' is {}, and {} in the state", entry.name,
                    entry.tensor.type().to_string(), value.type().to_string());
    if (value.shape() != entry.tensor.shape()) {
      throw ShapeError(Diagnostic{to_location(at), message, ""});
    }
    if (value.dtype() != entry.tensor.dtype()) {
      throw DTypeError(Diagnostic{to_location(at), message, ""});
    }
  }
  std::unordered_set<std::string_view> known;
  for (const NamedTensor& entry : own) known.insert(entry.name);
  std::vector<std::string_view> extra;
  for (const NamedTensor& entry : state) {
    if (!known.contains(entry.name)) extra.push_back(entry.name);
  }
  if (!missing.empty() || !extra.empty()) {
    std::string message = "load_state_dict: the state";
    if (!missing.empty()) message += fmt::format(" lacks {}", fmt::join(missing, ", "));
    if (!missing.empty() && !extra.empty()) message += " and";
    if (!extra.empty()) {
      message += fmt::format(" has {} too many: {}", extra.size(), fmt::join(extra, ", "));
    }
    throw UsageError(Diagnostic{to_location(at), message, ""});
  }
  for (const NamedTensor& entry : own) {
    Tensor tensor = entry.tensor;
    tensor.set_data(given.at(entry.name)->detach());
  }
}

}  // namespace internal
}  // namespace ndl::nn
