#include "needle/realize.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "codegen/program.h"
#include "needle/look_through.h"
#include "needle/plan_cache.h"
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

// How to compute the roots of a walk. Numbers are those of the walk.
struct Plan {
  std::vector<ir::Region> regions;  // of the key
  std::shared_ptr<const codegen::Program> program;
  std::vector<std::int32_t> inputs;  // of the program
  std::vector<std::int32_t> roots;   // what it computes: also what is to be kept
};

// Never destroyed: static objects may compute when they go.
PlanCache<Plan>& plans() {
  static PlanCache<Plan>& instance = *new PlanCache<Plan>;
  return instance;
}

// What to run, with the inputs, which stay what they are while it runs.
struct Call {
  std::vector<RecordRef> roots;
  std::vector<RecordRef> inputs;
  std::vector<runtime::Buffer> buffers;
  std::vector<runtime::BufferView> views;
  std::shared_ptr<const Plan> plan;
  // Without a plan, what one is made of.
  ir::Graph graph;
  Plan new_plan;
  std::string key;  // "" for what is not worth keeping
};

Lowered lower_with_residuals(std::vector<RecordRef> roots, Garbage& garbage) {
  Lowered lowered = lower_through(roots, garbage);
  if (!has_costly_ops(lowered.graph)) return lowered;
  const std::vector<RecordRef> kept = residuals(roots, garbage);
  const std::size_t before = roots.size();
  for (const RecordRef& record : kept) {
    if (std::ranges::find(roots, record) == roots.end()) roots.push_back(record);
  }
  return roots.size() > before ? lower_through(roots, garbage) : std::move(lowered);
}

// Without a plan: makes the graph, and notes of what records.
void lower_call(Call& call, const Walk& walk, std::vector<RecordRef> roots, Garbage& garbage) {
  std::unordered_map<const Record*, std::int32_t> numbers;
  if (walk.is_worth_keeping()) {
    for (const RecordRef& input : walk.inputs()) numbers[input.get()] = walk.number(*input);
    for (const RecordRef* node : walk.nodes()) numbers[node->get()] = walk.number(**node);
    call.new_plan.regions = walk.regions();
  } else {
    call.key.clear();
  }
  Lowered lowered = lower_with_residuals(std::move(roots), garbage);
  const auto note = [&](std::span<const RecordRef> records, std::vector<std::int32_t>& noted) {
    for (const RecordRef& record : records) {
      const auto found = numbers.find(record.get());
      if (found == numbers.end()) return call.key.clear();
      noted.push_back(found->second);
    }
  };
  note(lowered.inputs, call.new_plan.inputs);
  note(lowered.roots, call.new_plan.roots);
  call.graph = std::move(lowered.graph);
  call.roots = std::move(lowered.roots);
  call.inputs = std::move(lowered.inputs);
}

Call prepare(std::span<const RecordRef> records, Garbage& garbage, const std::source_location& at) {
  Call call;
  const std::lock_guard lock(record_mutex());
  std::vector<RecordRef> roots = find_roots(records, garbage);
  if (roots.empty()) return call;
  std::optional<Walk> walk(std::in_place, roots, garbage, WalkOptions{.keeps = true});
  const std::unordered_set<const Record*> through = records_behind(walk->inputs());
  if (!through.empty()) {
    walk.emplace(roots, garbage, WalkOptions{.keeps = true, .through = &through});
  }
  if (walk->is_worth_keeping()) {
    call.key = walk->key();
    call.plan = plans().find(call.key);
  }
  if (call.plan) {
    for (const std::int32_t i : call.plan->inputs) call.inputs.push_back(walk->record(i));
    for (const std::int32_t i : call.plan->roots) call.roots.push_back(walk->record(i));
  } else {
    lower_call(call, *walk, std::move(roots), garbage);
  }
  for (const RecordRef& input : call.inputs) {
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

std::shared_ptr<const codegen::Program> program_of(Call& call) {
  if (call.plan) return call.plan->program;
  call.new_plan.program =
      codegen::compile_cached(call.graph, {.pipeline = std::string(kFrontEndPipeline)});
  const std::shared_ptr<const codegen::Program> program = call.new_plan.program;
  if (!call.key.empty()) {
    plans().insert(std::move(call.key), std::make_shared<const Plan>(std::move(call.new_plan)),
                   call.graph.size());
  }
  return program;
}

void hang(const Call& call, std::vector<runtime::Buffer> results, Garbage& garbage) {
  const std::lock_guard lock(record_mutex());
  auto next = results.begin();
  for (const RecordRef& root : call.roots) {
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
  Call call = prepare(records, garbage, at);
  if (!call.roots.empty()) hang(call, program_of(call)->run_buffers(call.views), garbage);
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
