// The sides of an equation (passes::Rule) as graphs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/dtype.h"
#include "ir/graph.h"
#include "passes/pattern.h"

namespace ndl::test {

// Gives every variable of a left side a type, so that the equation is about numbers of `dtype` (its
// result is bool if it compares some), and every constant a value drawn from `seed`.
class EquationGraphs {
 public:
  EquationGraphs(const passes::Pattern& left, DType dtype, std::uint64_t seed);

  // `side` over vectors, a parameter for each variable. Throws DTypeError where the ops do not take
  // the dtype, another Error where it does not hold a number.
  ir::Graph of(const passes::Pattern& side) const;

 private:
  struct Variable {
    DType dtype;
    bool is_constant;
  };

  // `wanted` is the dtype of this expression; `inner` is the dtype below a comparison.
  void visit(const passes::Pattern& pattern, DType wanted, DType inner);

  std::array<std::optional<Variable>, passes::kMaxVariables> variables_;
  DType result_;
  std::uint64_t seed_;
};

}  // namespace ndl::test
