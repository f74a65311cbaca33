#include "passes/rewrite.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ir/control_flow.h"
#include "ir/parser.h"
#include "passes/dce.h"
#include "passes/rebuild.h"

namespace ndl::passes {
namespace {

using ir::Builder;
using ir::Graph;
using ir::Value;

// A chain of rules on one node that is longer than the graph by this means that two rules undo each
// other.
constexpr std::size_t kMostFirings = 1000;
// Rules that fire inside of what another made, and so on: deeper than that, parts stay as made.
constexpr int kMostDepth = 100;

class Rewriter {
 public:
  Rewriter(std::span<const Rule> rules, const PassContext& context) : applied_(context.applied) {
    for (const Rule& rule : rules) {
      if (!context.is_enabled(rule.name)) continue;
      if (rule.is_equation()) {
        by_root_[index(rule.left->op())].push_back(&rule);
      } else {
        for (const ir::Op root : rule.roots) by_root_[index(root)].push_back(&rule);
      }
    }
  }

  Rewritten run(const Graph& source) const;
  const std::vector<const Rule*>& rules_of(ir::Op op) const { return by_root_[index(op)]; }

 private:
  static std::size_t index(ir::Op op) { return static_cast<std::size_t>(op); }

  std::vector<AppliedRule>* const applied_;
  std::array<std::vector<const Rule*>, ir::kOpCount> by_root_;
};

std::optional<Value> fire(const Rule& rule, Builder& builder, Value value) {
  if (!rule.is_equation()) return rule.apply(builder, value);
  Bindings bindings;
  if (!match(*rule.left, builder.graph(), value, bindings)) return std::nullopt;
  if (bindings[0] && !rule.dtypes.contains(builder.type(*bindings[0]).dtype())) return std::nullopt;
  const ir::TensorType like = builder.type(value).tensor();
  return instantiate(*rule.right, builder, bindings, like);
}

// Rewrites the nodes of one graph as they are built.
class Sweep {
 public:
  // `applied` is called with each rule and what it made.
  template <class F>
  Value simplify(const Rewriter& rewriter, Builder& builder, Value value, F&& applied);

 private:
  // `made` with what a rule made from node `first` on simplified too.
  template <class F>
  Value simplify_parts(const Rewriter& rewriter, Builder& builder, std::size_t first, Value made,
                       F&& applied);
  // What the node has become; itself, if no rule has fired.
  Value become(Value value) const {
    return value.id < become_.size() && become_[value.id] ? *become_[value.id] : value;
  }

