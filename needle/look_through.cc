#include "needle/look_through.h"

#include <optional>
#include <utility>

#include "ir/builder.h"
#include "passes/stabilize.h"

namespace ndl {
namespace {

// How many realized records the longest rule looks through, and then some; and how many are looked
// through in all, so that a step of a loop does not take in all steps before.
constexpr int kMostSteps = 12;
constexpr std::size_t kMostRecords = 4096;

bool has_history(const Record& record) {
  return record.requires_grad && !record.is_leaf() && !record.type->is_tuple() &&
         record.is_realized() && !record.inputs.empty();
}

// The stable form of the graph, with the values of realized records as inputs where they are used.
Lowered cut(Lowered lowered, const passes::Rewritten& stable,
            const std::unordered_set<const Record*>& through) {
  const ir::Graph& source = stable.graph;
  std::vector<RecordRef> given(source.size());
  for (std::size_t i = 0; i < lowered.inputs.size(); ++i) given[i] = lowered.inputs[i];
  for (std::size_t id = 0; id < lowered.records.size(); ++id) {
    const RecordRef& record = lowered.records[id];
    if (!record || !through.contains(record.get()) || record->type->is_tuple()) continue;
    RecordRef& place = given[stable.values[id].id];
    if (!place) place = record;
  }
  std::vector<bool> is_needed(source.size());
  is_needed[source.result().id] = true;
  for (auto id = static_cast<std::uint32_t>(source.size()); id-- > 0;) {
    if (!is_needed[id] || given[id]) continue;
    for (const ir::Value operand : source.operands({id})) is_needed[operand.id] = true;
  }

  Lowered result;
  result.roots = std::move(lowered.roots);
  ir::Builder b(result.graph);
  std::vector<ir::Value> mapped(source.size());
  for (std::uint32_t id = 0; id < source.size(); ++id) {
    if (!is_needed[id] || !given[id]) continue;
    mapped[id] = b.parameter(source.type({id}));
    result.inputs.push_back(given[id]);
  }
  std::vector<ir::Value> operands;
  for (std::uint32_t id = 0; id < source.size(); ++id) {
    if (!is_needed[id] || given[id]) continue;
    operands.clear();
    for (const ir::Value operand : source.operands({id})) operands.push_back(mapped[operand.id]);
    mapped[id] = b.clone(source, {id}, operands);
  }
  b.set_result(mapped[source.result().id]);
  return result;
}

}  // namespace

std::unordered_set<const Record*> records_behind(std::span<const RecordRef> inputs) {
  std::unordered_set<const Record*> found;
  std::vector<const Record*> level;
  const auto enter = [&](const Record& record, std::vector<const Record*>& next) {
    if (found.size() < kMostRecords && has_history(record) && found.insert(&record).second) {
      next.push_back(&record);
    }
  };
  for (const RecordRef& input : inputs) enter(*input, level);
  for (int step = 1; step < kMostSteps && !level.empty(); ++step) {
    std::vector<const Record*> next;
    for (const Record* record : level) {
      for (const RecordRef& input : record->inputs) enter(*input, next);
    }
    level = std::move(next);
  }
  return found;
}

Lowered lower_through(std::span<const RecordRef> roots, Garbage& garbage) {
  Lowered lowered = lower(roots, garbage, {.keeps = true});
  const std::unordered_set<const Record*> through = records_behind(lowered.inputs);
  if (through.empty()) return lowered;
  lowered = lower(roots, garbage, {.keeps = true, .through = &through});
  const passes::Rewritten stable = passes::stabilize_traced(lowered.graph);
  return cut(std::move(lowered), stable, through);
}

}  // namespace ndl
