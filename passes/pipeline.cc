// Pipelines: their text, and running them.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/number.h"
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
    for (const PipelineStep& earlier : steps) {
      const auto& lowers = step.pass->not_after;
      if (std::ranges::find(lowers, earlier.pass->name) == lowers.end()) continue;
      fail(begin, "'{}' reads what '{}' lowers; it has to come before that", name,
           earlier.pass->name);
    }
    skip_space();
    if (!at_end() && text_[offset_] == '{') {
      ++offset_;
      append_options(step);
    }
    for (const PassOption& option : step.pass->options) {
      if (!option.is_required || step.options.contains(option.name)) continue;
      fail(begin, "'{}' takes the option '{}': {}", name, option.name, option.doc);
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
      const auto option = std::ranges::find(step.pass->options, name, &PassOption::name);
      if (option == step.pass->options.end()) {
        fail(begin, "the pass '{}' has no option '{}'", step.pass->name, excerpt(name));
      }
      if (at_end() || text_[offset_] != '=') fail(offset_, "expected '=' and a value");
      ++offset_;
      skip_space();
      const std::size_t value_begin = offset_;
      const std::string_view value = word("a value");
      try {
        parse_numbers(*option, value);
      } catch (const UsageError& error) {
        fail(value_begin, "{}", error.what());
      }
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

std::vector<std::int64_t> parse_numbers(const PassOption& option, std::string_view value) {
  std::vector<std::int64_t> numbers;
  if (value.empty()) return numbers;
  for (const std::string_view text : option.is_list ? split(value, '.') : std::vector{value}) {
    std::int64_t number = 0;
    const NumberError error = from_text(text, number);
    if (error != NumberError::kNone || number < option.at_least) {
      throw_error<UsageError>("{} takes {} from {} to 2^63 - 1, got '{}'", option.name,
                              option.is_list ? "integers" : "an integer", option.at_least,
                              excerpt(text));
    }
    numbers.push_back(number);
  }
  return numbers;
}

std::vector<std::int64_t> PassDef::numbers(const PassOptions& given,
                                           std::string_view option) const {
  const auto it = std::ranges::find(options, option, &PassOption::name);
  NDL_CHECK(it != options.end(), "'{}' has no option '{}'", name, option);
  if (const auto value = given.find(option); value != given.end()) {
    return parse_numbers(*it, value->second);
  }
  if (it->is_required) {
    throw_error<UsageError>("'{}' takes the option '{}': {}", name, option, it->doc);
  }
  return parse_numbers(*it, it->fallback);
}

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
