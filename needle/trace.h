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
};

// A leaf of x's type that has no data.
Tensor placeholder_like(const Tensor& x);
// The graph from `parameters`, made before the trace in progress on this thread, to `result`.
Trace finish_trace(std::span<const Tensor> parameters, const Value& result);

template <class T>
concept TraceResult = std::derived_from<T, Value> || std::same_as<T, std::vector<Tensor>>;

// Calls f on tensors without data, for the graph and the captured tensors. What f throws passes
// through.
template <class F, std::derived_from<Tensor>... Arguments>
Trace trace_captures(F&& f, const Arguments&... arguments) {
  const TraceScope scope;
  const std::vector<Tensor> parameters{placeholder_like(arguments)...};
  auto call = [&]<std::size_t... i>(std::index_sequence<i...>) {
    return std::forward<F>(f)(parameters[i]...);
  };
  auto result = call(std::index_sequence_for<Arguments...>());
  static_assert(TraceResult<decltype(result)>,
                "a traced function returns a Tensor, a TensorTuple or a std::vector<Tensor>");
  if constexpr (std::derived_from<decltype(result), Value>) {
    return finish_trace(parameters, result);
  } else {
    return finish_trace(parameters, ndl::make_tuple(result));
  }
}

// The graph alone.
template <class F, std::derived_from<Tensor>... Arguments>
ir::Graph trace(F&& f, const Arguments&... arguments) {
  return trace_captures(std::forward<F>(f), arguments...).graph;
}

}  // namespace ndl
