// A random use of any op of the table, on operands that somebody else chooses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "ir/attributes.h"
#include "ir/builder.h"
#include "ir/op.h"
#include "tests/random.h"

namespace ndl::test {

// Who chooses the operands.
class Operands {
 public:
  virtual ~Operands() = default;
  // A tensor with one of the dtypes, and at least that rank.
  virtual ir::Value any(DTypeSet allowed, std::size_t least_rank) = 0;
  // A tensor of that type.
  virtual ir::Value of_type(const ir::TensorType& type) = 0;
  // Integers in [0, bound), so that indexing works, or mostly does. bound > 0.
  virtual ir::Value indices(const ir::TensorType& type, std::int64_t bound) = 0;
  // A tuple of one element at least; nothing if there is none to be had.
  virtual std::optional<ir::Value> tuple() = 0;
  // What an op without operands gives, with one of the dtypes and at least that rank.
  virtual ir::TensorType result_type(DTypeSet allowed, std::size_t least_rank) = 0;
  // What a fusion of such operands does; null for no fusion.
  virtual ir::Region body(std::span<const ir::Type> parameters) = 0;
};

// Adds a node of the op with random attributes, all that its first operand allows in time. Nothing
// if the op is a parameter, or `operands` has not what it takes. Throws ShapeError for attributes
// and operands that do not fit: extents of channels that a convolution cannot have, and the like.
std::optional<ir::Value> random_op(ir::Builder& builder, Random& random, Operands& operands,
                                   const ir::OpDef& def);

}  // namespace ndl::test
