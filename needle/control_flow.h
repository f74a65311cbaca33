// Control flow that is part of the program: branches and loops that data decides.
//
//   Tensor y = cond(sum(x) > 0, [&] { return log(x); }, [&] { return zeros_like(x); });
//
//   Tensor root = while_loop([&](const Tensor& r) { return abs(r * r - x) > 1e-6; },
//                            [&](const Tensor& r) { return (r + x / r) / 2; }, x);
//
//   auto [last, all] = scan([&](const Tensor& h, const Tensor& x) {
//     const Tensor next = tanh(matmul(h, w) + matmul(x, u));
//     return std::pair(next, next);
//   }, h, xs);
//
// The functions are traced once, so they cannot ask for data, nor give tensors from outside other
// data; what they read from outside is an operand like the others, and gradients flow to it. A C++
// `if` or `for` over tensors works as well, and is unrolled into the program.
//
// A loop of a thousand steps is one node, whose body compiles once. Its gradient keeps the states
// that the steps began with, and computes the rest of each step again.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <source_location>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "needle/operand.h"
#include "needle/tensor.h"
#include "needle/trace.h"

namespace ndl {

// A while_loop() ends after so many steps whatever its condition says; -1: it goes on as long as
// that holds. Gradients need a limit, and take as long as it says.
struct WhileOptions {
  std::int64_t limit = -1;
};

struct ScanOptions {
  std::int64_t length = -1;  // of the scan; -1: that of the items
  bool reverse = false;      // from the last item to the first
};

// What a step of scan() gives, and what all of them give.
struct ScanStep {
  std::vector<Tensor> state;
  std::vector<Tensor> outputs;
};

namespace internal {

using TensorSpan = std::span<const Tensor>;

Value recorded_cond(const Tensor& pred, const Trace& then, const Trace& otherwise,
                    const std::vector<Tensor>& arguments, const std::source_location& at);
std::vector<Tensor> recorded_while(const std::function<Tensor(TensorSpan)>& condition,
                                   const std::function<std::vector<Tensor>(TensorSpan)>& body,
                                   const std::vector<Tensor>& state, const WhileOptions& options,
                                   const std::source_location& at);
ScanStep recorded_scan(const std::function<ScanStep(TensorSpan, TensorSpan)>& body,
                       const std::vector<Tensor>& state, const std::vector<Tensor>& items,
                       const ScanOptions& options, const std::source_location& at);

}  // namespace internal

// then(arguments...) where `pred`, one bool, is true, else otherwise(arguments...); only that one
// is computed. Both return a Tensor, or a TensorTuple, of the same type. Throws VerifyError if the
// types differ, DTypeError if pred is no bool, ShapeError if it is not one element.
template <class Then, class Otherwise, std::derived_from<Tensor>... Arguments>
auto cond(const Operand& pred, Then&& then, Otherwise&& otherwise, const Arguments&... arguments) {
  using Returned = std::remove_cvref_t<std::invoke_result_t<Then&, const Arguments&...>>;
  using Result = std::conditional_t<std::derived_from<Returned, Tensor>, Tensor, TensorTuple>;
  const Trace on_true =
      internal::run_traced(Changes::kRefused, Numbers::kCaptured, then, arguments...);
  const Trace on_false =
      internal::run_traced(Changes::kRefused, Numbers::kCaptured, otherwise, arguments...);
  return Result(
      internal::recorded_cond(pred.tensor(), on_true, on_false, {arguments...}, pred.location())
          .record());
}

// `state` after body(state) again and again while condition(state), one bool, is true. The body
// keeps the types. Functions of several tensors take a std::span<const Tensor>.
inline std::vector<Tensor> while_loop(
    const std::function<Tensor(std::span<const Tensor>)>& condition,
    const std::function<std::vector<Tensor>(std::span<const Tensor>)>& body,
    const std::vector<Tensor>& state, const WhileOptions& options = {},
    const std::source_location& at = std::source_location::current()) {
  return internal::recorded_while(condition, body, state, options, at);
}

template <std::invocable<const Tensor&> Condition, std::invocable<const Tensor&> Body>
Tensor while_loop(Condition&& condition, Body&& body, const Operand& state,
                  const WhileOptions& options = {}) {
  return internal::recorded_while(
             [&](std::span<const Tensor> s) -> Tensor { return condition(s[0]); },
             [&](std::span<const Tensor> s) { return std::vector<Tensor>{body(s[0])}; },
             {state.tensor()}, options, state.location())
      .front();
}

// The body on the state and on each item along axis 0 of `items`, one after the other: the last
// state, and the outputs of all steps, stacked along a new axis 0. The body keeps the types of the
// state. Without items the options say how long it goes on.
inline ScanStep scan(const std::function<ScanStep(std::span<const Tensor> state,
                                                  std::span<const Tensor> items)>& body,
                     const std::vector<Tensor>& state, const std::vector<Tensor>& items,
                     const ScanOptions& options = {},
                     const std::source_location& at = std::source_location::current()) {
  return internal::recorded_scan(body, state, items, options, at);
}

// The same for one tensor of each: body(state, item) gives the pair (next state, output).
template <std::invocable<const Tensor&, const Tensor&> Body>
std::pair<Tensor, Tensor> scan(Body&& body, const Operand& state, const Tensor& items,
                               const ScanOptions& options = {}) {
  const auto step = [&](std::span<const Tensor> s, std::span<const Tensor> x) {
    auto [next, output] = body(s[0], x[0]);
    return ScanStep{{std::move(next)}, {std::move(output)}};
  };
  ScanStep result =
      internal::recorded_scan(step, {state.tensor()}, {items}, options, state.location());
  return {std::move(result.state.front()), std::move(result.outputs.front())};
}

}  // namespace ndl
