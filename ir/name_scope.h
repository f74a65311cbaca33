// The values of one graph or region by name, while its text is parsed.
//
// Names are views of the text, which outlives the scope. Numbers that come about in order, as
// print() gives them, are looked up in an array.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/graph.h"

namespace ndl::ir {

class NameScope {
 public:
  std::optional<Value> find(std::string_view name) const {
    const std::size_t number = number_of(name);
    if (number < numbered_.size() && numbered_[number]) return numbered_[number];
    const auto it = named_.find(name);
    return it == named_.end() ? std::nullopt : std::optional(it->second);
  }
  // False when there is a value of that name.
  bool define(std::string_view name, Value value) {
    if (find(name)) return false;
    const std::size_t number = number_of(name);
    if (number >= numbered_.size() + kLargestGap) {
      named_.emplace(name, value);
      return true;
    }
    if (number >= numbered_.size()) numbered_.resize(number + 1);
    numbered_[number] = value;
    return true;
  }
  std::size_t size() const { return named_.size() + numbered_.size(); }
  std::vector<std::string_view> names() const {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : named_) names.push_back(name);
    std::ranges::sort(names);
    return names;
  }

 private:
  static constexpr std::size_t kLargestGap = 64;
  static constexpr std::size_t kNoNumber = static_cast<std::size_t>(-1) - kLargestGap;

  static std::size_t number_of(std::string_view name) {
    constexpr std::size_t kMostDigits = 9;
    const bool canonical = name.size() <= kMostDigits && (name == "0" || !name.starts_with('0'));
    if (!canonical) return kNoNumber;
    std::size_t number = 0;
    for (const char c : name) {
      if (c < '0' || c > '9') return kNoNumber;
      number = 10 * number + static_cast<std::size_t>(c - '0');
    }
    return number;
  }

  std::unordered_map<std::string_view, Value> named_;
  std::vector<std::optional<Value>> numbered_;
};

}  // namespace ndl::ir
