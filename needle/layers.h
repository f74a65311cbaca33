// The layers that models are made of.
//
//   const nn::Sequential model{nn::Flatten(), nn::Linear(784, 64), nn::ReLU(), nn::Linear(64, 10)};
//   const Tensor logits = model(images);
//
// Inputs have the batch first: x[N, ...]. Layers draw what they begin with when they are made; in
// braces, unlike in parentheses, C++ makes them from the left to the right with every compiler.
#pragma once

#include <cstdint>
#include <optional>
#include <source_location>
#include <tuple>
#include <utility>

#include "needle/activation.h"
#include "needle/elementwise.h"
#include "needle/init.h"
#include "needle/module.h"
#include "needle/reduction.h"
#include "needle/shaping.h"

namespace ndl::nn {

struct Identity : Module {
  Tensor operator()(const Operand& x) const { return x.tensor(); }
};

// x[N, ...] -> [N, product of the rest]
struct Flatten : Module {
  Tensor operator()(const Operand& x) const;
};

// max(x, 0)
struct ReLU : Module {
  Tensor operator()(const Operand& x) const { return relu(x); }
};
struct Tanh : Module {
  Tensor operator()(const Operand& x) const { return tanh(x); }
};
struct Sigmoid : Module {
  Tensor operator()(const Operand& x) const { return sigmoid(x); }
};
// x times the probability that a normal number is below x (D. Hendrycks, K. Gimpel, 2016).
struct GELU : Module {
  Tensor operator()(const Operand& x) const;
};

// x[..., in] weight + bias -> [..., out]. weight[in, out] begins kaiming_uniform, bias[1, out] as
// kaiming_uniform(out, 1) does.
class Linear : public Module {
 public:
  Linear(std::int64_t in_features, std::int64_t out_features, bool has_bias = true,
         const std::source_location& at = std::source_location::current());

  Tensor operator()(const Operand& x) const;

  Parameter weight;
  std::optional<Parameter> bias;
  NDL_MEMBERS(weight, bias)
};

// Each element 0 with probability p while training, and the others divided by 1 - p; else x.
class Dropout : public Module {
 public:
  // Throws UsageError for a p outside [0, 1).
  explicit Dropout(double p = 0.5,
                   const std::source_location& at = std::source_location::current());

  Tensor operator()(const Operand& x) const;

  Mode mode;
  NDL_MEMBERS(mode)

 private:
  double p_;
};

// (x - mean) / sqrt(variance + eps) over the last axis, times weight plus bias, both [dim]. The
// variance is that of the elements themselves, divided by their number.
class LayerNorm : public Module {
 public:
  explicit LayerNorm(std::int64_t dim, double eps = 1e-5,
                     const std::source_location& at = std::source_location::current());

  Tensor operator()(const Operand& x) const;

  Parameter weight;
  Parameter bias;
  NDL_MEMBERS(weight, bias)

 private:
  double eps_;
};

// x[N, dim], each column normalized as by LayerNorm: while training by its own mean and variance,
// of which running means are kept (new = (1 - momentum) * old + momentum * current), else by those.
class BatchNorm1d : public Module {
 public:
  explicit BatchNorm1d(std::int64_t dim, double eps = 1e-5, double momentum = 0.1,
                       const std::source_location& at = std::source_location::current());

  Tensor operator()(const Operand& x) const;

  Parameter weight;
  Parameter bias;
  Buffer running_mean;
  Buffer running_var;
  Mode mode;
  NDL_MEMBERS(weight, bias, running_mean, running_var, mode)

 private:
  double eps_;
  double momentum_;
};

// One module after the other.
template <class... Modules>
class Sequential : public Module {
 public:
  explicit Sequential(Modules... list) : modules(std::move(list)...) {}

  Tensor operator()(const Operand& x) const {
    Tensor value = x.tensor();
    std::apply(
        [&](const auto&... module) { ((value = module(Operand(value, x.location()))), ...); },
        modules);
    return value;
  }

  std::tuple<Modules...> modules;
  NDL_MEMBERS(modules)
};

// fn(x) + x
template <class F>
class Residual : public Module {
 public:
  explicit Residual(F f) : fn(std::move(f)) {}

  Tensor operator()(const Operand& x) const { return add(Operand(fn(x), x.location()), x); }

  F fn;
  NDL_MEMBERS(fn)
};

// mean((x - y)^2)
struct L2Loss : Module {
  Tensor operator()(const Operand& x, const Operand& y) const;
};

// The mean over n of logsumexp(logits[n]) - logits[n, labels[n]]: the cross-entropy of softmax.
// logits[N, classes] and labels[N], i32 or i64; computing throws IndexError for a label that is no
// class.
struct SoftmaxLoss : Module {
  Tensor operator()(const Operand& logits, const Operand& labels) const;
};

}  // namespace ndl::nn