  std::vector<std::optional<Value>> become_;  // by node
  int depth_ = 0;                             // of what is simplified inside of what
};

template <class F>
Value Sweep::simplify(const Rewriter& rewriter, Builder& builder, Value value, F&& applied) {
  const Value begin = value;
  for (std::size_t firings = 0;;) {
    bool fired = false;
    for (const Rule* rule : rewriter.rules_of(builder.graph().op(value))) {
      const std::size_t first = builder.graph().size();
      const std::optional<Value> result = fire(*rule, builder, value);
      if (!result || *result == value) continue;
      NDL_CHECK(builder.type(*result) == builder.type(value), "rule {} changes the type {} to {}",
                rule->name, builder.type(value).to_string(), builder.type(*result).to_string());
      value = simplify_parts(rewriter, builder, first, *result, applied);
      applied(*rule, value);
      fired = true;
      NDL_CHECK(++firings < kMostFirings + builder.graph().size(), "rule {} does not end",
                rule->name);
      break;
    }
    if (fired) continue;
    if (value != begin) {
      become_.resize(std::max(become_.size(), builder.graph().size()));
      become_[begin.id] = value;
    }
    return value;
  }
}

template <class F>
Value Sweep::simplify_parts(const Rewriter& rewriter, Builder& builder, std::size_t first,
                            Value made, F&& applied) {
  if (made.id < first) return become(made);
  if (depth_ == kMostDepth) return made;
  ++depth_;
  std::vector<Value> values;  // what those from `first` on have become
  for (auto id = static_cast<std::uint32_t>(first); id <= made.id; ++id) {
    Value value{id};
    std::vector<Value> operands;
    bool is_same = true;
    for (const Value operand : builder.graph().operands(value)) {
      operands.push_back(operand.id < first ? become(operand) : values[operand.id - first]);
      is_same = is_same && operands.back() == operand;
    }
    if (!is_same) {
      const ir::Op op = builder.graph().op(value);
      const ir::Attributes attributes = builder.graph().attributes(value);
      const ir::Type type = builder.type(value);
      value = builder.add_node(op, operands, attributes, &type);
    }
    values.push_back(id == made.id ? value : simplify(rewriter, builder, value, applied));
  }
  --depth_;
  return values.back();
}

Rewritten Rewriter::run(const Graph& source) const {
  Sweep sweep;
  const auto build = [&](Builder& builder, Value value, std::span<const Value> operands) {
    const auto rewrite_region = [this](const Graph& region) {
      return remove_dead_nodes(run(region).graph);
    };
    const Value built = builder.add_node(source.op(value), operands,
                                         map_regions(source.attributes(value), rewrite_region),
                                         &source.type(value));
    return sweep.simplify(*this, builder, built, [&](const Rule& rule, Value result) {
      if (applied_ == nullptr) return;
      applied_->push_back({rule.name, &source, value, builder.graph().op(result)});
    });
  };
  Rewritten result;
  result.graph = rebuild(source, ir::BuilderMode::kSimplifying, build, &result.values);
  return result;
}

}  // namespace

std::string Rule::to_string() const {
  if (!is_equation()) return std::string(doc);
  const std::string text = fmt::format("{} = {}", left->to_string(), right->to_string());
  if (dtypes == kNumeric || dtypes == kAllDTypes) return text;
  return fmt::format("{}, for {}", text, dtypes.to_string());
}

Rule equation(std::string_view name, Pattern left, Pattern right, DTypeSet dtypes) {
  Rule rule;
  rule.name = name;
  rule.left = std::move(left);
  rule.right = std::move(right);
  rule.dtypes = dtypes;
  return rule;
}

Rule function_rule(std::string_view name, std::vector<ir::Op> roots,
                   std::optional<Value> (*apply)(Builder&, Value), std::string_view doc,
                   std::string_view example, std::string_view near_miss) {
  Rule rule;
  rule.name = name;
  rule.doc = doc;
  rule.roots = std::move(roots);
  rule.apply = apply;
  rule.example = example;
  rule.near_miss = near_miss;
  return rule;
}

Graph example_graph(std::string_view body, DType dtype) {
  constexpr std::string_view kWritten = "f32[";
  const std::string type = fmt::format("{}[", name_of(dtype));
  std::string text(body);
  for (std::size_t at = 0; (at = text.find(kWritten, at)) != std::string::npos; at += type.size()) {
    text.replace(at, kWritten.size(), type);
  }
  // The last line is the result.
  const std::size_t line = text.rfind('\n') + 1;  // npos + 1 is 0
  const std::size_t name_end = text.find(' ', line);
  const std::size_t type_begin = text.find(" : ", line) + 3;
  const std::size_t type_end = text.find(text[type_begin] == '(' ? ')' : ']', type_begin) + 1;
  return ir::parse(fmt::format("needle 1 graph example(%x: {}3]) -> {} {{\n{}\nreturn {}\n}}", type,
                               text.substr(type_begin, type_end - type_begin), text,
                               text.substr(line, name_end - line)));
}

// Constants pass into regions, branches that are known and states that never change out of them.
Graph rewrite(const Graph& graph, std::span<const Rule> rules, const PassContext& context) {
  Graph result = remove_dead_nodes(Rewriter(rules, context).run(graph).graph);
  PassContext again = context;
  again.applied = nullptr;
  std::size_t sweeps = 1;
  for (bool is_done = !ir::has_control_flow(graph); !is_done; ++sweeps) {
    NDL_CHECK(sweeps < kMostFirings, "rules do not end in graph '{}'", graph.name());
    Graph next = remove_dead_nodes(Rewriter(rules, again).run(result).graph);
    is_done = next == result || !ir::has_control_flow(result);
    result = std::move(next);
  }
  return result;
}

Rewritten rewrite_traced(const Graph& graph, std::span<const Rule> rules,
                         const PassContext& context) {
  return Rewriter(rules, context).run(graph);
}

}  // namespace ndl::passes
