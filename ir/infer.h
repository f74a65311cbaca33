// From operands and attributes to the type of a node's result: the type rules of the IR.
#pragma once

#include <fmt/format.h>

#include <span>
#include <string>

#include "base/error.h"
#include "ir/attributes.h"
#include "ir/op.h"
#include "ir/type.h"

namespace ndl::ir {

// Checks operands and attributes of `op`, completes and orders `attributes` as its schema says, and
// returns the result type. `given` is the written type of the result, or null. Throws ShapeError,
// DTypeError, IndexError or VerifyError; the message begins with the op's name.
Type infer_type(const OpDef& def, std::span<const Type* const> operands, Attributes& attributes,
                const Type* given);

// What a rule sees. Rules are the functions infer_<op>, which ir/op.cc collects.
struct Inference {
  const OpDef& def;
  std::span<const Type* const> operands;
  Attributes& attributes;
  const Type* given;

  const TensorType& operand(std::size_t index) const { return operands[index]->tensor(); }
  const Shape& shape(std::size_t index) const { return operand(index).shape; }
  DType dtype(std::size_t index) const { return operand(index).dtype; }
  // "f32[4,8]": for messages.
  std::string text(std::size_t index) const { return operand(index).to_string(); }

  // The written result type, which must be a tensor.
  const TensorType& given_tensor() const;

  // A list attribute of `count` elements; a list left out becomes the fallback, and any is checked
  // to be `count` long and not below `lowest`.
  const Dims& list(Attr name, std::size_t count, std::int64_t lowest) const;
  // An attribute that names one of `rank` axes.
  std::size_t axis(Attr name, std::size_t rank) const;
  // An attribute that lists some of `rank` axes, strictly increasing.
  const Dims& axes(Attr name, std::size_t rank) const;
  // Operand `index` must have element type i32 or i64.
  void require_index_dtype(std::size_t index) const;

  // Throws E with "<op>: <message>".
  template <class E, class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw E(fmt::format("{}: {}", def.name, fmt::format(format, std::forward<Args>(args)...)));
  }
};

}  // namespace ndl::ir
