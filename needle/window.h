// Functions over windows that slide along tensors: convolution and pooling.
//
// Lists in the options have an element for each axis that windows slide along; an empty list stands
// for the default everywhere. All throw ShapeError or DTypeError with the line of the call when
// operands do not fit.
#pragma once

#include <cstdint>

#include "ir/attributes.h"
#include "needle/operand.h"
#include "needle/tensor.h"

namespace ndl {

struct ConvOptions {
  ir::Dims stride = {};         // steps from window to window; 1
  ir::Dims low = {};            // zeros before the input; 0
  ir::Dims high = {};           // and after it; 0
  ir::Dims dilation = {};       // distances of the kernel's elements; 1
  ir::Dims base_dilation = {};  // distances of the input's elements, zeros between them; 1
  std::int64_t groups = 1;      // of channels, each with its own part of the kernel
};

// Cross-correlation of x [N, spatial..., C] with kernel [spatial..., C / groups, K], giving
// [N, spatial..., K]. dtypes meet (needle/promote.h).
Tensor conv(const Operand& x, const Operand& kernel, const ConvOptions& options = {});

struct WindowOptions {
  ir::Dims stride = {};    // 1
  ir::Dims low = {};       // padding before x, which leaves the reduction as it is; 0
  ir::Dims high = {};      // and after it; 0
  ir::Dims dilation = {};  // distances of a window's elements; 1
};

// The sum, product, largest or smallest element of each window of `size`, which has an element for
// each axis of x: for max pooling of [N, H, W, C] {1, 2, 2, 1}, with that stride.
Tensor reduce_window(const Operand& x, ir::ReduceKind kind, ir::Dims size,
                     const WindowOptions& options = {});

}  // namespace ndl
