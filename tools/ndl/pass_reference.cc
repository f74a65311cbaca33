#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "passes/pass.h"
#include "tools/ndl/reference.h"

namespace ndl::tools {
namespace {

using passes::PassDef;
using passes::PassOption;
using passes::RuleName;

constexpr std::string_view kIntroduction =
    "# Passes\n\n"
    "Every pass and rule, written by `ndl passes --md` from their tables. A pass is a function "
    "from\n"
    "graph to graph; `ndl opt -p a,b{option=value}` runs some in order, `--disable=NAME` leaves "
    "out\n"
    "one of them or a single rule.\n";

std::vector<RuleName> rules_of(const PassDef& pass) {
  std::vector<RuleName> rules = passes::all_rules();
  std::erase_if(rules, [&](const RuleName& rule) { return rule.pass != pass.name; });
  return rules;
}

std::size_t widest_rule(const std::vector<RuleName>& rules) {
  std::size_t width = 0;
  for (const RuleName& rule : rules) width = std::max(width, rule.rule.size());
  return width;
}

std::string text_of(const PassDef& pass) {
  std::string text = fmt::format("{}\n\n{}\n", pass.name, pass.doc);
  if (!pass.options.empty()) text += "\nOptions\n";
  for (const PassOption& option : pass.options) {
    text += fmt::format("  {}={}  {}\n", option.name, option.fallback, option.doc);
  }
  const std::vector<RuleName> rules = rules_of(pass);
  if (!rules.empty()) text += "\nRules\n";
  for (const RuleName& rule : rules) {
    text += fmt::format("  {:<{}}  {}\n", rule.rule, widest_rule(rules), rule.doc);
  }
  return text;
}

std::string text_of_all() {
  std::size_t width = 0;
  for (const PassDef& pass : passes::all_passes()) width = std::max(width, pass.name.size());
  std::string text;
  for (const PassDef& pass : passes::all_passes()) {
    text += fmt::format("{:<{}}  {}\n", pass.name, width, pass.doc);
    const std::vector<RuleName> rules = rules_of(pass);
    for (const RuleName& rule : rules) {
      text +=
          fmt::format("{:<{}}    {:<{}}  {}\n", "", width, rule.rule, widest_rule(rules), rule.doc);
    }
  }
  return text;
}

// Text inside a table's cell.
std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text) result += c == '|' ? "\\|" : std::string(1, c);
  return result;
}

std::string section_of(const PassDef& pass) {
  std::string text = fmt::format("\n## {}\n\n{}\n", pass.name, pass.doc);
  if (!pass.options.empty()) text += "\n| option | default | meaning |\n|---|---|---|\n";
  for (const PassOption& option : pass.options) {
    text += fmt::format("| `{}` | `{}` | {} |\n", option.name, option.fallback, cell(option.doc));
  }
  const std::vector<RuleName> rules = rules_of(pass);
  if (!rules.empty()) text += "\n| rule | |\n|---|---|\n";
  for (const RuleName& rule : rules) {
    text += fmt::format("| `{}` | {} |\n", rule.rule, cell(rule.doc));
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
  json["options"] = nlohmann::ordered_json::array();
  for (const PassOption& option : pass.options) {
    json["options"].push_back(
        {{"name", option.name}, {"default", option.fallback}, {"doc", option.doc}});
  }
  json["rules"] = nlohmann::ordered_json::array();
  for (const RuleName& rule : rules_of(pass)) {
    json["rules"].push_back({{"name", rule.rule}, {"doc", rule.doc}});
  }
  return json;
}

std::string json_of_all() {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const PassDef& pass : passes::all_passes()) list.push_back(json_of(pass));
  return list.dump(2) + "\n";
}

const PassDef& require_pass(std::string_view name) {
  if (const PassDef* pass = passes::find_pass(name)) return *pass;
  std::vector<std::string_view> names;
  for (const PassDef& pass : passes::all_passes()) names.push_back(pass.name);
  const std::string_view near = nearest_name(name, names);
  throw_error<UsageError>("no pass is called '{}'{}", excerpt(name),
                          near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
}

}  // namespace

std::string pass_reference(std::string_view name, ReferenceFormat format) {
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
