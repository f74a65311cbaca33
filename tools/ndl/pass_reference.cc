#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "ir/printer.h"
#include "passes/pass.h"
#include "passes/rewrite.h"
#include "tools/ndl/reference.h"

namespace ndl::tools {
namespace {

using passes::PassDef;
using passes::PassOption;
using passes::Rule;

constexpr std::string_view kIntroduction =
    "# Passes\n\n"
    "Every pass and rule, written by `ndl passes --md` from their tables. A pass is a function "
    "from\n"
    "graph to graph; `ndl opt -p a,b{option=value}` runs some in order, `--disable=NAME` leaves "
    "out\n"
    "one of them or a single rule. A rule that is no equation is shown at work, and with a graph\n"
    "that it leaves alone.\n";

// A rule, with what it does to its example: bodies of graphs, as lines that end.
struct RuleEntry {
  const PassDef* pass;
  const Rule* rule;
  std::string before;  // these are empty for an equation, which says it all
  std::string after;
  std::string left_alone;
};

// The lines between the braces of a graph's text, without indentation.
std::string body_of(const ir::Graph& graph) {
  const std::string text = ir::print(graph);
  std::string body;
  bool is_inside = false;
  for (const std::string_view line : split(text, '\n')) {
    if (line == "}") break;
    if (is_inside) body += std::string(line.substr(2)) + "\n";
    is_inside = is_inside || line.starts_with("graph ");
  }
  return body;
}

RuleEntry entry_of(const PassDef& pass, const Rule& rule) {
  if (rule.is_equation()) return {&pass, &rule, "", "", ""};
  const ir::Graph before = passes::example_graph(rule.example);
  const ir::Graph after = passes::rewrite(before, std::span(&rule, 1), {});
  return {&pass, &rule, body_of(before), body_of(after),
          body_of(passes::example_graph(rule.near_miss))};
}

std::string indented(std::string_view lines) {
  std::string text;
  for (const std::string_view line : split(trim(lines), '\n')) text += fmt::format("  {}\n", line);
  return text;
}

std::string text_of(const RuleEntry& entry) {
  std::string text = fmt::format("{}, a rule of {}\n\n{}\n", entry.rule->name, entry.pass->name,
                                 entry.rule->to_string());
  if (entry.before.empty()) return text;
  return text + fmt::format("\nBefore\n{}\nAfter\n{}\nLeft alone\n{}", indented(entry.before),
                            indented(entry.after), indented(entry.left_alone));
}

std::string section_of(const RuleEntry& entry) {
  std::string text = fmt::format("\n### {}\n\n{}\n", entry.rule->name, entry.rule->to_string());
  if (entry.before.empty()) return text;
  return text + fmt::format(
                    "\n```\n{}```\n\nbecomes\n\n```\n{}```\n\nand this stays as it is:\n\n"
                    "```\n{}```\n",
                    entry.before, entry.after, entry.left_alone);
}

nlohmann::ordered_json json_of(const RuleEntry& entry) {
  nlohmann::ordered_json json{{"name", entry.rule->name}, {"doc", entry.rule->to_string()}};
  if (entry.before.empty()) return json;
  json["before"] = entry.before;
  json["after"] = entry.after;
  json["left_alone"] = entry.left_alone;
  return json;
}

std::optional<RuleEntry> find_rule(std::string_view name) {
  for (const PassDef& pass : passes::all_passes()) {
    const auto rule = std::ranges::find(pass.rules, name, &Rule::name);
    if (rule != pass.rules.end()) return entry_of(pass, *rule);
  }
  return std::nullopt;
}

std::string reference_of(const RuleEntry& entry, ReferenceFormat format) {
  switch (format) {
    case ReferenceFormat::kText:
      return text_of(entry);
    case ReferenceFormat::kMarkdown:
      return section_of(entry).substr(1);
    case ReferenceFormat::kJson:
      return json_of(entry).dump(2) + "\n";
  }
  return "";
}

std::size_t widest_rule(const PassDef& pass) {
  std::size_t width = 0;
  for (const Rule& rule : pass.rules) width = std::max(width, rule.name.size());
  return width;
}

// "In a pipeline it does not come after expand, fuse."; "" if it may come after all.
std::string order_of(const PassDef& pass) {
  if (pass.not_after.empty()) return "";
  return fmt::format("In a pipeline it does not come after {}.", fmt::join(pass.not_after, ", "));
}

std::string text_of(const PassDef& pass) {
  std::string text = fmt::format("{}\n\n{}\n", pass.name, pass.doc);
  if (!pass.not_after.empty()) text += order_of(pass) + "\n";
  if (!pass.options.empty()) text += "\nOptions\n";
  for (const PassOption& option : pass.options) {
    text += fmt::format("  {}={}  {}\n", option.name, option.fallback, option.doc);
  }
  if (!pass.rules.empty()) text += "\nRules\n";
  for (const Rule& rule : pass.rules) {
    text += fmt::format("  {:<{}}  {}\n", rule.name, widest_rule(pass), rule.to_string());
  }
  return text;
}

std::string text_of_all() {
  std::size_t width = 0;
  for (const PassDef& pass : passes::all_passes()) width = std::max(width, pass.name.size());
  std::string text;
  for (const PassDef& pass : passes::all_passes()) {
    text += fmt::format("{:<{}}  {}\n", pass.name, width, pass.doc);
    for (const Rule& rule : pass.rules) {
      text += fmt::format("{:<{}}    {:<{}}  {}\n", "", width, rule.name, widest_rule(pass),
                          rule.to_string());
    }
  }
  return text + fmt::format("\ndefault is the pipeline {}\n", passes::kDefaultPipeline);
}

// Text inside a table's cell.
std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text) result += c == '|' ? "\\|" : std::string(1, c);
  return result;
}

