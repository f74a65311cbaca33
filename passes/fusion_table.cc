#include "passes/fusion_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/text.h"
#include "ir/printer.h"
#include "passes/fusion_plan.h"

namespace ndl::passes {
namespace {

std::string_view plural(std::size_t count) { return count == 1 ? "" : "s"; }

// Whether an op runs as a kernel of its own; what only names or reshapes data does not.
bool needs_kernel(ir::Op op) {
  switch (op) {
    case ir::Op::kParameter:
    case ir::Op::kConstant:
    case ir::Op::kReshape:
    case ir::Op::kMakeTuple:
    case ir::Op::kGetTupleElement:
      return false;
    default:
      return true;
  }
}

std::size_t count_kernels(const ir::Graph& graph) {
  const std::vector<bool> live = graph.live_nodes();
  std::size_t count = 0;
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    count += live[id] && needs_kernel(graph.op({id})) ? 1 : 0;
  }
  return count;
}

}  // namespace

std::string fusion_table(const ir::Graph& before, const ir::Graph& after, const CostModel& model) {
  const std::vector<std::string> labels = ir::value_labels(before);
  const auto end = [&](ir::Value value) {
    return fmt::format("{} {}", excerpt(labels[value.id]), before.def(value).name);
  };
  std::vector<std::vector<std::string>> rows = {
      {"producer", "consumer", "reason", "bytes saved", "written at"}};
  std::size_t fused = 0;
  std::int64_t bytes = 0;
  for (const passes::FusionEdge& edge : passes::explain_fusion(before, model)) {
    rows.push_back({end(edge.producer), end(edge.consumer), std::string(name_of(edge.reason)),
                    fmt::to_string(edge.bytes_saved), before.location(edge.consumer).to_string()});
    fused += edge.reason == passes::FusionReason::kFused ? 1 : 0;
    // Types bound each of them, not their sum.
    if (__builtin_add_overflow(bytes, edge.bytes_saved, &bytes)) bytes = INT64_MAX;
  }
  const std::size_t edges = rows.size() - 1;
  const std::size_t kernels = count_kernels(before);
  return align_columns(rows, 3) + fmt::format(
                                      "{} of {} edge{} fused, {} bytes saved, {} kernel{} "
                                      "become{} {}\n",
                                      fused, edges, plural(edges), bytes, kernels, plural(kernels),
                                      kernels == 1 ? "s" : "", count_kernels(after));
}

}  // namespace ndl::passes
