#include "tools/ndl/pass_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <regex>
#include <system_error>

#include "base/error.h"
#include "base/number.h"
#include "base/text.h"
#include "codegen/program.h"
#include "ir/printer.h"
#include "passes/fuse.h"
#include "passes/pass.h"
#include "tools/io/file.h"
#include "tools/line_diff.h"
#include "tools/ndl/fusion_table.h"

namespace ndl::tools {
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

// DIR/00-input.ndl, DIR/01-canonicalize.ndl, ...
class StageFiles {
 public:
  // Makes the folder; `origin` begins the message if that fails.
  StageFiles(std::string folder, std::string_view origin) : folder_(std::move(folder)) {
    if (folder_.empty()) return;
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    if (error) {
      throw_error<IoError>("{}--dump-to: cannot make the folder '{}': {}", origin,
                           display_path(folder_), error.message());
    }
  }
  void write(std::size_t index, std::string_view name, const ir::Graph& graph) const {
    if (folder_.empty()) return;
    write_file(fmt::format("{}/{:02}-{}.ndl", folder_, index, name), ir::print(graph));
  }

 private:
  std::string folder_;
};

// What the table of flags cannot say about values.
void check_flags(const Flags& flags) {
  check_disabled(flags.disable);
  PassFilter(flags.print_after);
}

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

}  // namespace

void PassFlags::add_to(CLI::App& app, const std::string& fallback) {
  pipeline_option_ =
      app.add_option("-p,--passes", pipeline_, "passes to run, as in canonicalize,dce")
          ->type_name("PIPELINE")
          ->default_str(fallback)
          ->group("Passes");
  for (const FlagDef& def : all_flags()) {
    const std::string name = fmt::format("--{}", def.name);
    const std::string doc(def.doc);
    CLI::Option* option =
        def.needs_value()
            ? app.add_option(
                     name, [](const CLI::results_t&) { return true; }, doc)
                  ->expected(1)
            : app.add_flag(def.bare.empty() ? name : fmt::format("{}{{{}}}", name, def.bare), doc);
    option->type_name(std::string(def.value))
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false)
        ->group("Passes");
    options_.emplace_back(&def, option);
  }
}

Flags PassFlags::flags() const {
  Flags flags = flags_from_environment(check_flags);
  for (const auto& [def, option] : options_) {
    for (const std::string& value : option->results()) set_flag(flags, *def, value);
  }
  check_flags(flags);
  return flags;
}

ir::Graph PassFlags::run(const ir::Graph& graph, std::string_view fallback,
                         const decltype(passes::RunOptions::observer)& observer) const {
  const Flags flags = this->flags();
  const std::vector<passes::PipelineStep> pipeline =
      passes::parse_pipeline(pipeline_option_->count() == 0 ? fallback : trim(pipeline_));
  const PassFilter print_after(flags.print_after);
  const bool is_given = std::ranges::any_of(options_, [](const auto& row) {
    return row.first->member == FlagDef::Member(&Flags::dump_to) && row.second->count() > 0;
  });
  const StageFiles stages(flags.dump_to, is_given ? "" : "NDL_FLAGS: ");
  stages.write(0, "input", graph);

  std::vector<passes::PassRecord> records;
  bool is_explained = flags.explain.empty();
  passes::RunOptions options;
  options.verify_each = flags.verify_each;
  options.disabled = {flags.disable.begin(), flags.disable.end()};
  options.observer = [&](const passes::PassRecord& record, const ir::Graph& before,
                         const ir::Graph& after) {
    const std::string title = fmt::format("// {} (pass {})", record.name, record.index);
    if (print_after.matches(record.name)) {
      write_stderr(fmt::format("{}\n{}", title, ir::print(after)));
    }
    if (!flags.print_changed.empty() && !record.changed) {
      write_stderr(fmt::format("{}: no change\n", title));
    } else if (flags.print_changed == "graph") {
      write_stderr(fmt::format("{}\n{}", title, ir::print(after)));
    } else if (flags.print_changed == "diff") {
      write_stderr(fmt::format("{}\n{}", title, line_diff(ir::print(before), ir::print(after))));
    }
    if (flags.explain == record.name) {
      const auto& options = pipeline[record.index - 1].options;
      write_stderr(fmt::format("{}\n{}", title,
                               fusion_table(before, after, passes::max_ops_option(options))));
      is_explained = true;
    }
    stages.write(record.index, record.name, after);
    records.push_back(record);
    if (observer) observer(record, before, after);
  };
  ir::Graph result = passes::run_pipeline(graph, pipeline, options);
  if (flags.timing) write_stderr(timing_table(records));
  if (!is_explained) {
    write_stderr(fmt::format("note: --explain={0}: the pass '{0}' does not run; what runs: {1}\n",
                             flags.explain,
                             records.empty() ? "no pass" : passes::to_string(pipeline)));
  }
  return result;
}

void PassFlags::dump_kernels(const ir::Graph& graph, const std::string& cpu) const {
  const std::string folder = flags().dump_to;
  if (folder.empty()) return;
  codegen::CompileOptions options;
  options.cpu = cpu;
  options.pipeline = "";
  const std::pair<codegen::Stage, const char*> files[] = {{codegen::Stage::kLoops, "kernels.loops"},
                                                          {codegen::Stage::kLlvm, "kernels.ll"},
                                                          {codegen::Stage::kAssembly, "kernels.s"}};
  for (const auto& [stage, name] : files) {
    write_file(fmt::format("{}/{}", folder, name), codegen::compile_to(graph, stage, options));
  }
}

}  // namespace ndl::tools
