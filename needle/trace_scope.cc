#include "needle/trace_scope.h"

#include <atomic>
#include <utility>

#include "needle/tensor.h"

namespace ndl {
namespace {

thread_local std::uint32_t current = 0;
thread_local TraceScope* innermost = nullptr;
std::atomic<std::uint32_t> traces{0};

}  // namespace

std::uint32_t current_trace() { return current; }

TraceScope::TraceScope(Changes changes)
    : outer_scope_(std::exchange(innermost, this)),
      outer_(std::exchange(current, ++traces)),
      changes_(changes) {}

TraceScope::~TraceScope() {
  take_changes();
  current = outer_;
  innermost = outer_scope_;
}

bool TraceScope::allow_change(const std::shared_ptr<Variable>& variable) {
  if (innermost == nullptr || variable->value->trace >= current) return true;
  if (innermost->changes_ == Changes::kRefused) return false;
  if (innermost->changed_.insert(variable.get()).second) {
    innermost->before_.push_back(
        {variable, variable->value, variable->grad, variable->differentiated, variable->out_grad});
  }
  return true;
}

std::vector<TraceScope::Change> TraceScope::take_changes() {
  std::vector<Change> changes;
  for (Before& before : before_) {
    Variable& variable = *before.variable;
    if (variable.value != before.value) {
      changes.push_back({before.variable, std::exchange(variable.value, std::move(before.value))});
    }
    variable.grad = std::move(before.grad);
    variable.differentiated = std::move(before.differentiated);
    variable.out_grad = std::move(before.out_grad);
  }
  before_.clear();
  changed_.clear();
  return changes;
}

}  // namespace ndl
