// The typed meaning of one op: literals in, literals out.
#pragma once

#include <span>
#include <vector>

#include "ir/attributes.h"
#include "ir/literal.h"
#include "ir/op.h"
#include "ir/type.h"

namespace ndl::ir {

// A node as its evaluation sees it. Operands are dense. Operand and result types obey infer_type
// for the same op, but not always the graph: wide evaluation has f64 for every float.
struct Evaluation {
  const OpDef& def;
  const Attributes& attributes;
  const Type& result;
  std::span<const Literal> operands;

  const Shape& shape(std::size_t operand) const { return operands[operand].shape(); }
  DType dtype(std::size_t operand) const { return operands[operand].dtype(); }
};

// One literal for each element of the result type. Throws IndexError for an index out of range.
using Evaluate = std::vector<Literal> (*)(const Evaluation&);

}  // namespace ndl::ir
