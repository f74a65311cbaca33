#include "passes/show.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/line_diff.h"
#include "base/number.h"
#include "base/text.h"
#include "ir/control_flow.h"
#include "ir/printer.h"
#include "passes/fuse.h"
#include "passes/fusion_table.h"
#include "passes/risks.h"

namespace ndl::passes {
namespace {

// The names --disable takes.
void check_disabled(const std::vector<std::string>& disabled) {
  std::vector<std::string_view> names;
  for (const passes::PassDef& pass : passes::all_passes()) names.push_back(pass.name);
  for (const passes::RuleName& rule : passes::all_rules()) names.push_back(rule.rule);
  for (const std::string& name : disabled) {
    if (std::ranges::find(names, name) != names.end()) continue;
    const std::string_view near = nearest_name(name, names);
    throw_error<UsageError>("--disable: no pass or rule is called '{}'{}", excerpt(name),
                            near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
  }
}

// Which passes --print-after is about.
class PassFilter {
 public:
  explicit PassFilter(const std::string& text) : all_(text == "all"), none_(text.empty()) {
    if (all_ || none_) return;
    // std::regex recurses over the text.
    constexpr std::size_t kLongest = 1000;
    if (text.size() > kLongest) {
      throw_error<UsageError>("--print-after: longer than {} characters", kLongest);
    }
    try {
      regex_ = std::regex(text);
    } catch (const std::regex_error& error) {
      throw_error<UsageError>("--print-after: '{}' is no regular expression: {}", excerpt(text),
                              error.what());
    }
  }
  bool matches(const std::string& name) const {
    return all_ || (!none_ && std::regex_search(name, regex_));
  }

 private:
  bool all_;
  bool none_;
  std::regex regex_;
};

std::string timing_table(const std::vector<passes::PassRecord>& records) {
  double total = 0;
  for (const passes::PassRecord& record : records) total += record.seconds;
  std::string text = fmt::format("{:>12}  {:>6}  {:>9} {:>9}  pass\n", "ms", "%", "nodes", "after");
  for (const passes::PassRecord& record : records) {
    text += fmt::format("{:>12.3f}  {:>6.1f}  {:>9} {:>9}  {}{}\n", record.seconds * 1e3,
                        total > 0 ? 100 * record.seconds / total : 0, record.nodes_before,
                        record.nodes_after, record.name, record.changed ? "" : " (no change)");
  }
  return text +
         fmt::format("{:>12.3f}  {:>6.1f}  {:>9} {:>9}  total\n", total * 1e3, 100.0, "", "");
}

// f(graph, where) for the graph and the regions in it, of all nodes or of control flow alone: "", "
// in the body of %0 scan".
enum class Regions : std::uint8_t { kAll, kOfControlFlow };
template <class F>
void for_each_region(const ir::Graph& graph, const std::string& where, Regions which, F&& f) {
  f(graph, where);
  if (graph.region_depth() == 0) return;
  const std::vector<std::string> labels = ir::value_labels(graph);
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    if (which == Regions::kOfControlFlow && !ir::is_control_flow(graph.op({id}))) continue;
    for (const auto& [name, value] : graph.attributes({id})) {
      const auto* region = std::get_if<ir::Region>(&value);
      if (region == nullptr) continue;
      for_each_region(**region,
                      fmt::format(" in the {} of {} {}{}", ir::name_of(name), excerpt(labels[id]),
                                  graph.def({id}).name, where),
                      which, f);
    }
  }
}

// "%0 exp"
std::string label(const ir::Graph& graph, const std::vector<std::string>& labels, ir::Value value) {
  return fmt::format("{} {}", excerpt(labels[value.id]), graph.def(value).name);
}

// What the rules of a pass did to the graph that entered it.
std::string rule_table(const PassRecord& record, const ir::Graph& before) {
  std::vector<std::vector<std::string>> rows = {{"rule", "was", "is", "written at"}};
  for_each_region(before, "", Regions::kAll, [&](const ir::Graph& graph, const std::string& where) {
    const std::vector<std::string> labels = ir::value_labels(graph);
    for (const AppliedRule& applied : record.applied) {
      if (applied.graph != &graph) continue;
      rows.push_back({std::string(applied.rule), label(graph, labels, applied.value) + where,
                      std::string(ir::name_of(applied.result)),
                      graph.location(applied.value).to_string()});
    }
  });
  const std::size_t count = record.applied.size();
  return (count == 0 ? "" : align_columns(rows)) +
         fmt::format("{} rule{} applied\n", count, count == 1 ? "" : "s");
}

// What may still go wrong with finite inputs, of what the user wrote: what rules make in its place
// holds by how it is made.
std::string risk_table(const ir::Graph& before, const ir::Graph& whole) {
  std::set<std::pair<std::string, ir::Op>> written;
  const auto place = [](const ir::Graph& graph, ir::Value value) {
    return std::pair(graph.location(value).to_string(), graph.op(value));
  };
  for_each_region(before, "", Regions::kAll, [&](const ir::Graph& graph, const std::string&) {
    for (std::uint32_t id = 0; id < graph.size(); ++id) written.insert(place(graph, {id}));
  });
  std::vector<std::vector<std::string>> rows = {{"prone", "to", "hint", "written at"}};
  for_each_region(whole, "", Regions::kAll, [&](const ir::Graph& graph, const std::string& where) {
    const std::vector<std::string> labels = ir::value_labels(graph);
    for (const Risk& risk : find_risks(graph)) {
      if (!written.contains(place(graph, risk.value))) continue;
      rows.push_back({label(graph, labels, risk.value) + where, risk.what, std::string(risk.hint),
                      graph.location(risk.value).to_string()});
    }
  });
  return rows.size() == 1 ? "nothing is prone to overflow or cancel\n" : align_columns(rows);
}

// Fusion in the graph and, as that is done one by one, in the regions of its control flow.
std::string fusion_tables(const ir::Graph& before, const ir::Graph& after,
                          const PipelineStep& step) {
  const CostModel model = cost_model(step.options);
  PassContext context;
  context.options = step.options;
  std::string text;
  for_each_region(before, "", Regions::kOfControlFlow,
                  [&](const ir::Graph& graph, const std::string& where) {
                    if (where.empty()) {
                      text += fusion_table(graph, after, model);
                    } else {
                      text += fmt::format("\n{}:\n", trim(where));
                      text += fusion_table(graph, run_fuse(graph, context), model);
                    }
                  });
  return text;
}

std::string explanation(const PassRecord& record, const PipelineStep& step, const ir::Graph& before,
                        const ir::Graph& after) {
  if (record.name == "fuse") return fusion_tables(before, after, step);
  return rule_table(record, before) + (record.name == "stabilize" ? risk_table(before, after) : "");
}

}  // namespace

void check_flags(const Flags& flags) {
  check_disabled(flags.disable);
  PassFilter(flags.print_after);
}

void make_dump_folder(const std::string& folder, std::string_view origin) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw_error<IoError>("{}--dump-to: cannot make the folder '{}': {}", origin,
                         excerpt(folder, 200), error.message());
  }
}

