#include "needle/trace.h"

#include "needle/lower.h"

namespace ndl {

Tensor placeholder_like(const Tensor& x) {
  return Tensor(make_leaf(x.type().tensor(), {}, x.requires_grad()));
}

namespace {

// A tuple from outside the trace is one of captured elements.
Value captured_by_element(const Value& result) {
  const bool is_from_outside = result.record()->trace < current_trace();
  return result.is_tuple() && is_from_outside ? ndl::make_tuple(result.tuple().tensors()) : result;
}

}  // namespace

Trace finish_trace(TraceScope& scope, std::span<const Tensor> parameters, const Value* result,
                   Numbers numbers) {
  // First of all: the tensors that the function reads are then those that it changes.
  std::vector<TraceScope::Change> changes = scope.take_changes();
  std::vector<RecordRef> records;
  for (const Tensor& parameter : parameters) records.push_back(parameter.record());
  std::vector<RecordRef> roots;
  if (result != nullptr) roots.push_back(captured_by_element(*result).record());
  Trace trace;
  for (TraceScope::Change& change : changes) {
    roots.push_back(std::move(change.value));
    trace.changed.push_back(std::move(change.variable));
  }
  if (roots.empty()) roots.push_back(ndl::make_tuple({}).record());
  Garbage garbage;
  Lowered lowered;
  {
    const std::lock_guard lock(record_mutex());
    lowered = lower(roots, garbage,
                    {.parameters = records,
                     .numbers_are_constants = numbers == Numbers::kConstants,
                     .trace = current_trace()});
  }
  trace.graph = std::move(lowered.graph);
  for (std::size_t i = records.size(); i < lowered.inputs.size(); ++i) {
    trace.captured.emplace_back(lowered.inputs[i]);
  }
  return trace;
}

}  // namespace ndl
