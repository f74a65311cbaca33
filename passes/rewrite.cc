#include "passes/rewrite.h"

#include <fmt/format.h>

#include <array>

#include "ir/control_flow.h"
#include "passes/dce.h"
#include "passes/rebuild.h"

namespace ndl::passes {
namespace {

using ir::Builder;
using ir::Graph;
using ir::Value;

// A chain of rules on one node this long means that two rules undo each other.
constexpr int kMostFirings = 1000;

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

  Rewritten run(const Graph& source) const { return run(source, applied_); }

 private:
  static std::size_t index(ir::Op op) { return static_cast<std::size_t>(op); }
  // `applied` is called with each rule and what it made.
  template <class F>
  Value simplify(Builder& builder, Value value, F&& applied) const;
  // `made` with what a rule made from node `first` on simplified too.
  template <class F>
  Value simplify_parts(Builder& builder, std::size_t first, Value made, F&& applied) const;
  Rewritten run(const Graph& source, std::vector<AppliedRule>* applied) const;

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

template <class F>
Value Rewriter::simplify(Builder& builder, Value value, F&& applied) const {
  for (int firings = 0;;) {
    bool fired = false;
    for (const Rule* rule : by_root_[index(builder.graph().op(value))]) {
      const std::size_t first = builder.graph().size();
      const std::optional<Value> result = fire(*rule, builder, value);
      if (!result || *result == value) continue;
      NDL_CHECK(builder.type(*result) == builder.type(value), "rule {} changes the type {} to {}",
                rule->name, builder.type(value).to_string(), builder.type(*result).to_string());
      value = simplify_parts(builder, first, *result, applied);
      applied(*rule, value);
      fired = true;
      NDL_CHECK(++firings < kMostFirings, "rule {} does not end", rule->name);
      break;
    }
    if (!fired) return value;
  }
}

template <class F>
Value Rewriter::simplify_parts(Builder& builder, std::size_t first, Value made, F&& applied) const {
  std::vector<Value> values;  // what those from `first` on have become
  for (auto id = static_cast<std::uint32_t>(first); id <= made.id; ++id) {
    Value value{id};
    std::vector<Value> operands;
    bool is_same = true;
    for (const Value operand : builder.graph().operands(value)) {
      operands.push_back(operand.id < first ? operand : values[operand.id - first]);
      is_same = is_same && operands.back() == operand;
    }
    if (!is_same) {
      const ir::Op op = builder.graph().op(value);
      const ir::Attributes attributes = builder.graph().attributes(value);
      const ir::Type type = builder.type(value);
      value = builder.add_node(op, operands, attributes, &type);
    }
    values.push_back(id == made.id ? value : simplify(builder, value, applied));
  }
  return made.id < first ? made : values.back();
}

Rewritten Rewriter::run(const Graph& source, std::vector<AppliedRule>* applied) const {
  const auto build = [&](Builder& builder, Value value, std::span<const Value> operands) {
    const auto rewrite_region = [&](const Graph& region) {
      return remove_dead_nodes(run(region, applied).graph);
    };
    const Value built = builder.add_node(source.op(value), operands,
                                         map_regions(source.attributes(value), rewrite_region),
                                         &source.type(value));
    return simplify(builder, built, [&](const Rule& rule, Value result) {
      if (applied == nullptr) return;
      applied->push_back({rule.name, &source, value, builder.graph().op(result)});
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
                   std::string_view example) {
  Rule rule;
  rule.name = name;
  rule.doc = doc;
  rule.roots = std::move(roots);
  rule.apply = apply;
  rule.example = example;
  return rule;
}

// Constants pass into regions, branches that are known and states that never change out of them.
Graph rewrite(const Graph& graph, std::span<const Rule> rules, const PassContext& context) {
  Graph result = remove_dead_nodes(Rewriter(rules, context).run(graph).graph);
  PassContext again = context;
  again.applied = nullptr;
  int sweeps = 1;
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
