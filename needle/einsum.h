// Products of tensors by the names of their axes, as numpy's einsum.
//
//   einsum("ij,jk->ik", {a, b})          a matrix product
//   einsum("bhqd,bhkd->bhqk", {q, k})    scores of attention
//   einsum("ii->i", {a})                 a diagonal
//   einsum("...i,...i->...", {x, y})     products of rows
#pragma once

#include <initializer_list>
#include <source_location>
#include <span>
#include <string_view>

#include "needle/tensor.h"

namespace ndl {

// Letters name the axes of each operand; those behind "->" are the axes of the result, over all
// others is summed. Without "->" the result has the letters that occur once, in the order of the
// alphabet. "..." stands for any axes that broadcast, first in the result. Axes of one name have
// one extent, or 1, which stretches. dtypes meet (needle/promote.h). Operands are multiplied from
// the left to the right, where axes are summed by matrix products.
//
// Throws ParseError for an equation that is none, ShapeError for tensors that do not fit it.
Tensor einsum(std::string_view equation, std::span<const Tensor> operands,
              const std::source_location& at = std::source_location::current());
Tensor einsum(std::string_view equation, std::initializer_list<Tensor> operands,
              const std::source_location& at = std::source_location::current());

}  // namespace ndl
