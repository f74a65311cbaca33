#include "tests/shrink_graph.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "ir/builder.h"

namespace ndl::test {
namespace {

using ir::Attr;
using ir::AttrValue;
using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::Literal;
using ir::Op;
using ir::Shape;
using ir::TensorType;
using ir::Type;
using ir::Value;

// What is left out of a graph.
struct Cut {
  Value result;
  std::optional<Value> parameter;                    // becomes one
  std::optional<std::pair<Value, Value>> stands_in;  // the second is used for the first
  std::optional<Value> inlined;                      // a fusion
};

// Adds the body of a graph with these values as its parameters; returns its result.
Value inline_graph(Builder& b, const Graph& body, std::vector<Value> values) {
  for (auto id = static_cast<std::uint32_t>(values.size()); id < body.size(); ++id) {
    std::vector<Value> operands;
    for (const Value operand : body.operands({id})) operands.push_back(values[operand.id]);
    values.push_back(b.clone(body, {id}, operands));
  }
  return values[body.result().id];
}

// The graph without what is cut off, and without what nothing needs then.
Graph cut(const Graph& source, const Cut& cut) {
  const auto operand_of = [&](Value operand) {
    return cut.stands_in && cut.stands_in->first == operand ? cut.stands_in->second : operand;
  };
  const auto is_parameter = [&](Value value) {
    return source.op(value) == Op::kParameter || cut.parameter == value;
  };
  std::vector<bool> live(source.size());
  live[cut.result.id] = true;
  for (std::uint32_t id = cut.result.id + 1; id-- > 0;) {
    if (!live[id] || is_parameter({id})) continue;
    for (const Value operand : source.operands({id})) live[operand_of(operand).id] = true;
  }
  Graph graph(source.name());
  Builder b(graph);
  std::vector<Value> mapped(source.size());
  for (std::uint32_t id = 0; id < source.size(); ++id) {
    if (live[id] && is_parameter({id})) mapped[id] = b.parameter(source.type({id}));
  }
  for (std::uint32_t id = 0; id < source.size(); ++id) {
    if (!live[id] || is_parameter({id})) continue;
    std::vector<Value> operands;
    for (const Value operand : source.operands({id})) {
      operands.push_back(mapped[operand_of(operand).id]);
    }
    mapped[id] =
        cut.inlined == Value{id}
            ? inline_graph(b, *source.attributes({id}).region(Attr::kBody), std::move(operands))
            : b.clone(source, {id}, operands);
  }
  b.set_result(mapped[cut.result.id]);
  return graph;
}

// Without one operand of the tuple that is the result.
Graph without_element(const Graph& source, std::size_t element) {
  Graph graph(source.name());
  Builder b(graph);
  std::vector<Value> mapped;
  for (std::uint32_t id = 0; id < source.size(); ++id) {
    std::vector<Value> operands;
    for (const Value operand : source.operands({id})) operands.push_back(mapped[operand.id]);
    if (Value{id} == source.result()) {
      operands.erase(operands.begin() + static_cast<std::ptrdiff_t>(element));
      mapped.push_back(b.make_tuple(operands));
    } else if (source.op({id}) == Op::kParameter) {
      mapped.push_back(b.parameter(source.type({id})));
    } else {
      mapped.push_back(b.clone(source, {id}, operands));
    }
  }
  b.set_result(mapped[source.result().id]);
  return cut(graph, {graph.result(), {}, {}, {}});
}

// What is left when a part of the graph is left out, the largest parts first.
std::vector<Graph> with_less(const Graph& graph) {
  const Value result = graph.result();
  std::vector<Graph> candidates = {cut(graph, {result, {}, {}, {}})};
  for (const Value operand : graph.operands(result)) {
    candidates.push_back(cut(graph, {operand, {}, {}, {}}));
  }
  if (graph.op(result) == Op::kMakeTuple) {
    for (std::size_t i = 0; i < graph.operands(result).size(); ++i) {
      candidates.push_back(without_element(graph, i));
    }
  }
  for (std::uint32_t id = static_cast<std::uint32_t>(graph.size()); id-- > 0;) {
    const Value value{id};
    if (graph.op(value) == Op::kParameter || value == result) continue;
    for (const Value operand : graph.operands(value)) {
      if (graph.type(operand) == graph.type(value)) {
        candidates.push_back(cut(graph, {result, {}, {{value, operand}}, {}}));
      }
    }
    if (!graph.type(value).is_tuple()) candidates.push_back(cut(graph, {result, value, {}, {}}));
  }
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    if (graph.op({id}) != Op::kFusion) continue;
    candidates.push_back(cut(graph, {result, {}, {}, Value{id}}));
  }
  return candidates;
}

// Only the fusion of this body.
Graph fusion_of(const Graph& body) {
  Graph graph(body.name());
  Builder b(graph);
  std::vector<Value> parameters;
  for (std::size_t i = 0; i < body.num_parameters(); ++i) {
    parameters.push_back(b.parameter(body.type(body.parameter(i))));
  }
  b.set_result(b.fusion(parameters, std::make_shared<const Graph>(body)));
  return graph;
}

// The same graph with another extent wherever there is `from`.
class Resizer {
 public:
  Resizer(std::int64_t from, std::int64_t to) : from_(from), to_(to) {}

