#include "needle/layers.h"

#include <numbers>

#include "base/error.h"
#include "needle/creation.h"
#include "needle/indexing.h"
#include "needle/no_grad.h"

namespace ndl::nn {

Tensor Flatten::operator()(const Operand& x) const {
  const ir::Shape& shape = x.shape();
  if (shape.rank() == 0) {
    throw ShapeError(Diagnostic{to_location(x.location()), "Flatten: x has no axes", ""});
  }
  // Not -1 for the rest: a batch may be empty.
  return reshape(x, {shape[0], ir::product(std::span(shape.dims()).subspan(1))});
}

Tensor GELU::operator()(const Operand& x) const {
  const Tensor below = 1 + erf(Operand(mul(x, Operand(1 / std::numbers::sqrt2, x.location()))));
  return mul(x, Operand(0.5 * below, x.location()));
}

Linear::Linear(std::int64_t in_features, std::int64_t out_features, bool has_bias,
               const std::source_location& at)
    : weight(init::kaiming_uniform(in_features, out_features, init::kReluGain, std::nullopt, at)) {
  if (!has_bias) return;
  bias.emplace(
      init::kaiming_uniform(out_features, 1, init::kReluGain, ir::Shape({1, out_features}), at));
}

Tensor Linear::operator()(const Operand& x) const {
  const Tensor product = matmul(x, Operand(weight, x.location()));
  if (!bias) return product;
  return add(Operand(product, x.location()), Operand(*bias, x.location()));
}

Dropout::Dropout(double p, const std::source_location& at) : p_(p) {
  if (p >= 0 && p < 1) return;
  throw UsageError(
      Diagnostic{to_location(at), fmt::format("Dropout: p is {}, not in [0, 1)", p), ""});
}

Tensor Dropout::operator()(const Operand& x) const {
  if (!mode.is_training() || p_ == 0) return x.tensor();
  const Tensor kept = init::randb(x.shape(), 1 - p_, x.location());
  const Tensor scaled = div(x, Operand(1 - p_, x.location()));
  return select(Operand(kept, x.location()), Operand(scaled, x.location()),
                Operand(0, x.location()));
}

namespace {

// (x - mean) / sqrt(var + eps) * weight + bias
Tensor normalized(const Operand& x, const Tensor& mean, const Tensor& var, double eps,
                  const Tensor& weight, const Tensor& bias) {
  const std::source_location& at = x.location();
  const Tensor centered = sub(x, Operand(mean, at));
  const Tensor scale = sqrt(Operand(var + eps, at));
  const Tensor unit = div(Operand(centered, at), Operand(scale, at));
  return add(Operand(mul(Operand(unit, at), Operand(weight, at)), at), Operand(bias, at));
}

// The mean and variance of x along `axis`, which stays with extent 1.
struct Moments {
  Tensor mean;
  Tensor var;
};
Moments moments(const Operand& x, std::int64_t axis) {
  const std::source_location& at = x.location();
  const Tensor mean = ndl::mean(x, axis, true);
  const Tensor centered = sub(x, Operand(mean, at));
  return {mean, ndl::mean(Operand(square(Operand(centered, at)), at), axis, true)};
}

Parameter filled(std::int64_t dim, double value, const std::source_location& at) {
  return Parameter(full({dim}, Operand(value, at)));
}

}  // namespace

LayerNorm::LayerNorm(std::int64_t dim, double eps, const std::source_location& at)
    : weight(filled(dim, 1, at)), bias(filled(dim, 0, at)), eps_(eps) {}

Tensor LayerNorm::operator()(const Operand& x) const {
  const Moments own = moments(x, -1);
  return normalized(x, own.mean, own.var, eps_, weight, bias);
}

BatchNorm1d::BatchNorm1d(std::int64_t dim, double eps, double momentum,
                         const std::source_location& at)
    : weight(filled(dim, 1, at)),
      bias(filled(dim, 0, at)),
      running_mean(zeros({dim}, kNoGradient, at)),
      running_var(ones({dim}, kNoGradient, at)),
      eps_(eps),
      momentum_(momentum) {}

Tensor BatchNorm1d::operator()(const Operand& x) const {
  if (x.shape().rank() != 2 || x.shape()[1] != weight.shape()[0]) {
    throw ShapeError(Diagnostic{
        to_location(x.location()),
        fmt::format("BatchNorm1d: x [N, {}] is {}", weight.shape()[0], x.shape().to_string()), ""});
  }
  if (!mode.is_training()) {
    return normalized(x, running_mean, running_var, eps_, weight, bias);
  }
  const Moments own = moments(x, 0);
  const auto keep = [&](Tensor running, const Tensor& current) {
    const NoGradGuard no_grad;
    const Tensor now = current.detach().reshape(running.shape().dims(), x.location());
    const Tensor next = (1 - momentum_) * running.data() + momentum_ * now;
    running.set_data(next.astype(running.dtype()), x.location());
  };
  keep(running_mean, own.mean);
  keep(running_var, own.var);
  return normalized(x, own.mean, own.var, eps_, weight, bias);
}

Tensor L2Loss::operator()(const Operand& x, const Operand& y) const {
  return mean(Operand(square(Operand(sub(x, y), x.location())), x.location()));
}

Tensor SoftmaxLoss::operator()(const Operand& logits, const Operand& labels) const {
  const std::source_location& at = logits.location();
  const ir::Shape& shape = logits.shape();
  if (shape.rank() != 2 || labels.shape() != ir::Shape({shape[0]})) {
    throw ShapeError(
        Diagnostic{to_location(at),
                   fmt::format("SoftmaxLoss: logits [N, classes] and labels [N] are {} and {}",
                               shape.to_string(), labels.shape().to_string()),
                   ""});
  }
  const Tensor chosen = gather(logits, labels, 1, 1);
  return mean(Operand(sub(Operand(logsumexp(logits, 1), at), Operand(chosen, at)), at));
}

}  // namespace ndl::nn
