// Which function this thread is tracing, so that records know where they were made, and what the
// function has changed outside itself.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_set>
#include <vector>

#include "needle/record.h"

namespace ndl {

// The number of the innermost trace in progress on this thread; 0 for none. An inner trace has a
// higher number than the one around it.
std::uint32_t current_trace();

// Whether a traced function may give tensors from outside it other data, and gradients.
enum class Changes : std::uint8_t { kRefused, kTaken };

// A trace in progress for as long as it lives. What the function changes outside is as before once
// it ends.
class [[nodiscard]] TraceScope {
 public:
  explicit TraceScope(Changes changes = Changes::kRefused);
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

  // A tensor from outside, and the value that the function has given it.
  struct Change {
    std::shared_ptr<Variable> variable;
    RecordRef value;
  };
  // Ends the changes: the tensors are as before, and what they were given is returned, in the order
  // in which the function did so.
  std::vector<Change> take_changes();

  // Called before a tensor from outside the innermost trace is changed. False if it must not be.
  static bool allow_change(const std::shared_ptr<Variable>& variable);

 private:
  struct Before {
    std::shared_ptr<Variable> variable;
    RecordRef value;
    RecordRef grad;
    RecordRef differentiated;
    RecordRef out_grad;
  };

  TraceScope* outer_scope_;
  std::uint32_t outer_;
  Changes changes_;
  std::vector<Before> before_;
  std::unordered_set<const Variable*> changed_;
};

}  // namespace ndl
