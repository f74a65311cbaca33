// Compiling a function: it is recorded once for each combination of argument types, and from then
// on its program runs at once. The 64 combinations used last are kept.
//
//   auto predict = jit([&](Tensor x) { return softmax(model(x)); });
//   Tensor p = predict(x);
//
//   auto step = jit([&](Tensor x, Tensor y) {
//     const Tensor loss = nn::SoftmaxLoss()(model(x), y);
//     loss.backward();
//     opt.step();
//     return loss;
//   });
//
// What the function computes depends on its arguments and on the tensors it reads, which are
// captured by reference, so a value given later by set_data() is seen. Tensors from outside that
// the function gives other data have it after each call, in the memory of the old one where nobody
// else holds that; gradients it leaves on them are gone.
// Numbers of the program that the function reads are part of it, as of its first call; the mode of
// modules (nn::train, nn::eval) is noticed, and the function recorded anew. Results have no history
// and require no gradient. Within a trace a call is the function itself. What the function throws
// while it is recorded passes through, and the next call records it anew.
#pragma once

#include <algorithm>
#include <concepts>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "codegen/program.h"
#include "needle/jit_epoch.h"
#include "needle/tensor.h"
#include "needle/trace.h"

namespace ndl {

// A function traced for some argument types and compiled.
class CompiledFunction {
 public:
  explicit CompiledFunction(Trace trace);

  // Whether it serves arguments of these types, and the captured tensors still have theirs.
  bool accepts(std::span<const Tensor> arguments) const;
  // What keeps it from accepting them: "argument 0 is f32[2], not f32[3]". "" if it does.
  std::string mismatch(std::span<const Tensor> arguments) const;
  // Whether something has changed since it was recorded that is no tensor.
  bool is_stale() const { return epoch_ != internal::jit_epoch(); }
  // The results, realized. What the function changes is changed.
  std::vector<Tensor> run(std::span<const Tensor> arguments) const;

 private:
  std::vector<runtime::Buffer> given(std::span<const RecordRef> inputs) const;

  std::uint64_t epoch_ = internal::jit_epoch();
  std::shared_ptr<const codegen::Program> program_;
  std::vector<Tensor> captured_;
  std::vector<std::shared_ptr<Variable>> changed_;
  std::vector<std::size_t> replaced_;  // inputs of the program that changed tensors have until then
};

// What jit() returns. Calls from several threads are safe if the function is.
template <class F>
class Jit {
 public:
  explicit Jit(F f) : f_(std::move(f)) {}
  Jit(const Jit&) = delete;
  Jit& operator=(const Jit&) = delete;

  template <std::derived_from<Tensor>... Arguments>
    requires std::invocable<F&, const Arguments&...>
  auto operator()(const Arguments&... arguments) {
    using Returned = std::remove_cvref_t<std::invoke_result_t<F&, const Arguments&...>>;
    static_assert(TraceResult<Returned> || std::is_void_v<Returned>,
                  "a jitted function returns nothing, a Tensor, a TensorTuple or a "
                  "std::vector<Tensor>");
    using Result = std::conditional_t<std::derived_from<Returned, Tensor>, Tensor, Returned>;
    if (current_trace() != 0) return static_cast<Result>(f_(arguments...));
    const std::vector<Tensor> list{arguments...};
    std::vector<Tensor> results = function_for(list, arguments...)->run(list);
    if constexpr (std::is_void_v<Result>) {
      return;
    } else if constexpr (std::same_as<Result, TensorTuple>) {
      return ndl::make_tuple(results);
    } else if constexpr (std::same_as<Result, std::vector<Tensor>>) {
      return results;
    } else {
      return results.front();
    }
  }

  // How many times the function has been recorded.
  std::size_t recordings() const {
    const std::lock_guard lock(mutex_);
    return recordings_;
  }
  // Why it was recorded the last time: "the first call", "argument 0 is f32[2], not f32[3]" as in
  // the call before, "a module's mode has changed". "" before the first call.
  std::string recorded_because() const {
    const std::lock_guard lock(mutex_);
    return reason_;
  }

 private:
  template <class... Arguments>
  std::shared_ptr<const CompiledFunction> function_for(std::span<const Tensor> list,
                                                       const Arguments&... arguments) {
    const std::lock_guard lock(mutex_);
    const auto stale = [](const auto& function) { return function->is_stale(); };
    const bool has_changed = std::erase_if(functions_, stale) != 0;
    const auto accepts = [&](const auto& function) { return function->accepts(list); };
    const auto known = std::ranges::find_if(functions_, accepts);
    if (known != functions_.end()) {
      std::rotate(known, known + 1, functions_.end());
      return functions_.back();
    }
    std::string reason = has_changed          ? "a module's mode has changed"
                         : functions_.empty() ? "the first call"
                                              : functions_.back()->mismatch(list);
    functions_.push_back(std::make_shared<const CompiledFunction>(trace_changes(f_, arguments...)));
    reason_ = std::move(reason);
    ++recordings_;
    if (functions_.size() > kMostFunctions) functions_.erase(functions_.begin());
    return functions_.back();
  }

  static constexpr std::size_t kMostFunctions = 64;

  F f_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<const CompiledFunction>> functions_;  // used longest ago first
  std::size_t recordings_ = 0;
  std::string reason_;
};

template <class F>
Jit<std::decay_t<F>> jit(F&& f) {
  return Jit<std::decay_t<F>>(std::forward<F>(f));
}

}  // namespace ndl
