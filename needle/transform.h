// Derivatives of functions: functions made of functions, which nest.
//
//   const auto f = [](const Tensor& x) { return sum(sin(x) * x); };
//   Tensor slope = grad(f)(x);
//   auto [y, g] = value_and_grad(f)(x);
//   Tensor h = hessian(f)(x);
//   Tensor slopes = vmap(grad(f))(xs);  // for each row of xs
//
// f takes tensors and returns one; of vmap it may return a TensorTuple. It is traced, so it cannot
// ask for data; what it captures is constant to these derivatives, but not to others around them.
// Results are recorded, and computed when asked for. Arguments that derivatives are taken with
// respect to have floats; else DTypeError. For the gradients of a recorded value see
// needle/autograd.h.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "needle/tensor.h"
#include "needle/trace.h"

namespace ndl {

namespace internal {

// A traced function on given arguments.
class TracedCall {
 public:
  TracedCall(const Trace& trace, std::vector<Tensor> arguments);

  // The result.
  Tensor value() const;
  // The gradient with respect to each argument, the result weighted by `cotangent`.
  std::vector<Tensor> pull_back(const Tensor& cotangent) const;
  // The same for a result of one element and weight 1; with respect to the first argument alone.
  std::pair<Tensor, Tensor> value_and_slope() const;
  // The result, and how it changes as the arguments do so by `tangents`.
  std::pair<Tensor, Tensor> push_forward(std::span<const Tensor> tangents) const;
  // d result[i...] / d first argument[j...], in the shape [i..., j...].
  Tensor jacobian() const;

 private:
  // Throws DTypeError unless the first argument and the result have floats.
  void require_floats(const char* name) const;

  ir::Graph graph_;               // in its stable form
  std::vector<RecordRef> known_;  // what its parameters stand for
  std::vector<Tensor> arguments_;
};

template <class F, std::derived_from<Tensor>... Arguments>
TracedCall traced_call(F& f, const Arguments&... arguments) {
  static_assert(std::derived_from<std::invoke_result_t<F&, const Arguments&...>, Tensor>,
                "a function that is differentiated returns a Tensor");
  return {run_traced(Changes::kRefused, Numbers::kCaptured, f, arguments...), {arguments...}};
}

// A tensor without data, of the type of x's rows.
Tensor row_like(const Tensor& x);
// `trace` of a function of rows on all rows of the arguments.
Value mapped_call(const Trace& trace, const std::vector<Tensor>& arguments);

}  // namespace internal

// grad(f)(x, ...): the gradient of f, which has one element, with respect to x, its first argument.
template <class F>
auto grad(F f) {
  return [f = std::move(f)]<class... Arguments>(const Arguments&... arguments) {
    return internal::traced_call(f, arguments...).value_and_slope().second;
  };
}

// The value besides.
template <class F>
auto value_and_grad(F f) {
  return [f = std::move(f)]<class... Arguments>(const Arguments&... arguments) {
    return internal::traced_call(f, arguments...).value_and_slope();
  };
}

// auto [y, pull_back] = vjp(f, x, ...): f(x, ...), and a function from a gradient of y to those of
// all arguments.
template <class F, class... Arguments>
auto vjp(F&& f, const Arguments&... arguments) {
  internal::TracedCall call = internal::traced_call(f, arguments...);
  Tensor value = call.value();
  return std::pair(std::move(value), [call = std::move(call)](const Tensor& cotangent) {
    return call.pull_back(cotangent);
  });
}

// auto [y, tangent] = jvp(f, {x, ...}, {v, ...}): f(x, ...), and how it changes as x does by v.
template <class F, std::size_t n>
std::pair<Tensor, Tensor> jvp(F&& f, const Tensor (&arguments)[n], const Tensor (&tangents)[n]) {
  return [&]<std::size_t... i>(std::index_sequence<i...>) {
    return internal::traced_call(f, arguments[i]...).push_forward(tangents);
  }(std::make_index_sequence<n>());
}

// jacobian(f)(x, ...): d f[i...] / d x[j...] in the shape [i..., j...].
template <class F>
auto jacobian(F f) {
  return [f = std::move(f)]<class... Arguments>(const Arguments&... arguments) {
    return internal::traced_call(f, arguments...).jacobian();
  };
}

// hessian(f)(x, ...): the second derivatives of f, which has one element, with respect to x.
template <class F>
auto hessian(F f) {
  return jacobian(grad(std::move(f)));
}

// vmap(f)(x, ...): f of each row of its arguments along axis 0, stacked along a new axis 0, in one
// program: a loop over the rows is not what runs. What f captures is the same for all rows. Throws
// ShapeError for arguments that have different numbers of rows, or no axis.
template <class F>
auto vmap(F f) {
  return [f = std::move(f)]<std::derived_from<Tensor>... Arguments>(const Arguments&... arguments) {
    static_assert(sizeof...(Arguments) > 0, "vmap maps over the rows of its arguments");
    using Returned = std::remove_cvref_t<std::invoke_result_t<const F&, const Arguments&...>>;
    using Result = std::conditional_t<std::derived_from<Returned, Tensor>, Tensor, TensorTuple>;
    const Trace trace = internal::run_traced(Changes::kRefused, Numbers::kCaptured, f,
                                             internal::row_like(arguments)...);
    return Result(internal::mapped_call(trace, {arguments...}).record());
  };
}

}  // namespace ndl
