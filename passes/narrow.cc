// 1. From the result backwards: which elements of tuples are used, so which results and parameters
//    of regions are needed.
// 2. A new graph with narrower nodes.
#include "passes/narrow.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ir/control_flow.h"
#include "ir/inline_graph.h"
#include "passes/dce.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Attributes;
using ir::Builder;
using ir::Graph;
using ir::Op;
using ir::Value;

using Flags = std::vector<bool>;

void add_flags(Flags& to, const Flags& from) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = to[i] || from[i];
}

std::vector<std::size_t> indices_of(const Flags& flags) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < flags.size(); ++i) {
    if (flags[i]) indices.push_back(i);
  }
  return indices;
}

// The result k of a region, or the tuple that it is an element of.
Value part_of(const std::vector<Value>& parts, std::size_t k) {
  return parts[parts.size() == 1 ? 0 : k];
}

// The parameters that some results of a region depend on.
Flags parameters_for(const Graph& region, const Flags& results) {
  Flags live(region.size());
  const std::vector<Value> parts = ir::result_parts(region);
  for (const std::size_t k : indices_of(results)) live[part_of(parts, k).id] = true;
  for (auto id = static_cast<std::uint32_t>(region.size()); id-- > 0;) {
    if (!live[id]) continue;
    for (const Value operand : region.operands({id})) live[operand.id] = true;
  }
  live.resize(region.num_parameters());
  return live;
}

// A control-flow node as its regions see it.
struct Narrowing {
  Flags results;          // that are needed, of its own and of its body
  Flags parameters;       // of the regions
  bool is_whole = false;  // something uses the tuple
};

// What stands for a control-flow node.
struct Narrowed {
  std::optional<Value> node;    // nothing where all results are operands
  std::vector<Value> elements;  // for each needed result
  bool is_same_type = false;
};

class Narrower {
 public:
  explicit Narrower(const Graph& source) : source_(source), live_(source.size()) {}

  Graph run() {
    find_needs();
    return build();
  }

 private:
  void find_needs();
  void need(Value value, std::optional<std::size_t> element);
  void visit(Value value, Narrowing& node) const;

  Graph build();
  Narrowed narrowed(Builder& b, Value value, const Narrowing& node,
                    const std::vector<Value>& operands) const;
  // The operands that regions read, after the predicate of a cond.
  std::size_t first_operand(Value value) const { return source_.op(value) == Op::kCond ? 1 : 0; }
  std::size_t states(Value value) const { return ir::region_parameters(source_, value).states; }
  // Whether parameter i is a state that never changes.
  bool is_fixed_state(Value value, std::size_t i) const;

  const Graph& source_;
  Flags live_;
  std::unordered_map<std::uint32_t, Narrowing> nodes_;
};

bool Narrower::is_fixed_state(Value value, std::size_t i) const {
  if (i >= states(value)) return false;
  const Graph& body = *source_.attributes(value).region(Attr::kBody);
  return part_of(ir::result_parts(body), i) == body.parameter(i);
}

// Marks a value as used, or an element of it.
void Narrower::need(Value value, std::optional<std::size_t> element) {
  live_[value.id] = true;
  if (!ir::is_control_flow(source_.op(value))) return;
  Narrowing& node = nodes_[value.id];
  node.results.resize(source_.type(value).elements().size());
  if (element) {
    node.results[*element] = true;
  } else {
    node.is_whole = true;
    node.results.assign(node.results.size(), true);
  }
}

