// Passes: functions from graph to graph, the table of them, and pipelines.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace ndl::passes {

struct Rule;

// A rule that was applied to a node of the graph that entered a pass, or of a region in it.
struct AppliedRule {
  std::string_view rule;
  const ir::Graph* graph = nullptr;  // whose node it is; it lives as long as what entered the pass
  ir::Value value;
  ir::Op result;  // what computes the value instead
};

// Values of options, by name, as in fuse{max-ops=16}.
using PassOptions = std::map<std::string, std::string, std::less<>>;

// What a pass is told besides the graph.
struct PassContext {
  // Rules (or passes) that are switched off, by name.
  std::set<std::string, std::less<>> disabled;
  PassOptions options;
  // Where a pass that works by rules notes which it has applied; null if nobody wants to know.
  // Around control flow, it notes the first of several sweeps.
  std::vector<AppliedRule>* applied = nullptr;

  bool is_enabled(std::string_view rule) const { return !disabled.contains(rule); }
};

// An option takes an integer, or several as in 1.2.
struct PassOption {
  std::string_view name;
  std::string_view fallback;  // none: the option may be left out, or must not be
  std::string_view doc;
  std::int64_t at_least = 1;
  bool is_list = false;
  bool is_required = false;
};

// The numbers that an option's value stands for. Throws UsageError.
std::vector<std::int64_t> parse_numbers(const PassOption& option, std::string_view value);

struct PassDef {
  std::string_view name;
  std::string_view doc;  // one line
  ir::Graph (*run)(const ir::Graph&, const PassContext&);
  std::span<const Rule> rules;  // that it applies, if it works by rules
  std::vector<PassOption> options;
  // Whether no bit of any result changes.
  bool is_exact = true;
  // Passes that must not come before it in a pipeline: they lower what it reads.
  std::vector<std::string_view> not_after = {};

  // The numbers of an option: those given, or its fallback.
  std::vector<std::int64_t> numbers(const PassOptions& given, std::string_view option) const;
};

// Every pass.
std::span<const PassDef> all_passes();
const PassDef* find_pass(std::string_view name);

// What compiling runs, unless said otherwise; in a pipeline it is called "default".
inline constexpr std::string_view kDefaultPipeline = "expand,canonicalize,hoist,fuse";

// A pass with its options.
struct PipelineStep {
  const PassDef* pass = nullptr;
  PassOptions options;
};

// "canonicalize,fuse{max-ops=16}". A mistake throws UsageError with a caret under the offending
// character.
std::vector<PipelineStep> parse_pipeline(std::string_view text);
// The canonical string; parse_pipeline reads it back.
std::string to_string(std::span<const PipelineStep> pipeline);

// What one step did.
struct PassRecord {
  std::size_t index = 0;  // from 1
  std::string name;
  double seconds = 0;
  bool changed = false;
  std::size_t nodes_before = 0;
  std::size_t nodes_after = 0;
  std::vector<AppliedRule> applied;  // if RunOptions::notes_rules
};

struct RunOptions {
  bool verify_each = false;
  bool notes_rules = false;
  // Passes and rules that are switched off.
  std::set<std::string, std::less<>> disabled;
  // Called after each step with the graph before and after it.
  std::function<void(const PassRecord&, const ir::Graph& before, const ir::Graph& after)> observer;
};

// Runs the steps in order. A verifier failure after a step is an InternalError that names it.
ir::Graph run_pipeline(const ir::Graph& graph, std::span<const PipelineStep> pipeline,
                       const RunOptions& options = {});

// Every rule of every pass, for `ndl passes`, --disable and the tests that walk them.
struct RuleName {
  std::string_view pass;
  std::string_view rule;
  std::string doc;  // the equation, or what it does
};
std::vector<RuleName> all_rules();

}  // namespace ndl::passes
