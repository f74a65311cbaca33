// Tracing: the graph of a function, without running it.
//
//   ir::Graph graph = trace([](Tensor x, Tensor y) { return x * y + 1; }, x, y);
//   fmt::print("{}", ir::print(graph));
//
// The function is called once with tensors that have the types of the arguments and no data: asking
// them, or anything, for data throws TraceError. Its result is a Tensor, a TensorTuple, or a vector
// of Tensors, which becomes a tuple.
#pragma once

#include <concepts>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "needle/shaping.h"
#include "needle/tensor.h"
#include "needle/trace_scope.h"

namespace ndl {

// A traced function. The graph's parameters are the arguments in order, then the tensors that the
// function read from elsewhere, in the order in which it needed them; numbers are constants.
struct Trace {
  ir::Graph graph;
  std::vector<Tensor> captured;
  // Tensors from outside that the function has given other data, the last results of the graph.
  std::vector<std::shared_ptr<Variable>> changed;
};

// Whether numbers of the program are constants of the graph, or inputs among the captured tensors.
enum class Numbers : std::uint8_t { kConstants, kCaptured };

// A leaf of x's type that has no data.
Tensor placeholder_like(const Tensor& x);
// The graph from `parameters`, made in `scope`, the trace in progress on this thread, to `result`
// and, behind its elements, what the function has changed; `result` may be left out.
Trace finish_trace(TraceScope& scope, std::span<const Tensor> parameters, const Value* result,
                   Numbers numbers);

template <class T>
concept TraceResult = std::derived_from<T, Value> || std::same_as<T, std::vector<Tensor>>;

namespace internal {

// Calls f on tensors without data. What f throws passes through.
template <class F, std::derived_from<Tensor>... Arguments>
Trace run_traced(Changes changes, Numbers numbers, F&& f, const Arguments&... arguments) {
  TraceScope scope(changes);
  const std::vector<Tensor> parameters{placeholder_like(arguments)...};
  auto call = [&]<std::size_t... i>(std::index_sequence<i...>) {
    return std::forward<F>(f)(parameters[i]...);
  };
  using Result = decltype(call(std::index_sequence_for<Arguments...>()));
  if constexpr (std::is_void_v<Result>) {
    call(std::index_sequence_for<Arguments...>());
    return finish_trace(scope, parameters, nullptr, numbers);
  } else {
    auto result = call(std::index_sequence_for<Arguments...>());
    static_assert(TraceResult<decltype(result)>,
                  "a traced function returns a Tensor, a TensorTuple or a std::vector<Tensor>");
    if constexpr (std::derived_from<decltype(result), Value>) {
      return finish_trace(scope, parameters, &result, numbers);
    } else {
      const Value tuple = ndl::make_tuple(result);
      return finish_trace(scope, parameters, &tuple, numbers);
    }
  }
}

}  // namespace internal

// The graph and the tensors that f captures.
template <class F, std::derived_from<Tensor>... Arguments>
Trace trace_captures(F&& f, const Arguments&... arguments) {
  return internal::run_traced(Changes::kRefused, Numbers::kConstants, std::forward<F>(f),
                              arguments...);
}

// The same for a function that may change what it captures.
template <class F, std::derived_from<Tensor>... Arguments>
Trace trace_changes(F&& f, const Arguments&... arguments) {
  return internal::run_traced(Changes::kTaken, Numbers::kConstants, std::forward<F>(f),
                              arguments...);
}

// The graph alone.
template <class F, std::derived_from<Tensor>... Arguments>
ir::Graph trace(F&& f, const Arguments&... arguments) {
  return trace_captures(std::forward<F>(f), arguments...).graph;
}

}  // namespace ndl