void Narrower::find_needs() {
  need(source_.result(), std::nullopt);
  for (std::uint32_t id = static_cast<std::uint32_t>(source_.size()); id-- > 0;) {
    if (!live_[id]) continue;
    const Value value{id};
    if (source_.op(value) == Op::kGetTupleElement) {
      const std::int64_t index = source_.attributes(value).integer(Attr::kIndex);
      need(source_.operand(value, 0), static_cast<std::size_t>(index));
    } else if (ir::is_control_flow(source_.op(value))) {
      Narrowing& node = nodes_[id];
      visit(value, node);
      const std::size_t first = first_operand(value);
      for (std::size_t i = 0; i < source_.operands(value).size(); ++i) {
        const bool is_needed = i < first || node.parameters[i - first] ||
                               (is_fixed_state(value, i - first) && node.results[i - first]);
        if (is_needed) need(source_.operand(value, i), std::nullopt);
      }
    } else {
      for (const Value operand : source_.operands(value)) need(operand, std::nullopt);
    }
  }
}

// States that the needed results depend on are needed results, too.
void Narrower::visit(Value value, Narrowing& node) const {
  const std::size_t parameters = source_.operands(value).size() - first_operand(value);
  node.parameters.assign(parameters, false);
  const auto add_region = [&](Attr name, const Flags& results) {
    const Graph& region = *source_.attributes(value).region(name);
    add_flags(node.parameters, parameters_for(region, results));
  };
  switch (source_.op(value)) {
    case Op::kCond:
      add_region(Attr::kThen, node.results);
      add_region(Attr::kElse, node.results);
      return;
    case Op::kWhile:
      add_region(Attr::kCondition, {true});
      break;
    default:
      break;
  }
  while (true) {
    Flags results = node.results;
    for (std::size_t i = 0; i < states(value); ++i) {
      if (is_fixed_state(value, i)) results[i] = false;
    }
    add_region(Attr::kBody, results);
    bool grew = false;
    for (std::size_t i = 0; i < states(value); ++i) {
      if (is_fixed_state(value, i)) continue;
      if (node.results[i]) node.parameters[i] = true;  // its value before the first step
      if (!node.parameters[i] || node.results[i]) continue;
      node.results[i] = true;
      grew = true;
    }
    if (!grew) return;
  }
}

// The region with these parameters and results of it, in that order; `constants` are parameters
// that are known.
ir::Region narrowed_region(const Graph& region, const std::vector<std::size_t>& parameters,
                           const std::map<std::size_t, ir::Literal>& constants,
                           const std::vector<std::size_t>& results) {
  Graph graph(region.name());
  Builder b(graph);
  ir::NodeMap mapped(region.size());
  for (const std::size_t i : parameters) mapped[i] = b.clone(region, region.parameter(i), {});
  for (const auto& [i, literal] : constants) mapped[i] = b.constant(literal);
  const std::vector<Value> parts = ir::result_parts(region);
  const bool is_made_tuple = region.op(region.result()) == Op::kMakeTuple;
  std::vector<Value> roots;
  for (const std::size_t k : results) roots.push_back(part_of(parts, k));
  ir::clone_needed(b, region, roots, mapped);
  std::vector<Value> list;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Value part = *mapped[roots[i].id];
    const bool is_element = is_made_tuple || !region.result_type().is_tuple();
    list.push_back(is_element ? part
                              : b.get_tuple_element(part, static_cast<std::int64_t>(results[i])));
  }
  b.set_result(ir::packed(b, region.result_type(), list));
  return std::make_shared<const Graph>(remove_dead_nodes(graph));
}