std::string section_of(const PassDef& pass) {
  std::string text = fmt::format("\n## {}\n\n{}\n", pass.name, pass.doc);
  if (!pass.not_after.empty()) text += "\n" + order_of(pass) + "\n";
  if (!pass.options.empty()) text += "\n| option | default | meaning |\n|---|---|---|\n";
  for (const PassOption& option : pass.options) {
    text += fmt::format("| `{}` | `{}` | {} |\n", option.name, option.fallback, cell(option.doc));
  }
  if (!pass.rules.empty()) text += "\n| rule | |\n|---|---|\n";
  for (const Rule& rule : pass.rules) {
    text += fmt::format("| `{}` | {} |\n", rule.name, cell(rule.to_string()));
  }
  for (const Rule& rule : pass.rules) {
    if (!rule.is_equation()) text += section_of(entry_of(pass, rule));
  }
  return text;
}

std::string markdown_of_all() {
  std::string text(kIntroduction);
  text +=
      fmt::format("\nThe pipeline `default` is `{}`.\n\n## Contents\n\n", passes::kDefaultPipeline);
  for (const PassDef& pass : passes::all_passes()) {
    text += fmt::format("- [`{0}`](#{0}): {1}\n", pass.name, pass.doc);
  }
  for (const PassDef& pass : passes::all_passes()) text += section_of(pass);
  return text;
}

nlohmann::ordered_json json_of(const PassDef& pass) {
  nlohmann::ordered_json json;
  json["name"] = pass.name;
  json["doc"] = pass.doc;
  json["not_after"] = pass.not_after;
  json["options"] = nlohmann::ordered_json::array();
  for (const PassOption& option : pass.options) {
    json["options"].push_back(
        {{"name", option.name}, {"default", option.fallback}, {"doc", option.doc}});
  }
  json["rules"] = nlohmann::ordered_json::array();
  for (const Rule& rule : pass.rules) json["rules"].push_back(json_of(entry_of(pass, rule)));
  return json;
}

std::string json_of_all() {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const PassDef& pass : passes::all_passes()) list.push_back(json_of(pass));
  return list.dump(2) + "\n";
}

const PassDef& require_pass(std::string_view name) {
  if (const PassDef* pass = passes::find_pass(name)) return *pass;
  if (name == "default") {
    throw_error<UsageError>("'default' is no pass, but the pipeline {}", passes::kDefaultPipeline);
  }
  std::vector<std::string_view> names;
  for (const PassDef& pass : passes::all_passes()) names.push_back(pass.name);
  for (const passes::RuleName& rule : passes::all_rules()) names.push_back(rule.rule);
  const std::string_view near = nearest_name(name, names);
  throw_error<UsageError>("no pass or rule is called '{}'{}", excerpt(name),
                          near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
}

}  // namespace

std::string pass_reference(std::string_view name, ReferenceFormat format) {
  if (const std::optional<RuleEntry> rule = find_rule(name)) return reference_of(*rule, format);
  const PassDef* pass = name.empty() ? nullptr : &require_pass(name);
  switch (format) {
    case ReferenceFormat::kText:
      return pass == nullptr ? text_of_all() : text_of(*pass);
    case ReferenceFormat::kMarkdown:
      return pass == nullptr ? markdown_of_all() : section_of(*pass).substr(1);
    case ReferenceFormat::kJson:
      return pass == nullptr ? json_of_all() : json_of(*pass).dump(2) + "\n";
  }
  return "";
}

}  // namespace ndl::tools
