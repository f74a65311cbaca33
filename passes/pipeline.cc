// Pipelines: their text, and running them.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/text.h"
#include "ir/verifier.h"
#include "passes/pass.h"

namespace ndl::passes {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

// pipeline := step ("," step)*     step := name ["{" option=value (space option=value)* "}"]
class PipelineParser {
 public:
  explicit PipelineParser(std::string_view text) : text_(text) {}

  std::vector<PipelineStep> parse() {
    std::vector<PipelineStep> steps;
    skip_space();
    if (at_end()) return steps;
    while (true) {
      append_step(steps);
      skip_space();
      if (at_end()) return steps;
      if (text_[offset_] != ',') fail(offset_, "expected ',' between passes");
      ++offset_;
    }
  }

 private:
  bool at_end() const { return offset_ == text_.size(); }
  void skip_space() {
    while (!at_end() && text_[offset_] == ' ') ++offset_;
  }

  std::string_view word(std::string_view what) {
    skip_space();
    const std::size_t begin = offset_;
    while (!at_end() && is_word(text_[offset_])) ++offset_;
    if (begin == offset_) fail(begin, "expected {}", what);
    return text_.substr(begin, offset_ - begin);
  }

  void append_step(std::vector<PipelineStep>& steps) {
    skip_space();
    const std::size_t begin = offset_;
    const std::string_view name = word("the name of a pass");
    if (name == "default") {
      for (PipelineStep& step : parse_pipeline(kDefaultPipeline)) steps.push_back(std::move(step));
      return;
    }
    PipelineStep step;
    step.pass = find_pass(name);
    if (step.pass == nullptr) {
      std::vector<std::string_view> names = {"default"};
      for (const PassDef& pass : all_passes()) names.push_back(pass.name);
      const std::string_view near = nearest_name(name, names);
      fail(begin, "there is no pass '{}'; {}", excerpt(name),
           near.empty() ? fmt::format("there are: {}", fmt::join(names, ", "))
                        : fmt::format("did you mean '{}'?", near));
    }
    skip_space();
    if (!at_end() && text_[offset_] == '{') {
      ++offset_;
      append_options(step);
    }
    steps.push_back(std::move(step));
  }

  void append_options(PipelineStep& step) {
    while (true) {
      skip_space();
      if (at_end()) fail(offset_, "expected '}}' after the options of '{}'", step.pass->name);
      if (text_[offset_] == '}') {
        ++offset_;
        return;
      }
      const std::size_t begin = offset_;
      const std::string_view name = word("the name of an option");
      const bool known =
          std::ranges::any_of(step.pass->options, [&](const auto& o) { return o.name == name; });
      if (!known) fail(begin, "the pass '{}' has no option '{}'", step.pass->name, excerpt(name));
      if (at_end() || text_[offset_] != '=') fail(offset_, "expected '=' and a value");
      ++offset_;
      const std::string_view value = word("a value");
      if (!step.options.emplace(name, value).second) fail(begin, "'{}' is given twice", name);
    }
  }

  template <class... Args>
  [[noreturn]] void fail(std::size_t offset, fmt::format_string<Args...> format, Args&&... args) {
    throw UsageError(Diagnostic{{"pipeline", 1, static_cast<int>(offset) + 1},
                                fmt::format(format, std::forward<Args>(args)...),
                                std::string(text_)});
  }

  std::string_view text_;
  std::size_t offset_ = 0;
};

}  // namespace

std::vector<PipelineStep> parse_pipeline(std::string_view text) {
  return PipelineParser(text).parse();
}

std::string to_string(std::span<const PipelineStep> pipeline) {
  std::string text;
  for (const PipelineStep& step : pipeline) {
    if (!text.empty()) text += ',';
    text += step.pass->name;
    if (step.options.empty()) continue;
    std::string_view separator = "{";
    for (const auto& [name, value] : step.options) {
      text += fmt::format("{}{}={}", separator, name, value);
      separator = " ";
    }
    text += '}';
  }
  return text;
}

ir::Graph run_pipeline(const ir::Graph& graph, std::span<const PipelineStep> pipeline,
                       const RunOptions& options) {
  const ir::Graph* current = &graph;
  ir::Graph latest;
  PassRecord record;
  for (const PipelineStep& step : pipeline) {
    ++record.index;
    if (options.disabled.contains(step.pass->name)) continue;
    record.name = step.pass->name;
    record.nodes_before = current->size();
    const auto start = std::chrono::steady_clock::now();
    record.applied.clear();
    ir::Graph next = step.pass->run(*current, {options.disabled, step.options,
                                               options.notes_rules ? &record.applied : nullptr});
    record.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    record.nodes_after = next.size();
    if (options.verify_each) {
      try {
        ir::verify(next);
      } catch (const Error& error) {
        throw InternalError(fmt::format("the graph is not valid after pass {} '{}': {}",
                                        record.index, record.name, error.what()));
      }
    }
    if (options.observer) {
      record.changed = !(next == *current);
      options.observer(record, *current, next);
    }
    latest = std::move(next);
    current = &latest;
  }
  return current == &graph ? graph : std::move(latest);
}

}  // namespace ndl::passes
