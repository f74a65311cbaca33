#include "needle/creation.h"

#include "needle/shaping.h"

namespace ndl {

Tensor full(const ir::Shape& shape, const Operand& value, const TensorOptions& options) {
  const DType dtype = options.dtype.value_or(value.dtype().dtype);
  const Tensor one = astype(Operand(Tensor(value.record(dtype)), value.location()), dtype);
  const Tensor all = broadcast_to(Operand(one, value.location()), shape);
  return options.requires_grad ? Tensor(make_alias(all.record(), true)) : all.detach();
}

Tensor zeros(const ir::Shape& shape, const TensorOptions& options, const std::source_location& at) {
  return full(shape, Operand(0.0F, at), options);
}

Tensor ones(const ir::Shape& shape, const TensorOptions& options, const std::source_location& at) {
  return full(shape, Operand(1.0F, at), options);
}

Tensor full_like(const Tensor& x, const Operand& value) {
  return full(x.shape(), value, {.dtype = x.dtype(), .requires_grad = false});
}

Tensor zeros_like(const Tensor& x, const std::source_location& at) {
  return full_like(x, Operand(0, at));
}

Tensor ones_like(const Tensor& x, const std::source_location& at) {
  return full_like(x, Operand(1, at));
}

}  // namespace ndl
