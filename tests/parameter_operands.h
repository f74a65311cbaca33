// Operands of a random op that are all parameters of the graph, or made of parameters.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"
#include "tests/random_op.h"

namespace ndl::test {

// The first operand has `dtype` where the op takes it, and the shape that choose_shape() gives.
class ParameterOperands : public Operands {
 public:
  ParameterOperands(Random& random, DType dtype)
      : builder_(graph_), random_(random), dtype_(dtype) {}

  ir::Value any(DTypeSet allowed, std::size_t least_rank) override;
  ir::Value of_type(const ir::TensorType& type) override;
  ir::Value indices(const ir::TensorType& type, std::int64_t bound) override;
  std::optional<ir::Value> tuple() override;
  ir::TensorType result_type(DTypeSet allowed, std::size_t least_rank) override;
  ir::Region body(std::span<const ir::Type> parameters) override;

  // Where the nodes go.
  ir::Builder& builder() { return builder_; }

  // The graph with this result. Parameter i has indices below bounds[i] if that is not 0.
  struct Finished {
    ir::Graph graph;
    std::vector<std::int64_t> bounds;
  };
  Finished finished(ir::Value result) const;

 protected:
  Random& random() { return random_; }
  ir::Value parameter(const ir::TensorType& type, std::int64_t bound = 0);

 private:
  virtual ir::Shape choose_shape(std::size_t least_rank) = 0;
  // A value of that type made of new parameters; indices below `bound` if that is not 0.
  virtual ir::Value operand(const ir::TensorType& type, std::int64_t bound) = 0;

  ir::Graph graph_;
  ir::Builder builder_;
  Random& random_;
  DType dtype_;
  std::optional<ir::Shape> shape_;
  // Constants that stand for parameters, which have to come before every other node; their bounds.
  std::vector<std::pair<ir::Value, std::int64_t>> parameters_;
};

}  // namespace ndl::test
