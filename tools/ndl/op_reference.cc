#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "ir/op.h"
#include "tools/ndl/reference.h"

namespace ndl::tools {
namespace {

using ir::AttrDef;
using ir::AttrKind;
using ir::ElementwiseKind;
using ir::OpClass;
using ir::OpDef;

constexpr std::string_view kIntroduction =
    "# Ops\n\n"
    "Every op of the IR, written by `ndl ops --md` from the op table. [ir.md](ir.md) has the\n"
    "grammar of the text they are written in.\n\n"
    "A signature shows operands by name, `...` for one or more of them, and attributes as\n"
    "`name=value`. A value in capitals must be written; any other is the default, and the "
    "attribute\n"
    "may be left out. `TYPE` is the type of the result. Where types are restricted, the "
    "restriction is\n"
    "on the first operand, or on the result of an op without operands.\n";

// A set of dtypes that has a name.
struct DTypeClass {
  std::string_view name;
  DTypeSet set;
};
constexpr DTypeClass kDTypeClasses[] = {
    {"all", kAllDTypes},     {"numbers", kNumeric},        {"floats", kFloats},
    {"integers", kIntegers}, {"bool, integers", kBitwise},
};

std::string dtypes_text(DTypeSet set) {
  for (const DTypeClass& row : kDTypeClasses) {
    if (row.set == set) return std::string(row.name);
  }
  return set.to_string();
}

// The parts of the reference, in order: a title and the ops that belong there.
struct Group {
  std::string_view title;
  std::string_view doc;
  std::function<bool(const OpDef&)> holds;
};

std::function<bool(const OpDef&)> of_kind(ElementwiseKind kind) {
  return [kind](const OpDef& def) { return def.is_elementwise() && def.kind == kind; };
}
std::function<bool(const OpDef&)> of_class(OpClass op_class) {
  return [op_class](const OpDef& def) { return def.op_class == op_class; };
}

const std::vector<Group>& groups() {
  static const std::vector<Group> table = {
      {"One operand", "Elementwise, `(T) -> T`.", of_kind(ElementwiseKind::kUnary)},
      {"Two operands", "Elementwise, `(T, T) -> T`, both of one type.",
       of_kind(ElementwiseKind::kBinary)},
      {"Three operands", "Elementwise, `(T, T, T) -> T`, all of one type.",
       of_kind(ElementwiseKind::kTernary)},
      {"Predicates", "Elementwise, `(T) -> bool`.", of_kind(ElementwiseKind::kPredicate)},
      {"Comparisons", "Elementwise, `(T, T) -> bool`, both of one type.",
       of_kind(ElementwiseKind::kCompare)},
      {"Selection", "Elementwise, `(bool, T, T) -> T`, all of one shape.",
       of_kind(ElementwiseKind::kSelect)},
      {"Structural ops", "Ops that make, move, combine or reduce elements.",
       of_class(OpClass::kStructural)},
      {"Composed ops", "Ops that stand for a few others: the pass `expand` writes them out.",
       of_class(OpClass::kComposed)},
  };
  return table;
}

std::vector<const OpDef*> ops_of(const Group& group) {
  std::vector<const OpDef*> ops;
  for (const OpDef& def : ir::all_ops()) {
    if (group.holds(def)) ops.push_back(&def);
  }
  return ops;
}

std::string default_text(const AttrDef& attr) {
  switch (attr.kind) {
    case AttrKind::kIntegers:
      return fmt::format("[{}, ...]", attr.fallback);
    case AttrKind::kBoolean:
      return attr.fallback != 0 ? "true" : "false";
    case AttrKind::kDType:
      return "f32 for 16-bit sums, else the dtype of the operand";
    default:
      return fmt::format("{}", attr.fallback);
  }
}

std::string value_text(const AttrDef& attr) {
  switch (attr.kind) {
    case AttrKind::kInteger:
      return "INTEGER";
    case AttrKind::kIntegers:
      return "[INTEGER, ...]";
    case AttrKind::kBoolean:
      return "true|false";
    case AttrKind::kDType:
      return "DTYPE";
    case AttrKind::kSymbol:
      return fmt::format("{}", fmt::join(attr.symbols, "|"));
    case AttrKind::kScalars:
      return "[NUMBER, ...]";
    case AttrKind::kLiteral:
      return "LITERAL";
    case AttrKind::kRegion:
      return "(...) {...}";
  }
  return "";
}

// "slice(x, start=[INTEGER, ...], limit=[INTEGER, ...], stride=[1, ...])"
std::string signature(const OpDef& def) {
  std::vector<std::string> arguments;
  for (const std::string_view operand : def.operands) arguments.emplace_back(operand);
  if (def.variadic) arguments.back() += "...";
  std::string regions;
  for (const AttrDef& attr : def.attributes) {
    const bool has_short_default = attr.optional && attr.kind != AttrKind::kDType;
    const std::string value = has_short_default ? default_text(attr) : value_text(attr);
    if (attr.kind == AttrKind::kRegion) {
      regions += fmt::format(" {}{}", name_of(attr.name), value);
    } else if (attr.kind == AttrKind::kLiteral) {
      arguments.push_back(value);
    } else {
      arguments.push_back(fmt::format("{}={}", name_of(attr.name), value));
    }
  }
  const bool shows_type = def.type_given || !regions.empty();
  return fmt::format("{}({}){}{}", def.name, fmt::join(arguments, ", "),
                     shows_type ? " : TYPE" : "", regions);
}

std::string attribute_line(const AttrDef& attr, std::string_view quote) {
  const std::string fallback =
      attr.optional ? fmt::format("; by default {}", default_text(attr)) : "";
  return fmt::format("{}{}{}: {}{}{}{}", quote, name_of(attr.name), quote, quote, value_text(attr),
                     quote, fallback);
}

std::string text_of(const OpDef& def) {
  std::string text =
      fmt::format("{}\n\n{}\n\ndtypes: {}\n", signature(def), def.doc, def.dtypes.to_string());
  for (const AttrDef& attr : def.attributes) text += attribute_line(attr, "") + "\n";
  return text;
}

std::string text_of_all() {
  std::size_t width = 0;
  for (const OpDef& def : ir::all_ops()) width = std::max(width, def.name.size());
  std::string text;
  for (const Group& group : groups()) {
    text += fmt::format("{}{}\n", text.empty() ? "" : "\n", group.title);
    for (const OpDef* def : ops_of(group)) {
      text += fmt::format("  {:<{}}  {}\n", def->name, width, def->doc);
    }
  }
  return text;
}

// A whole section for an op that is not elementwise.
std::string section_of(const OpDef& def) {
  std::string text =
      fmt::format("\n### {}\n\n```\n{}\n```\n\n{}\n", def.name, signature(def), def.doc);
  text += fmt::format("\n- types: {}\n", dtypes_text(def.dtypes));
  for (const AttrDef& attr : def.attributes) text += "- " + attribute_line(attr, "`") + "\n";
  return text;
}

std::string table_row(const OpDef& def) {
  return fmt::format("| `{}({})` | {} | {} |\n", def.name, fmt::join(def.operands, ", "),
                     dtypes_text(def.dtypes), def.doc);
}

constexpr std::string_view kTableHead = "\n| op | types | value |\n|---|---|---|\n";

// How GitHub names the place of a heading.
std::string anchor(std::string_view title) {
  std::string text(title);
  std::ranges::transform(text, text.begin(), [](char c) {
    return c == ' ' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

std::string contents() {
  std::string text = "\n## Contents\n\n";
  for (const Group& group : groups()) {
    const auto ops = ops_of(group);
    std::string names;
    for (const OpDef* def : ops) {
      names += names.empty() ? "" : ", ";
      names += def->is_elementwise() ? fmt::format("`{}`", def->name)
                                     : fmt::format("[`{0}`](#{0})", def->name);
    }
    text += fmt::format("- [{}](#{}): {}\n", group.title, anchor(group.title), names);
  }
  return text;
}

std::string dtype_legend() {
  std::string text = "\n| types | dtypes |\n|---|---|\n";
  for (const DTypeClass& row : kDTypeClasses) {
    text += fmt::format("| {} | `{}` |\n", row.name, row.set.to_string());
  }
  return text;
}

std::string markdown_of_all() {
  std::string text(kIntroduction);
  text += dtype_legend() + contents();
  for (const Group& group : groups()) {
    text += fmt::format("\n## {}\n\n{}\n", group.title, group.doc);
    const auto ops = ops_of(group);
    if (!ops.empty() && ops.front()->is_elementwise()) text += kTableHead;
    for (const OpDef* def : ops) {
      text += def->is_elementwise() ? table_row(*def) : section_of(*def);
    }
  }
  return text;
}

std::string_view class_name(OpClass op_class) {
  switch (op_class) {
    case OpClass::kElementwise:
      return "elementwise";
    case OpClass::kStructural:
      return "structural";
    case OpClass::kComposed:
      return "composed";
  }
  return "";
}

nlohmann::ordered_json json_of(const OpDef& def) {
  nlohmann::ordered_json json;
  json["name"] = def.name;
  json["class"] = class_name(def.op_class);
  json["signature"] = signature(def);
  json["operands"] = def.operands;
  json["variadic"] = def.variadic;
  json["type_given"] = def.type_given;
  const std::string dtypes = def.dtypes.to_string();
  json["dtypes"] = split(dtypes, ' ');
  json["attributes"] = nlohmann::ordered_json::array();
  for (const AttrDef& attr : def.attributes) {
    nlohmann::ordered_json entry = {{"name", name_of(attr.name)}, {"value", value_text(attr)}};
    if (attr.optional) entry["default"] = default_text(attr);
    json["attributes"].push_back(std::move(entry));
  }
  json["doc"] = def.doc;
  return json;
}

std::string json_of_all() {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const OpDef& def : ir::all_ops()) list.push_back(json_of(def));
  return list.dump(2) + "\n";
}

const OpDef& require_op(std::string_view name) {
  if (const OpDef* def = ir::find_op(name)) return *def;
  std::vector<std::string_view> names;
  for (const OpDef& def : ir::all_ops()) names.push_back(def.name);
  const std::string_view near = nearest_name(name, names);
  throw_error<UsageError>("no op is called '{}'{}", excerpt(name),
                          near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
}

}  // namespace

std::string op_reference(std::string_view name, ReferenceFormat format) {
  const OpDef* def = name.empty() ? nullptr : &require_op(name);
  switch (format) {
    case ReferenceFormat::kText:
      return def == nullptr ? text_of_all() : text_of(*def);
    case ReferenceFormat::kMarkdown:
      if (def == nullptr) return markdown_of_all();
      return def->is_elementwise() ? std::string(kTableHead.substr(1)) + table_row(*def)
                                   : section_of(*def).substr(1);
    case ReferenceFormat::kJson:
      return def == nullptr ? json_of_all() : json_of(*def).dump(2) + "\n";
  }
  return "";
}

}  // namespace ndl::tools
