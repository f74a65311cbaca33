// The sum over all steps of a loop of what each contributes to a gradient.
//
// A step's contribution to the gradient of a matrix is a product, and the sum of those over steps
// is one product with all steps along the axis that is contracted; that of a bias is a sum of rows,
// of all steps. So a loop gives the factors, or rows, of each step instead of adding up.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/builder.h"

namespace ndl::passes {

class SumOverSteps {
 public:
  // Of `contribution`, a value of the body of a loop of `length` steps; nothing if the loop had
  // better add it up.
  static std::optional<SumOverSteps> find(const ir::Graph& body, ir::Value contribution,
                                          std::int64_t length);

  // The values of the body of which the sum is made.
  const std::vector<ir::Value>& values() const { return values_; }
  // The sum: stacked[i] holds values()[i] of all steps, along a first axis.
  ir::Value build(ir::Builder& b, const std::vector<ir::Value>& stacked) const;

 private:
  // matmul(left, right), or transpose(left) if it says so; or, without a right side, the sum of the
  // left one over `axes`.
  struct Term {
    std::size_t left = 0;
    std::optional<std::size_t> right;
    bool is_left_transposed = false;
    ir::Dims axes;
  };

  // False if there is something in it of which no sum is known, or too many terms.
  bool add_terms(const ir::Graph& body, ir::Value contribution);
  bool add_term(const ir::Graph& body, ir::Value contribution);
  std::size_t add_value(ir::Value value);

  ir::TensorType type_;
  std::vector<Term> terms_;
  std::vector<ir::Value> values_;
};

}  // namespace ndl::passes
