// Ops on many examples at a time: what vmap (passes/vmap.h) makes of an op without regions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"

namespace ndl::passes {

// A value that has an axis 0 of examples, or is the same for all.
struct Mapped {
  ir::Value value;
  bool has_axis = false;
};

// The axis, and the nodes that handle it.
class ExampleAxis {
 public:
  ExampleAxis(ir::Builder& builder, std::int64_t size) : b(builder), size_(size) {}

  ir::Builder& b;

  std::int64_t size() const { return size_; }
  ir::Shape shape(const ir::Shape& of_one) const;
  ir::TensorType type(const ir::TensorType& of_one) const {
    return {of_one.dtype, shape(of_one.shape)};
  }
  // Repeated along the axis if it has none.
  ir::Value full(const Mapped& x);
  // With axes of extent 1 behind that of the examples, until one example has this rank.
  ir::Value with_rank(const Mapped& x, std::size_t rank);
  // Of each example a or b, as `mask`, a bool for each, says.
  ir::Value select(ir::Value mask, const Mapped& a, const Mapped& b);
  ir::Value with_first_axes_swapped(ir::Value x);

 private:
  std::int64_t size_;
};

// The node `value` of `source`, of any op, on these operands, one example after the other.
ir::Value one_by_one(ExampleAxis& examples, const ir::Graph& source, ir::Value value,
                     std::span<const Mapped> operands);

// The node `value` of `source` on these operands, one of which has the axis at least; all its
// results have it, but that of an `after` whose first operand has none.
ir::Value mapped_op(ExampleAxis& examples, const ir::Graph& source, ir::Value value,
                    std::span<const Mapped> operands);

}  // namespace ndl::passes
