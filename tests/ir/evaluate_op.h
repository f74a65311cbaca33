// One op on literals, without a graph; and what references are written with.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <random>
#include <vector>

#include "ir/evaluate.h"
#include "ir/infer.h"
#include "ir/math/convert.h"

namespace ndl::ir::test {

// The results of `op`: its type rule, then its typed evaluation. `given` is the written type.
inline std::vector<Literal> evaluate_op(Op op, const std::vector<Literal>& operands,
                                        Attributes attributes = {},
                                        const std::optional<Type>& given = std::nullopt) {
  std::vector<Type> types;
  std::vector<const Type*> pointers;
  for (const Literal& operand : operands) types.emplace_back(operand.type());
  for (const Type& type : types) pointers.push_back(&type);
  const OpDef& def = op_def(op);
  const Type result = infer_type(def, pointers, attributes, given ? &*given : nullptr);
  std::vector<Literal> results = def.evaluate({def, attributes, result, operands});
  EXPECT_EQ(results.size(), result.elements().size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].type(), result.elements()[i]);
  }
  return results;
}

inline Literal evaluate_one(Op op, const std::vector<Literal>& operands, Attributes attributes = {},
                            const std::optional<Type>& given = std::nullopt) {
  return evaluate_op(op, operands, std::move(attributes), given).front();
}

inline std::vector<DType> dtypes_in(DTypeSet set) {
  std::vector<DType> dtypes;
  for (int i = 0; i < kDTypeCount; ++i) {
    if (set.contains(static_cast<DType>(i))) dtypes.push_back(static_cast<DType>(i));
  }
  return dtypes;
}

// Every index of a shape, in row-major order.
inline std::vector<Dims> indices_of(const Shape& shape) {
  std::vector<Dims> indices = {{}};
  for (const std::int64_t extent : shape) {
    std::vector<Dims> longer;
    for (const Dims& index : indices) {
      for (std::int64_t i = 0; i < extent; ++i) {
        longer.push_back(index);
        longer.back().push_back(i);
      }
    }
    indices = std::move(longer);
  }
  return indices;
}

inline std::int64_t position_of(const Shape& shape, const Dims& index) {
  std::int64_t position = 0;
  for (std::size_t i = 0; i < shape.rank(); ++i) position = position * shape[i] + index[i];
  return position;
}

// Random bits, so that every NaN and denormal occurs; bools are 0 or 1.
inline Literal random_bits(DType dtype, Shape shape, unsigned seed = 1) {
  Literal literal = Literal::uninitialized({dtype, std::move(shape)});
  std::mt19937 random(seed);
  for (std::int64_t i = 0; i < literal.type().bytes(); ++i) {
    const unsigned byte = random();
    literal.bytes()[i] = std::byte(dtype == DType::kBool ? byte & 1 : byte & 0xff);
  }
  return literal;
}

// Numbers in [low, high], multiples of 1/8 for floats.
inline Literal random_numbers(DType dtype, Shape shape, int low = -8, int high = 8,
                              unsigned seed = 1) {
  Literal literal = Literal::uninitialized({dtype, std::move(shape)});
  std::mt19937 random(seed);
  visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
    for (std::int64_t i = 0; i < literal.size(); ++i) {
      const auto span = static_cast<unsigned>(high - low);
      const double value =
          low + (is_float(dtype) ? random() % (8 * span + 1) / 8.0 : double(random() % (span + 1)));
      literal.mutable_data<T>()[i] = math::convert_element<T>(value);
    }
  });
  return literal;
}

template <class T>
Literal vector_of(std::initializer_list<T> values) {
  return Literal::dense(Shape{static_cast<std::int64_t>(values.size())}, values);
}

// The bits of element i of `a` are those of element k of `b`.
inline bool same_element(const Literal& a, std::int64_t i, const Literal& b, std::int64_t k) {
  const auto width = static_cast<std::int64_t>(size_of(a.dtype()));
  return std::memcmp(a.bytes() + i * width, b.bytes() + k * width, size_of(a.dtype())) == 0;
}

// Equal types and bits, all NaNs equal.
inline void expect_same(const Literal& got, const Literal& want) {
  ASSERT_EQ(got.type(), want.type());
  for (std::int64_t i = 0; i < got.size(); ++i) {
    if (same_element(got, i, want, i)) continue;
    if (is_float(got.dtype()) && got.as_double(i) != got.as_double(i) &&
        want.as_double(i) != want.as_double(i)) {
      continue;
    }
    FAIL() << got.type().to_string() << " at " << i << ": " << got.as_double(i) << ", expected "
           << want.as_double(i);
  }
}

}  // namespace ndl::ir::test
