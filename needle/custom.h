// Ops with gradients that are not the derivatives of what they compute.
//
//   const auto round_through = custom_op(
//       "round_through", [](const Tensor& x) { return round(x); },
//       [](const CustomGradient& at) { return std::vector{at.gradients[0]}; });
//   Tensor y = round_through(x);  // y.op() is "round_through"
//
//   const auto block = checkpoint([&](const Tensor& x) { return layer(x); });
//   Tensor y = block(x);  // nothing inside the layer is kept for the gradient
//
// Both functions of an op are traced once for each combination of argument types, so they cannot
// ask for data. The gradient is differentiated in turn where gradients of gradients are wanted.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "needle/operand.h"
#include "needle/tensor.h"
#include "needle/trace.h"

namespace ndl {

// What the gradient of an op is computed from.
struct CustomGradient {
  std::vector<Tensor> inputs;
  std::vector<Tensor> results;
  std::vector<Tensor> gradients;  // of those results that have floats
};

namespace internal {

class CustomOp {
 public:
  using Body = std::function<Value(std::span<const Tensor>)>;
  using Gradient = std::function<std::vector<Tensor>(const CustomGradient&)>;

  CustomOp(std::string name, Body body, Gradient gradient);
  Value operator()(std::span<const Operand* const> operands) const;

 private:
  struct Regions;
  Regions regions_for(std::span<const Tensor> arguments) const;

  std::string name_;
  Body body_;
  Gradient gradient_;
  struct Known;
  std::shared_ptr<Known> known_;  // traced before; copies of an op share it
};

// T, whatever i is.
template <class T, std::size_t i>
using Repeated = T;

// The indices of as many tensors as F takes, eight at most.
template <class F, std::size_t... i>
consteval auto argument_indices(std::index_sequence<i...> indices) {
  static_assert(sizeof...(i) <= 8, "the body of a custom op takes one to eight Tensors");
  if constexpr (std::invocable<const F&, Repeated<const Tensor&, i>...>) {
    return indices;
  } else {
    return argument_indices<F>(std::make_index_sequence<sizeof...(i) + 1>());
  }
}

template <class Body, class Indices>
class TypedCustomOp;
template <class Body, std::size_t... i>
class TypedCustomOp<Body, std::index_sequence<i...>> {
  using Returned =
      std::remove_cvref_t<std::invoke_result_t<const Body&, Repeated<const Tensor&, i>...>>;
  static_assert(std::derived_from<Returned, Tensor> || std::same_as<Returned, TensorTuple>,
                "the body of a custom op returns a Tensor or a TensorTuple");
  using Result = std::conditional_t<std::same_as<Returned, TensorTuple>, TensorTuple, Tensor>;

 public:
  TypedCustomOp(std::string name, Body body, CustomOp::Gradient gradient)
      : op_(
            std::move(name),
            [body = std::move(body)](std::span<const Tensor> xs) -> Value {
              return body(xs[i]...);
            },
            std::move(gradient)) {}

  // Numbers become tensors.
  Result operator()(const Repeated<Operand, i>&... operands) const {
    const Operand* const list[] = {&operands...};
    return Result(op_(list).record());
  }

 private:
  CustomOp op_;
};

// `trace` called on `arguments`, as one node that keeps nothing.
Value checkpointed(const Trace& trace, std::vector<Tensor> arguments,
                   const std::source_location& at);

}  // namespace internal

// The op `name`, an identifier: what `body` gives for its arguments, a Tensor or a TensorTuple,
// with the gradients that `gradient` gives, a tensor for each argument that has floats, in their
// order. A call throws UsageError if one of the two reads tensors that are not among its arguments,
// and VerifyError if the gradients do not have the arguments' types.
template <class Body, std::invocable<const CustomGradient&> Gradient>
auto custom_op(std::string name, Body body, Gradient gradient) {
  using Indices = decltype(internal::argument_indices<Body>(std::index_sequence<0>()));
  return internal::TypedCustomOp<Body, Indices>(std::move(name), std::move(body),
                                                std::move(gradient));
}

// checkpoint(f)(x, ...) is f(x, ...), of which gradients keep only the arguments, and the tensors
// that f reads from elsewhere: they compute f once more. f returns a Tensor or a TensorTuple.
template <class F>
auto checkpoint(F f, const std::source_location& at = std::source_location::current()) {
  return [f = std::move(f),
          at]<std::derived_from<Tensor>... Arguments>(const Arguments&... arguments) {
    using Returned = std::remove_cvref_t<std::invoke_result_t<const F&, const Arguments&...>>;
    static_assert(std::derived_from<Returned, Tensor> || std::same_as<Returned, TensorTuple>,
                  "a function that is checkpointed returns a Tensor or a TensorTuple");
    using Result = std::conditional_t<std::same_as<Returned, TensorTuple>, TensorTuple, Tensor>;
    const Trace trace =
        internal::run_traced(Changes::kRefused, Numbers::kCaptured, f, arguments...);
    return Result(internal::checkpointed(trace, {arguments...}, at).record());
  };
}

}  // namespace ndl
