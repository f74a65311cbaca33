// Gradients of what was recorded. Tensor::backward() leaves them on the tensors; here they are
// results.
//
//   const Tensor loss = l2(model(x), y);
//   const std::vector<Tensor> g = gradients(loss, nn::parameters(model));
//
// A gradient is recorded like anything else: it is computed when somebody asks for it, together
// with what else is pending, and has a gradient itself. passes/derive.h lists the conventions at
// points without derivative.
#pragma once

#include <optional>
#include <source_location>
#include <span>
#include <vector>

#include "needle/tensor.h"

namespace ndl {

// d(sum of y * out_grad) / dx for each x, which has floats and requires a gradient; out_grad is 1
// everywhere if left out. Zeros for an x that y was not computed from. Throws GradientError if y or
// an x requires no gradient, or y was computed from a value that set_data() has replaced;
// ShapeError or DTypeError for an out_grad of another type.
std::vector<Tensor> gradients(const Tensor& y, std::span<const Tensor> xs,
                              const std::optional<Tensor>& out_grad = std::nullopt,
                              const std::source_location& at = std::source_location::current());
Tensor gradient(const Tensor& y, const Tensor& x,
                const std::optional<Tensor>& out_grad = std::nullopt,
                const std::source_location& at = std::source_location::current());

}  // namespace ndl
