#include "needle/trace.h"

#include "needle/lower.h"

namespace ndl {

Tensor placeholder_like(const Tensor& x) {
  return Tensor(make_leaf(x.type().tensor(), {}, x.requires_grad()));
}

Trace finish_trace(std::span<const Tensor> parameters, const Value& result) {
  std::vector<RecordRef> records;
  for (const Tensor& parameter : parameters) records.push_back(parameter.record());
  const RecordRef root = result.record();
  Garbage garbage;
  Lowered lowered;
  {
    const std::lock_guard lock(record_mutex());
    lowered =
        lower({&root, 1}, garbage,
              {.parameters = records, .numbers_are_constants = true, .trace = current_trace()});
  }
  Trace trace{std::move(lowered.graph), {}};
  for (std::size_t i = records.size(); i < lowered.inputs.size(); ++i) {
    trace.captured.emplace_back(lowered.inputs[i]);
  }
  return trace;
}

}  // namespace ndl
