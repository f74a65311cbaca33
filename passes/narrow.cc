// 1. From the result backwards: which elements of tuples are used, so which results and parameters
//    of regions are needed.
// 2. A new graph with narrower nodes.
#include "passes/narrow.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "passes/dce.h"
#include "passes/rebuild.h"

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

// The nodes that some results of a region depend on, its result aside.
Flags live_for(const Graph& region, const Flags& results) {
  Flags live(region.size());
  const Value result = region.result();
  if (region.op(result) == Op::kMakeTuple) {
    for (std::size_t k = 0; k < results.size(); ++k) {
      if (results[k]) live[region.operand(result, k).id] = true;
    }
  } else {
    live[result.id] = true;
  }
  for (std::uint32_t id = static_cast<std::uint32_t>(region.size()); id-- > 0;) {
    if (!live[id]) continue;
    for (const Value operand : region.operands({id})) live[operand.id] = true;
  }
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

// The parameter that is result k of a region, if one is.
std::optional<std::size_t> passed_on(const Graph& region, std::size_t k) {
  Value value = region.result();
  if (region.op(value) == Op::kMakeTuple) value = region.operand(value, k);
  if (region.op(value) != Op::kParameter) return std::nullopt;
  return value.id;
}

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
  std::size_t states(Value value) const;
  // Whether parameter i is a state that never changes.
  bool is_fixed_state(Value value, std::size_t i) const;

  const Graph& source_;
  Flags live_;
  std::unordered_map<std::uint32_t, Narrowing> nodes_;
};

std::size_t Narrower::states(Value value) const {
  switch (source_.op(value)) {
    case Op::kWhile:
      return source_.type(value).elements().size();
    case Op::kScan:
      return static_cast<std::size_t>(source_.attributes(value).integer(Attr::kCarried));
    default:
      return 0;
  }
}

bool Narrower::is_fixed_state(Value value, std::size_t i) const {
  return i < states(value) &&
         passed_on(*source_.attributes(value).region(Attr::kBody), i) == std::optional(i);
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
    add_flags(node.parameters, live_for(region, results));
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
                           const std::unordered_map<std::size_t, ir::Literal>& constants,
                           const std::vector<std::size_t>& results) {
  Flags wanted(region.result_type().elements().size());
  for (const std::size_t k : results) wanted[k] = true;
  const Flags live = live_for(region, wanted);
  Graph graph(region.name());
  Builder b(graph);
  std::vector<Value> mapped(region.size());
  for (const std::size_t i : parameters) mapped[i] = b.clone(region, region.parameter(i), {});
  for (std::size_t i = 0; i < region.num_parameters(); ++i) {
    const auto it = constants.find(i);
    if (it != constants.end()) mapped[i] = b.constant(it->second);
  }
  std::vector<Value> operands;
  for (auto id = static_cast<std::uint32_t>(region.num_parameters()); id < region.size(); ++id) {
    if (!live[id]) continue;
    operands.clear();
    for (const Value operand : region.operands({id})) operands.push_back(mapped[operand.id]);
    mapped[id] = b.clone(region, {id}, operands);
  }
  const Value result = region.result();
  if (!region.result_type().is_tuple()) {
    b.set_result(mapped[result.id]);
  } else {
    std::vector<Value> list;
    for (const std::size_t k : results) {
      list.push_back(region.op(result) == Op::kMakeTuple
                         ? mapped[region.operand(result, k).id]
                         : b.get_tuple_element(mapped[result.id], static_cast<std::int64_t>(k)));
    }
    b.set_result(b.make_tuple(list));
  }
  return std::make_shared<const Graph>(remove_dead_nodes(graph));
}

Narrowed Narrower::narrowed(Builder& b, Value value, const Narrowing& node,
                            const std::vector<Value>& operands) const {
  Attributes attributes = source_.attributes(value);
  const std::size_t first = first_operand(value);
  const std::size_t state = states(value);
  std::size_t changing = state;  // the first parameter that is no state and no item of a scan
  if (source_.op(value) == Op::kScan) {
    changing += static_cast<std::size_t>(attributes.integer(Attr::kScanned));
  }
  std::vector<std::size_t> parameters;
  std::vector<std::size_t> fixed;
  std::unordered_map<std::size_t, ir::Literal> constants;
  std::int64_t carried = 0;
  std::int64_t scanned = 0;
  for (const std::size_t i : indices_of(node.parameters)) {
    const Value operand = source_.operand(value, first + i);
    const bool stays = i >= changing || is_fixed_state(value, i);
    if (stays && source_.is_splat(operand)) {
      constants.emplace(i, source_.attributes(operand).literal(Attr::kValue));
    } else if (stays) {
      fixed.push_back(i);
    } else {
      parameters.push_back(i);
      ++(i < state ? carried : scanned);
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

Graph narrow_control_flow(const Graph& graph) {
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    if (ir::is_control_flow(graph.op({id}))) return Narrower(graph).run();
  }
  return graph;
}

}  // namespace ndl::passes
