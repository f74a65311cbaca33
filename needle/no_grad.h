// Switching the recording of history off: what is computed then needs no gradient.
//
//   const NoGradGuard no_grad;          float loss = no_grad([&] { return evaluate(model); });
//
// Both hold for this thread and nest. A tensor made from data keeps the requires_grad it is given.
#pragma once

#include <utility>

namespace ndl {

// Whether results of ops on this thread keep history where an input requires a gradient.
bool grad_enabled();

class [[nodiscard]] NoGradGuard {
 public:
  NoGradGuard();
  ~NoGradGuard();
  NoGradGuard(const NoGradGuard&) = delete;
  NoGradGuard& operator=(const NoGradGuard&) = delete;

 private:
  bool before_;
};

// f() without history; its result.
template <class F>
decltype(auto) no_grad(F&& f) {
  const NoGradGuard guard;
  return std::forward<F>(f)();
}

}  // namespace ndl
