#include "needle/realize.h"

#include <algorithm>
#include <iterator>
#include <unordered_set>

#include "base/error.h"
#include "codegen/program.h"
#include "needle/look_through.h"
#include "needle/residuals.h"
#include "needle/trace_scope.h"

namespace ndl {
namespace {

// History that no gradient will need. The elements of a tuple stay, because they are its value.
void drop_history(Record& record, Garbage& garbage) {
  if (record.requires_grad || record.op == ir::Op::kMakeTuple) return;
  std::ranges::move(record.inputs, std::back_inserter(garbage));
  record.inputs.clear();
}

// What has to run so that `records` can be resolved: an alias's source; all of a tuple for one of
// its elements, since they come from one kernel; each element of a tuple that was made of tensors.
std::vector<RecordRef> find_roots(std::span<const RecordRef> records, Garbage& garbage) {
  std::vector<RecordRef> roots;
  std::unordered_set<const Record*> seen;
  std::vector<RecordRef> pending(records.rbegin(), records.rend());
  while (!pending.empty()) {
    const RecordRef next = std::move(pending.back());
    pending.pop_back();
    if (next->resolve(garbage)) {
      drop_history(*next, garbage);
      continue;
    }
    if (next->source) {
      pending.push_back(next->source);
    } else if (next->op == ir::Op::kGetTupleElement) {
      pending.push_back(next->inputs.front());
    } else if (next->op == ir::Op::kMakeTuple) {
      pending.insert(pending.end(), next->inputs.rbegin(), next->inputs.rend());
    } else if (seen.insert(next.get()).second) {
      roots.push_back(next);
    }
  }
  return roots;
}

// The graph to run with its inputs, which stay what they are while it runs.
struct Call {
  Lowered lowered;
  std::vector<runtime::Buffer> buffers;
  std::vector<runtime::BufferView> views;
};

Call prepare(std::span<const RecordRef> records, Garbage& garbage, const std::source_location& at) {
  Call call;
  const std::lock_guard lock(record_mutex());
  std::vector<RecordRef> roots = find_roots(records, garbage);
  if (roots.empty()) return call;
  call.lowered = lower_through(roots, garbage);
  if (has_costly_ops(call.lowered.graph)) {
    const std::vector<RecordRef> kept = residuals(roots, garbage);
    const std::size_t before = roots.size();
    for (const RecordRef& record : kept) {
      if (std::ranges::find(roots, record) == roots.end()) roots.push_back(record);
    }
    if (roots.size() > before) call.lowered = lower_through(roots, garbage);
  }
  for (const RecordRef& input : call.lowered.inputs) {
    if (!input->is_realized()) {
      throw TraceError(Diagnostic{
          to_location(at),
          "realize: the result needs an argument of a traced function, which has no data", ""});
    }
    if (!input->is_scalar) call.buffers.push_back(input->storage.front());
    call.views.push_back(input->view());
  }
  return call;
}

void hang(const Call& call, std::vector<runtime::Buffer> results, Garbage& garbage) {
  const std::lock_guard lock(record_mutex());
  auto next = results.begin();
  for (const RecordRef& root : call.lowered.roots) {
    const auto end = next + std::ssize(root->type->elements());
    // Another thread may have been faster; its result has the same bits.
    if (!root->is_realized()) root->storage.assign(next, end);
    next = end;
    drop_history(*root, garbage);
  }
}

}  // namespace

void realize(std::span<const RecordRef> records, const std::source_location& at) {
  if (current_trace() != 0) {
    throw TraceError(Diagnostic{
        to_location(at),
        "realize: a function that is being traced cannot ask for data; return the tensor "
        "and ask outside",
        ""});
  }
  Garbage garbage;
  const Call call = prepare(records, garbage, at);
  if (!call.lowered.roots.empty()) {
    const auto program =
        codegen::compile_cached(call.lowered.graph, {.pipeline = std::string(kFrontEndPipeline)});
    hang(call, program->run_buffers(call.views), garbage);
  }
  const std::lock_guard lock(record_mutex());
  for (const RecordRef& record : records) {
    if (record->resolve(garbage)) drop_history(*record, garbage);
  }
}

void realize(std::span<const Tensor> tensors, const std::source_location& at) {
  std::vector<RecordRef> records;
  for (const Tensor& tensor : tensors) records.push_back(tensor.record());
  realize(records, at);
}

}  // namespace ndl
