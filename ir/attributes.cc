#include "ir/attributes.h"

#include <algorithm>
#include <bit>

#include "base/hash.h"
#include "ir/graph.h"

namespace ndl::ir {
namespace {

struct Hash {
  std::size_t operator()(std::int64_t value) const { return static_cast<std::size_t>(value); }
  std::size_t operator()(const Dims& values) const {
    std::size_t seed = values.size();
    for (const std::int64_t value : values) hash_combine(seed, static_cast<std::size_t>(value));
    return seed;
  }
  std::size_t operator()(const std::vector<double>& values) const {
    std::size_t seed = values.size();
    for (const double value : values) hash_combine(seed, std::bit_cast<std::uint64_t>(value));
    return seed;
  }
  std::size_t operator()(const Literal& value) const { return value.hash(); }
  std::size_t operator()(const Region& value) const { return value->hash(); }
};

}  // namespace

bool equal(const AttrValue& a, const AttrValue& b) {
  if (a.index() != b.index()) return false;
  if (const auto* region = std::get_if<Region>(&a)) {
    const Region& other = std::get<Region>(b);
    return *region == other || **region == *other;
  }
  if (const auto* scalars = std::get_if<std::vector<double>>(&a)) {
    const auto same_bits = [](double x, double y) {
      return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
    };
    return std::ranges::equal(*scalars, std::get<std::vector<double>>(b), same_bits);
  }
  return a == b;
}

const AttrValue* Attributes::find(Attr name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Attributes::set(Attr name, AttrValue value) {
  for (auto& [key, old] : values_) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  values_.emplace_back(name, std::move(value));
}

bool Attributes::operator==(const Attributes& other) const {
  return std::ranges::equal(values_, other.values_, [](const auto& a, const auto& b) {
    return a.first == b.first && equal(a.second, b.second);
  });
}

std::size_t Attributes::hash() const {
  std::size_t seed = values_.size();
  for (const auto& [name, value] : values_) {
    hash_combine(seed, static_cast<std::size_t>(name));
    hash_combine(seed, std::visit(Hash{}, value));
  }
  return seed;
}

}  // namespace ndl::ir
