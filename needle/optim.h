// Optimizers: what a step of training does with gradients.
//
//   optim::SGD opt(nn::parameters(model), {.lr = 0.01});
//   loss.backward();
//   opt.step();
//
// A step is recorded like anything else; it keeps no history. Parameters that have no grad() are
// left alone, one that is given twice is stepped once, and those of 16 bits are updated, and have
// their state, in f32. The learning rate and all state are tensors, so in a jitted function
// (needle/jit.h) they are part of what it reads and changes, and a new learning rate compiles
// nothing.
#pragma once

#include <source_location>
#include <vector>

#include "needle/tensor.h"

namespace ndl::optim {

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // Changes the parameters by their gradients.
  void step();
  // Takes all gradients away.
  void reset_grad();

  // A handle to the tensor, f64 of rank 0, that holds it.
  const Tensor& lr() const { return lr_; }
  void set_lr(double lr);

  const std::vector<Tensor>& parameters() const { return parameters_; }

 protected:
  // Throws ShapeError if there are no parameters.
  Optimizer(std::vector<Tensor> parameters, double lr, const std::source_location& at);

  // Before the parameters of one step are updated.
  virtual void begin_step() {}
  // The new value of parameter i, neither of the operands having a history.
  virtual Tensor updated(std::size_t i, const Tensor& value, const Tensor& grad) = 0;

  // One tensor of zeros for each parameter, of its shape.
  std::vector<Tensor> zeros_for_parameters() const;

 private:
  std::vector<Tensor> parameters_;
  Tensor lr_;
};

struct SGDOptions {
  double lr = 0.01;
  double momentum = 0;
  double weight_decay = 0;
};

// u = momentum * u + (1 - momentum) * (grad + weight_decay * w), from u = 0; w = w - lr * u.
class SGD : public Optimizer {
 public:
  explicit SGD(std::vector<Tensor> parameters, const SGDOptions& options = {},
               const std::source_location& at = std::source_location::current());

 private:
  Tensor updated(std::size_t i, const Tensor& value, const Tensor& grad) override;

  SGDOptions options_;
  std::vector<Tensor> velocities_;
};

struct AdamOptions {
  double lr = 0.01;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
};

// D. Kingma, J. Ba, 2015: w = w - lr * m' / (sqrt(v') + eps), where m and v are running means of
// g and g^2 and m', v' those corrected for their beginning at 0; g = grad + weight_decay * w.
class Adam : public Optimizer {
 public:
  explicit Adam(std::vector<Tensor> parameters, const AdamOptions& options = {},
                const std::source_location& at = std::source_location::current());

 protected:
  void begin_step() override;
  Tensor updated(std::size_t i, const Tensor& value, const Tensor& grad) override;

 private:
  AdamOptions options_;
  // beta1 and beta2 to the power of the number of steps.
  Tensor power1_;
  Tensor power2_;
  std::vector<Tensor> means_;
  std::vector<Tensor> squares_;
};

// I. Loshchilov, F. Hutter, 2019: Adam with g = grad, and w = w - lr * weight_decay * w besides.
class AdamW : public Adam {
 public:
  explicit AdamW(std::vector<Tensor> parameters, const AdamOptions& options = {},
                 const std::source_location& at = std::source_location::current());

 private:
  Tensor updated(std::size_t i, const Tensor& value, const Tensor& grad) override;

  double weight_decay_;
};

}  // namespace ndl::optim
