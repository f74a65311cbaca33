// Tensors filled with a number. They require no gradient unless the options say so.
#pragma once

#include <source_location>

#include "needle/operand.h"
#include "needle/tensor.h"

namespace ndl {

inline constexpr TensorOptions kNoGradient{.dtype = std::nullopt, .requires_grad = false};

// `value` everywhere; f32, i32 or bool by the kind of number unless the options say otherwise.
// Throws DTypeError for a number that an integer dtype does not hold. A tensor stands for its
// elements, which broadcast to the shape, or throw ShapeError.
Tensor full(const ir::Shape& shape, const Operand& value,
            const TensorOptions& options = kNoGradient);
// f32 unless the options say otherwise.
Tensor zeros(const ir::Shape& shape, const TensorOptions& options = kNoGradient,
             const std::source_location& at = std::source_location::current());
Tensor ones(const ir::Shape& shape, const TensorOptions& options = kNoGradient,
            const std::source_location& at = std::source_location::current());
// Of the type of x.
Tensor full_like(const Tensor& x, const Operand& value);
Tensor zeros_like(const Tensor& x,
                  const std::source_location& at = std::source_location::current());
Tensor ones_like(const Tensor& x, const std::source_location& at = std::source_location::current());

}  // namespace ndl