  Graph resized(const Graph& source) const {
    Graph graph(source.name());
    Builder b(graph);
    std::vector<Value> mapped;
    for (std::uint32_t id = 0; id < source.size(); ++id) {
      mapped.push_back(node(b, source, {id}, mapped));
    }
    b.set_result(mapped[source.result().id]);
    return graph;
  }

 private:
  Value node(Builder& b, const Graph& source, Value value, const std::vector<Value>& mapped) const {
    if (source.op(value) == Op::kParameter) return b.parameter(type(source.type(value).tensor()));
    if (source.op(value) == Op::kConstant) {
      return b.constant(literal(source.attributes(value).literal(Attr::kValue)));
    }
    std::vector<Value> operands;
    for (const Value operand : source.operands(value)) operands.push_back(mapped[operand.id]);
    ir::Attributes attributes;
    for (const auto& [name, attribute] : source.attributes(value)) {
      attributes.set(name, resized(attribute));
    }
    if (!source.def(value).type_given) {
      return b.add_node(source.op(value), operands, std::move(attributes));
    }
    const Type given(type(source.type(value).tensor()));
    return b.add_node(source.op(value), operands, std::move(attributes), &given);
  }

  AttrValue resized(const AttrValue& attribute) const {
    if (const auto* list = std::get_if<Dims>(&attribute)) return dims(*list);
    if (const auto* region = std::get_if<ir::Region>(&attribute)) {
      return std::make_shared<const Graph>(resized(**region));
    }
    return attribute;
  }
  Dims dims(Dims list) const {
    std::ranges::replace(list, from_, to_);
    return list;
  }
  TensorType type(const TensorType& type) const {
    return {type.dtype, Shape(dims(type.shape.dims()))};
  }
  // The first elements.
  Literal literal(const Literal& source) const {
    Literal result = Literal::zeros(type(source.type())).dense();
    const Literal dense = source.dense();
    const auto bytes =
        static_cast<std::size_t>(std::min(result.type().bytes(), dense.type().bytes()));
    if (bytes != 0) std::memcpy(result.bytes(), dense.bytes(), bytes);
    return result;
  }

  std::int64_t from_;
  std::int64_t to_;
};

void add_extents(const Graph& graph, std::set<std::int64_t>& extents) {
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    for (const TensorType& type : graph.type({id}).elements()) {
      for (const std::int64_t extent : type.shape) extents.insert(extent);
    }
    if (graph.op({id}) == Op::kFusion) {
      add_extents(*graph.attributes({id}).region(Attr::kBody), extents);
    }
  }
}

std::vector<Graph> with_smaller_extents(const Graph& graph) {
  std::set<std::int64_t> extents;
  add_extents(graph, extents);
  std::vector<Graph> candidates;
  for (auto extent = extents.rbegin(); extent != extents.rend(); ++extent) {
    for (const std::int64_t smaller : {std::int64_t{1}, *extent / 2, *extent - 1}) {
      if (smaller < 1 || smaller >= *extent) continue;
      try {
        candidates.push_back(Resizer(*extent, smaller).resized(graph));
      } catch (const Error&) {
        // Some op does not take it.
      }
    }
  }
  return candidates;
}

}  // namespace

Graph shrink_graph(const Graph& graph, const std::function<bool(const Graph&)>& fails) {
  Graph best = graph;
  const auto take_first = [&](const std::vector<Graph>& candidates) {
    for (const Graph& candidate : candidates) {
      if (candidate == best || !fails(candidate)) continue;
      best = candidate;
      return true;
    }
    return false;
  };
  while (take_first(with_less(best)) || take_first(with_smaller_extents(best))) {
  }
  for (std::uint32_t id = 0; id < best.size(); ++id) {
    if (best.op({id}) != Op::kFusion) continue;
    const Graph body = *best.attributes({id}).region(Attr::kBody);
    if (!fails(fusion_of(body))) continue;
    return fusion_of(
        shrink_graph(body, [&](const Graph& smaller) { return fails(fusion_of(smaller)); }));
  }
  return best;
}

}  // namespace ndl::test
