// The attributes of one node, in the order of its op's schema.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ir/literal.h"
#include "ir/op.h"
#include "ir/shape.h"

namespace ndl::ir {

class Graph;
using Region = std::shared_ptr<const Graph>;

// Booleans, dtypes and symbols (by position in AttrDef::symbols) are held as integers.
using AttrValue = std::variant<std::int64_t, Dims, std::vector<double>, Literal, Region>;

bool equal(const AttrValue& a, const AttrValue& b);

// What `reduce` and `reduce_window` do, in the order of their symbols.
enum class ReduceKind : std::uint8_t { kSum, kProd, kMax, kMin, kAnd, kOr };

// Whether a reduction of this kind rounds, so that the dtype it accumulates in matters.
constexpr bool accumulates(ReduceKind kind) {
  return kind == ReduceKind::kSum || kind == ReduceKind::kProd;
}
// The accumulator of a `reduce` that names none.
constexpr DType default_accumulator(ReduceKind kind, DType dtype) {
  return accumulates(kind) ? accumulator_of(dtype) : dtype;
}

class Attributes {
 public:
  Attributes() = default;
  Attributes(std::initializer_list<std::pair<Attr, AttrValue>> values) : values_(values) {}

  bool empty() const { return values_.empty(); }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

  // Null when the attribute is absent.
  const AttrValue* find(Attr name) const;
  void set(Attr name, AttrValue value);

  // The value of an attribute that is there and of that kind; an internal error otherwise.
  std::int64_t integer(Attr name) const { return get<std::int64_t>(name); }
  bool boolean(Attr name) const { return get<std::int64_t>(name) != 0; }
  DType dtype(Attr name) const { return static_cast<DType>(get<std::int64_t>(name)); }
  ReduceKind kind() const { return static_cast<ReduceKind>(get<std::int64_t>(Attr::kKind)); }
  const Dims& integers(Attr name) const { return get<Dims>(name); }
  const std::vector<double>& scalars(Attr name) const { return get<std::vector<double>>(name); }
  const Literal& literal(Attr name) const { return get<Literal>(name); }
  const Region& region(Attr name) const { return get<Region>(name); }

  bool operator==(const Attributes& other) const;
  std::size_t hash() const;

 private:
  template <class T>
  const T& get(Attr name) const {
    const AttrValue* value = find(name);
    NDL_CHECK(value != nullptr && std::holds_alternative<T>(*value), "attribute {}", name_of(name));
    return std::get<T>(*value);
  }

  std::vector<std::pair<Attr, AttrValue>> values_;
};

}  // namespace ndl::ir
