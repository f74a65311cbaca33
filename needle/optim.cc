#include "needle/optim.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "needle/creation.h"
#include "needle/elementwise.h"
#include "needle/no_grad.h"

namespace ndl::optim {
namespace {

// A number that is state; as an f64, it is exact for parameters of any dtype.
Tensor state(double value) {
  return Tensor::scalar(value, {.dtype = DType::kF64, .requires_grad = false});
}

// What a parameter of that dtype is updated in: 16 bits are too few for running means.
DType update_dtype(DType dtype) { return accumulator_of(dtype); }

}  // namespace

Optimizer::Optimizer(std::vector<Tensor> parameters, double lr, const std::source_location& at)
    : lr_(state(lr)) {
  for (Tensor& parameter : parameters) {
    const bool is_shared =
        std::ranges::any_of(parameters_, [&](const Tensor& other) { return other.is(parameter); });
    if (!is_shared) parameters_.push_back(std::move(parameter));
  }
  if (parameters_.empty()) {
    throw ShapeError(
        Diagnostic{to_location(at), "an optimizer needs parameters, and got none", ""});
  }
}

void Optimizer::step() {
  const NoGradGuard no_grad;
  begin_step();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    Tensor& parameter = parameters_[i];
    if (!parameter.has_grad()) continue;
    const DType dtype = update_dtype(parameter.dtype());
    const Tensor value =
        updated(i, parameter.data().astype(dtype), parameter.grad().data().astype(dtype));
    parameter.set_data(value.astype(parameter.dtype()));
  }
}

void Optimizer::reset_grad() {
  for (Tensor& parameter : parameters_) parameter.reset_grad();
}

void Optimizer::set_lr(double lr) { lr_.set_data(state(lr)); }

std::vector<Tensor> Optimizer::zeros_for_parameters() const {
  std::vector<Tensor> zeros;
  for (const Tensor& parameter : parameters_) {
    zeros.push_back(ndl::zeros(parameter.shape(),
                               {.dtype = update_dtype(parameter.dtype()), .requires_grad = false}));
  }
  return zeros;
}

SGD::SGD(std::vector<Tensor> parameters, const SGDOptions& options, const std::source_location& at)
    : Optimizer(std::move(parameters), options.lr, at), options_(options) {
  if (options_.momentum != 0) velocities_ = zeros_for_parameters();
}

Tensor SGD::updated(std::size_t i, const Tensor& value, const Tensor& grad) {
  Tensor u = grad;
  if (options_.weight_decay != 0) u = u + options_.weight_decay * value;
  if (options_.momentum != 0) {
    u = options_.momentum * velocities_[i].data() + (1 - options_.momentum) * u;
    velocities_[i].set_data(u);
  }
  return value - lr().astype(value.dtype()) * u;
}

Adam::Adam(std::vector<Tensor> parameters, const AdamOptions& options,
           const std::source_location& at)
    : Optimizer(std::move(parameters), options.lr, at),
      options_(options),
      power1_(state(1)),
      power2_(state(1)),
      means_(zeros_for_parameters()),
      squares_(zeros_for_parameters()) {}

void Adam::begin_step() {
  power1_.set_data(power1_.data() * options_.beta1);
  power2_.set_data(power2_.data() * options_.beta2);
}

Tensor Adam::updated(std::size_t i, const Tensor& value, const Tensor& grad) {
  const Tensor g = options_.weight_decay != 0 ? grad + options_.weight_decay * value : grad;
  const Tensor m = options_.beta1 * means_[i].data() + (1 - options_.beta1) * g;
  const Tensor v = options_.beta2 * squares_[i].data() + (1 - options_.beta2) * (g * g);
  means_[i].set_data(m);
  squares_[i].set_data(v);
  const DType dtype = value.dtype();
  const Tensor corrected = m / (1 - power1_).astype(dtype);
  const Tensor scale = sqrt(v / (1 - power2_).astype(dtype)) + options_.eps;
  return value - lr().astype(dtype) * corrected / scale;
}

AdamW::AdamW(std::vector<Tensor> parameters, const AdamOptions& options,
             const std::source_location& at)
    : Adam(std::move(parameters),
           {options.lr, options.beta1, options.beta2, options.eps, /*weight_decay=*/0}, at),
      weight_decay_(options.weight_decay) {}

Tensor AdamW::updated(std::size_t i, const Tensor& value, const Tensor& grad) {
  const Tensor decay = (lr() * weight_decay_).astype(value.dtype());
  return Adam::updated(i, value - decay * value, grad);
}

}  // namespace ndl::optim
