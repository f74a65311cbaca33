#include "ir/printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <unordered_set>

#include "base/number.h"

namespace ndl::ir {
namespace {

class Printer {
 public:
  explicit Printer(const PrintOptions& options) : options_(options) {}

  // "(%x: f32[3]) -> f32[3] {...}" for a graph, "(%x: f32[3]) {...}" for a region.
  void print_graph(const Graph& graph, int indent, bool with_result_type);
  void print_node(const Graph& graph, Value value, int indent);

  std::vector<std::string> labels(const Graph& graph);

  std::string take() { return std::move(out_); }
  void append(std::string_view text) { out_ += text; }

 private:
  // The names of one scope: a graph or a region.
  struct Scope {
    std::vector<std::string> labels;
    std::unordered_set<std::string> used;
    std::unordered_map<std::string, int> next_suffix;  // of a name that came before
    std::size_t next_number = 0;
  };

  template <class... Args>
  void write(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  const std::string& label(const Graph& graph, Value value);
  void print_attribute(const AttrDef& def, const AttrValue& value);
  void print_operation(const Graph& graph, Value value, int indent);

  PrintOptions options_;
  std::string out_;
  Scope scope_;
};

// Whether the text leaves the attribute out.
bool is_fallback(const Graph& graph, Value value, const AttrDef& def, const AttrValue& attr) {
  if (!def.optional) return false;
  if (const auto* list = std::get_if<Dims>(&attr)) {
    return std::ranges::all_of(*list, [&](std::int64_t x) { return x == def.fallback; });
  }
  const std::int64_t number = std::get<std::int64_t>(attr);
  if (def.kind != AttrKind::kDType) return number == def.fallback;
  const DType dtype = graph.type(graph.operand(value, 0)).dtype();
  return static_cast<DType>(number) == default_accumulator(graph.attributes(value).kind(), dtype);
}

const std::string& Printer::label(const Graph& graph, Value value) {
  if (scope_.labels.size() <= value.id) scope_.labels.resize(graph.size());
  std::string& label = scope_.labels[value.id];
  if (!label.empty()) return label;
  const bool named = options_.names || graph.op(value) == Op::kParameter;
  const std::string& name = graph.name(value);
  if (!named || name.empty()) {
    label = fmt::format("%{}", scope_.next_number++);
    return label;
  }
  std::string unique = name;
  while (!scope_.used.insert(unique).second) {
    unique = fmt::format("{}_{}", name, ++scope_.next_suffix[name]);
  }
  label = "%" + unique;
  return label;
}

std::vector<std::string> Printer::labels(const Graph& graph) {
  for (std::uint32_t id = 0; id < graph.size(); ++id) label(graph, Value{id});
  return std::move(scope_.labels);
}

void Printer::print_attribute(const AttrDef& def, const AttrValue& value) {
  switch (def.kind) {
    case AttrKind::kInteger:
      write("{}", std::get<std::int64_t>(value));
      break;
    case AttrKind::kBoolean:
      append(std::get<std::int64_t>(value) != 0 ? "true" : "false");
      break;
    case AttrKind::kDType:
      append(name_of(static_cast<DType>(std::get<std::int64_t>(value))));
      break;
    case AttrKind::kSymbol:
      append(def.symbols[static_cast<std::size_t>(std::get<std::int64_t>(value))]);
      break;
    case AttrKind::kIntegers:
      append(to_string(std::get<Dims>(value)));
      break;
    case AttrKind::kScalars: {
      std::string_view separator = "[";
      for (const double scalar : std::get<std::vector<double>>(value)) {
        append(separator);
        append(to_text(scalar));
        separator = ", ";
      }
      append("]");
      break;
    }
    case AttrKind::kLiteral:
      append(std::get<Literal>(value).to_string());
      break;
    case AttrKind::kRegion:
      break;  // follows the type
  }
}

void Printer::print_operation(const Graph& graph, Value value, int indent) {
  const OpDef& def = graph.def(value);
  write("{}(", def.name);
  std::string_view separator;
  for (const Value operand : graph.operands(value)) {
    append(separator);
    append(label(graph, operand));
    separator = ", ";
  }
  const Attributes& attributes = graph.attributes(value);
  for (const AttrDef& attr : def.attributes) {
    const AttrValue& attr_value = *attributes.find(attr.name);
    if (attr.kind == AttrKind::kRegion || is_fallback(graph, value, attr, attr_value)) continue;
    append(separator);
    if (attr.kind != AttrKind::kLiteral) write("{}=", name_of(attr.name));
    print_attribute(attr, attr_value);
    separator = ", ";
  }
  write(") : {}", graph.type(value).to_string());
  for (const AttrDef& attr : def.attributes) {
    if (attr.kind != AttrKind::kRegion) continue;
    write(" {}", name_of(attr.name));
    Scope outer = std::move(scope_);
    scope_ = {};
    print_graph(*attributes.region(attr.name), indent, false);
    scope_ = std::move(outer);
  }
}

void Printer::print_node(const Graph& graph, Value value, int indent) {
  if (graph.op(value) == Op::kParameter) {
    write("parameter() : {}", graph.type(value).to_string());
    return;
  }
  // Labels are given in order, so the earlier ones first.
  for (std::uint32_t id = 0; id < value.id; ++id) label(graph, Value{id});
  print_operation(graph, value, indent);
}

void Printer::print_graph(const Graph& graph, int indent, bool with_result_type) {
  append("(");
  for (std::size_t i = 0; i < graph.num_parameters(); ++i) {
    const Value value = graph.parameter(i);
    write("{}{}: {}", i == 0 ? "" : ", ", label(graph, value), graph.type(value).to_string());
  }
  append(")");
  if (with_result_type) write(" -> {}", graph.result_type().to_string());
  append(" {\n");
  for (auto id = static_cast<std::uint32_t>(graph.num_parameters()); id < graph.size(); ++id) {
    const Value value{id};
    write("{:{}}{} = ", "", indent + 2, label(graph, value));
    print_operation(graph, value, indent + 2);
    append("\n");
  }
  write("{:{}}return {}\n{:{}}}}", "", indent + 2, label(graph, graph.result()), "", indent);
}

}  // namespace

std::string print(const Graph& graph, const PrintOptions& options) {
  NDL_CHECK(graph.has_result(), "a graph without a result is not printed");
  Printer printer(options);
  printer.append("needle 1\n\ngraph ");
  printer.append(graph.name());
  printer.print_graph(graph, 0, true);
  printer.append("\n");
  return printer.take();
}

std::vector<std::string> value_labels(const Graph& graph) { return Printer({}).labels(graph); }

std::string print_node(const Graph& graph, Value value) {
  Printer printer({});
  printer.print_node(graph, value, 0);
  return printer.take();
}

}  // namespace ndl::ir