Narrowed Narrower::narrowed(Builder& b, Value value, const Narrowing& node,
                            const std::vector<Value>& operands) const {
  Attributes attributes = source_.attributes(value);
  const std::size_t first = first_operand(value);
  const ir::RegionParameters kinds = ir::region_parameters(source_, value);
  std::vector<std::size_t> parameters;
  std::vector<std::size_t> fixed;
  std::map<std::size_t, ir::Literal> constants;
  std::int64_t carried = 0;
  std::int64_t scanned = 0;
  for (const std::size_t i : indices_of(node.parameters)) {
    const Value operand = source_.operand(value, first + i);
    const bool stays = i >= kinds.first_fixed() || is_fixed_state(value, i);
    if (stays && source_.is_splat(operand)) {
      constants.emplace(i, source_.attributes(operand).literal(Attr::kValue));
    } else if (stays) {
      fixed.push_back(i);
    } else {
      parameters.push_back(i);
      ++(i < kinds.states ? carried : scanned);
    }
  }
  parameters.insert(parameters.end(), fixed.begin(), fixed.end());

  Narrowed result;
  result.elements.resize(node.results.size());
  std::vector<std::size_t> results;
  for (const std::size_t k : indices_of(node.results)) {
    if (is_fixed_state(value, k)) {
      result.elements[k] = operands[first + k];
    } else {
      results.push_back(k);
    }
  }
  if (results.empty()) return result;

  std::vector<Value> kept(operands.begin(), operands.begin() + static_cast<std::ptrdiff_t>(first));
  for (const std::size_t i : parameters) kept.push_back(operands[first + i]);
  for (const ir::AttrDef& attr : source_.def(value).attributes) {
    if (attr.kind != ir::AttrKind::kRegion) continue;
    std::vector<std::size_t> of_region = results;
    if (attr.name == Attr::kCondition) of_region = {0};
    attributes.set(attr.name, narrowed_region(*attributes.region(attr.name), parameters, constants,
                                              of_region));
  }
  if (source_.op(value) == Op::kScan) {
    attributes.set(Attr::kCarried, carried);
    attributes.set(Attr::kScanned, scanned);
  }
  const Value narrow = b.add_node(source_.op(value), kept, std::move(attributes));
  b.graph().set_name(narrow, source_.name(value));
  result.node = narrow;
  result.is_same_type = results.size() == node.results.size();
  for (std::size_t i = 0; i < results.size(); ++i) {
    result.elements[results[i]] = source_.type(value).is_tuple()
                                      ? b.get_tuple_element(narrow, static_cast<std::int64_t>(i))
                                      : narrow;
  }
  return result;
}

Graph Narrower::build() {
  Graph graph(source_.name());
  Builder b(graph);
  std::vector<Value> mapped(source_.size());
  std::unordered_map<std::uint32_t, std::vector<Value>> elements;
  std::vector<Value> operands;
  for (std::uint32_t id = 0; id < source_.size(); ++id) {
    const Value value{id};
    if (source_.op(value) == Op::kParameter) mapped[id] = b.clone(source_, value, {});
    if (!live_[id] || source_.op(value) == Op::kParameter) continue;
    const auto first = static_cast<std::uint32_t>(graph.size());
    operands.clear();
    for (const Value operand : source_.operands(value)) operands.push_back(mapped[operand.id]);
    if (ir::is_control_flow(source_.op(value))) {
      const Narrowing& node = nodes_.at(id);
      const Narrowed narrow = narrowed(b, value, node, operands);
      elements[id] = narrow.elements;
      if (!source_.type(value).is_tuple()) {
        mapped[id] = narrow.elements.front();
      } else if (node.is_whole) {
        mapped[id] = narrow.is_same_type ? *narrow.node : b.make_tuple(narrow.elements);
      }
    } else if (source_.op(value) == Op::kGetTupleElement &&
               elements.contains(source_.operand(value, 0).id)) {
      const std::int64_t index = source_.attributes(value).integer(Attr::kIndex);
      mapped[id] = elements[source_.operand(value, 0).id][static_cast<std::size_t>(index)];
      if (graph.op(mapped[id]) != Op::kParameter && graph.name(mapped[id]).empty()) {
        graph.set_name(mapped[id], source_.name(value));
      }
    } else {
      mapped[id] = b.clone(source_, value, operands);
    }
    for (auto node = first; node < graph.size(); ++node) {
      graph.set_location({node}, source_.location(value));
    }
  }
  b.set_result(mapped[source_.result().id]);
  return graph;
}

}  // namespace

Graph narrow_control_flow(const Graph& graph) { return Narrower(graph).run(); }

}  // namespace ndl::passes
