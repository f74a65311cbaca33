#include "ir/type.h"

#include <limits>

#include "base/checked.h"
#include "base/error.h"
#include "base/hash.h"

namespace ndl::ir {

std::string TensorType::to_string() const {
  return std::string(name_of(dtype)) + shape.to_string();
}

Type Type::tuple(std::vector<TensorType> elements) {
  Type type;
  type.elements_ = std::move(elements);
  type.is_tuple_ = true;
  return type;
}

const TensorType& Type::tensor() const {
  NDL_CHECK(!is_tuple_, "{} is used as a tensor type", to_string());
  return elements_.front();
}

std::int64_t Type::bytes() const {
  std::int64_t total = 0;
  for (const TensorType& element : elements_) {
    total = checked_add(total, element.bytes()).value_or(std::numeric_limits<std::int64_t>::max());
  }
  return total;
}

std::size_t Type::hash() const {
  std::size_t seed = is_tuple_ ? 1 : 0;
  for (const TensorType& element : elements_) {
    hash_combine(seed, static_cast<std::size_t>(element.dtype));
    hash_combine(seed, element.shape.rank());
    for (const std::int64_t dim : element.shape) hash_combine(seed, static_cast<std::size_t>(dim));
  }
  return seed;
}

std::string Type::to_string() const {
  if (!is_tuple_) return tensor().to_string();
  std::string text = "(";
  for (const TensorType& element : elements_) {
    if (text.size() > 1) text += ", ";
    text += element.to_string();
  }
  return text + ")";
}

}  // namespace ndl::ir