void write_dump(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.flush();
  if (!file) throw_error<IoError>("cannot write '{}'", excerpt(path, 200));
}

ir::Graph run_and_show(const ir::Graph& graph, std::span<const PipelineStep> pipeline,
                       const Flags& flags, ShowTo to,
                       const decltype(RunOptions::observer)& observer) {
  if (!to.text) {
    to.text = [](std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); };
  }
  if (!to.file) to.file = write_dump;
  const auto dump = [&](std::size_t index, std::string_view name, const ir::Graph& stage) {
    if (to.folder.empty()) return;
    to.file(fmt::format("{}/{:02}-{}.ndl", to.folder, index, name), ir::print(stage));
  };
  const PassFilter print_after(flags.print_after);
  dump(0, "input", graph);
  std::vector<PassRecord> records;
  bool is_explained = flags.explain.empty();
  RunOptions options;
  options.verify_each = flags.verify_each;
  options.notes_rules = !flags.explain.empty();
  options.disabled = {flags.disable.begin(), flags.disable.end()};
  options.observer = [&](const PassRecord& record, const ir::Graph& before,
                         const ir::Graph& after) {
    const std::string title = fmt::format("// {} (pass {})", record.name, record.index);
    if (print_after.matches(record.name)) {
      to.text(fmt::format("{}\n{}", title, ir::print(after)));
    }
    if (!flags.print_changed.empty() && !record.changed) {
      to.text(fmt::format("{}: no change\n", title));
    } else if (flags.print_changed == "graph") {
      to.text(fmt::format("{}\n{}", title, ir::print(after)));
    } else if (flags.print_changed == "diff") {
      to.text(fmt::format("{}\n{}", title, line_diff(ir::print(before), ir::print(after))));
    }
    if (flags.explain == record.name) {
      const PipelineStep& step = pipeline[record.index - 1];
      to.text(fmt::format("{}\n{}", title, explanation(record, step, before, after)));
      is_explained = true;
    }
    dump(record.index, record.name, after);
    records.push_back(record);
    if (observer) observer(record, before, after);
  };
  ir::Graph result = run_pipeline(graph, pipeline, options);
  if (flags.explain == "fuse" && is_explained && to.launches) to.text(to.launches(result));
  if (flags.timing) to.text(timing_table(records));
  if (!is_explained) {
    to.text(fmt::format("note: --explain={0}: the pass '{0}' does not run; what runs: {1}\n",
                        flags.explain, records.empty() ? "no pass" : to_string(pipeline)));
  }
  return result;
}

}  // namespace ndl::passes
