#include "codegen/launch_counts.h"

#include <fmt/format.h>

#include <string_view>

#include "codegen/lower_graph.h"

namespace ndl::codegen {
namespace {

// "1 fill", "2 copies"
std::string counted(std::size_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

// The regions of a launch in the order in which runtime::ControlKind has them.
std::string_view name_of_region(runtime::ControlKind kind, std::size_t region) {
  switch (kind) {
    case runtime::ControlKind::kCond:
      return region == 0 ? "then" : "else";
    case runtime::ControlKind::kWhile:
      return region == 0 ? "condition" : "body";
    case runtime::ControlKind::kScan:
      return "body";
  }
  return "";
}

void count(const Schedule& schedule, LaunchCounts counts, std::vector<LaunchCounts>& all) {
  for (const Launch& launch : schedule.launches) {
    ++counts.of_kind[static_cast<std::size_t>(launch.kind)];
    if (launch.control == nullptr && !launch.joins_previous) ++counts.launches;
  }
  all.push_back(counts);
  for (const Launch& launch : schedule.launches) {
    if (launch.control == nullptr) continue;
    const ControlFlow& control = *launch.control;
    for (std::size_t i = 0; i < control.regions.size(); ++i) {
      const std::string where =
          fmt::format("{} of {}", name_of_region(control.call.kind, i), control.name);
      count(control.regions[i], {where, counts.depth + 1, {}, 0}, all);
    }
  }
}

}  // namespace

std::size_t LaunchCounts::kernels() const {
  std::size_t sum = 0;
  for (const std::size_t count : of_kind) sum += count;
  return sum - of(LaunchKind::kControl);
}

std::string LaunchCounts::others() const {
  struct Words {
    LaunchKind kind;
    std::string_view one;
    std::string_view many;
  };
  constexpr Words kWords[] = {{LaunchKind::kLibrary, "call of the runtime", "calls of the runtime"},
                              {LaunchKind::kFill, "fill", "fills"},
                              {LaunchKind::kCopy, "copy", "copies"},
                              {LaunchKind::kCheck, "check of indices", "checks of indices"}};
  std::string text;
  for (const Words& words : kWords) {
    if (of(words.kind) == 0) continue;
    text += (text.empty() ? "" : ", ") + counted(of(words.kind), words.one, words.many);
  }
  return text;
}

std::string LaunchCounts::details() const {
  const std::string text = "in " + counted(launches, "launch", "launches");
  return others().empty() ? text : text + ", with " + others();
}

std::vector<LaunchCounts> count_launches(const Schedule& schedule) {
  std::vector<LaunchCounts> all;
  count(schedule, {}, all);
  return all;
}

std::vector<LaunchCounts> count_launches(const ir::Graph& graph) {
  return count_launches(lower_graph(graph));
}

std::string launch_table(const ir::Graph& graph) {
  std::string text;
  for (const LaunchCounts& each : count_launches(graph)) {
    text += fmt::format("{:{}}{}: {} {}\n", "", 2 * each.depth,
                        each.where.empty() ? "compiled" : each.where,
                        counted(each.kernels(), "kernel", "kernels"), each.details());
  }
  return text;
}

}  // namespace ndl::codegen
