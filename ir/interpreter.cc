#include "ir/interpreter.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include "ir/builder.h"
#include "ir/evaluate.h"
#include "ir/math/convert.h"

namespace ndl::ir {
namespace {

using Elements = std::vector<Literal>;  // of one value: several for a tuple

// What /proc/meminfo calls available, or all of memory.
std::int64_t available_memory() {
  std::ifstream meminfo("/proc/meminfo");
  std::string key;
  while (meminfo >> key) {
    std::int64_t kibibytes = 0;
    if (key == "MemAvailable:" && meminfo >> kibibytes) return kibibytes * 1024;
    meminfo.ignore(256, '\n');
  }
  return std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
}

// The live node that uses each value last; the result is used at the end.
std::vector<std::uint32_t> last_uses(const Graph& graph) {
  const std::vector<bool> live = graph.live_nodes();
  std::vector<std::uint32_t> last(graph.size());
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    last[id] = id;
    if (!live[id]) continue;
    for (const Value operand : graph.operands({id})) last[operand.id] = id;
  }
  last[graph.result().id] = static_cast<std::uint32_t>(graph.size());
  return last;
}

// Calls f once for each operand of node `id` that no later node uses. Marks them in `last`.
template <class F>
void for_each_dying_operand(const Graph& graph, std::uint32_t id, std::vector<std::uint32_t>& last,
                            F&& f) {
  constexpr std::uint32_t kGone = std::numeric_limits<std::uint32_t>::max();
  for (const Value operand : graph.operands({id})) {
    if (last[operand.id] != id) continue;
    last[operand.id] = kGone;
    f(operand);
  }
}

TensorType widened(const TensorType& type) {
  return {is_float(type.dtype) ? DType::kF64 : type.dtype, type.shape};
}

Type widened(const Type& type) {
  std::vector<TensorType> elements;
  for (const TensorType& element : type.elements()) elements.push_back(widened(element));
  return type.is_tuple() ? Type::tuple(std::move(elements)) : Type(std::move(elements.front()));
}

Literal widened(const Literal& literal) {
  if (!is_float(literal.dtype())) return literal;
  const Literal dense = literal.dense();
  Literal wide = Literal::uninitialized(widened(literal.type()));
  double* out = wide.mutable_data<double>();
  for (std::int64_t i = 0; i < dense.size(); ++i) out[i] = dense.as_double(i);
  return wide;
}

// The graph that a composed op stands for, for operands of these types.
Graph expansion(const OpDef& def, const Attributes& attributes, std::span<const Type> operands) {
  Graph graph(def.name);
  Builder builder(graph);
  std::vector<Value> parameters;
  for (const Type& operand : operands) parameters.push_back(builder.parameter(operand));
  builder.set_result(def.expand(builder, parameters, attributes));
  return graph;
}

Elements run(const Graph& graph, std::span<const Literal> inputs);

// A typed run, and beside it, when asked, a wide one.
class Interpreter {
 public:
  Interpreter(const Graph& graph, bool wide)
      : graph_(graph),
        wide_(wide),
        live_(graph.live_nodes()),
        last_(last_uses(graph)),
        typed_values_(graph.size()) {
    if (wide) wide_values_.resize(graph.size());
  }

  Elements run(std::span<const Literal> inputs);

 private:
  Elements evaluate_typed(Value value);
  Elements evaluate_wide(Value value);
  static Elements operands_of(const Graph& graph, Value value, const std::vector<Elements>& values);

  const Graph& graph_;
  bool wide_;
  std::vector<bool> live_;
  std::vector<std::uint32_t> last_;
  std::vector<Elements> typed_values_;
  std::vector<Elements> wide_values_;
};

Elements Interpreter::operands_of(const Graph& graph, Value value,
                                  const std::vector<Elements>& values) {
  Elements operands;
  for (const Value operand : graph.operands(value)) {
    const Elements& elements = values[operand.id];
    operands.insert(operands.end(), elements.begin(), elements.end());
  }
  return operands;
}

Elements Interpreter::evaluate_typed(Value value) {
  const Attributes& attributes = graph_.attributes(value);
  Elements operands = operands_of(graph_, value, typed_values_);
  switch (graph_.op(value)) {
    case Op::kConstant:
      return {attributes.literal(Attr::kValue).dense()};
    case Op::kMakeTuple:
      return operands;
    case Op::kGetTupleElement:
      return {operands[static_cast<std::size_t>(attributes.integer(Attr::kIndex))]};
    case Op::kFusion:
      return ir::run(*attributes.region(Attr::kBody), operands);
    default:
      return evaluate_node(graph_.op(value), attributes, graph_.type(value), operands);
  }
}

Elements Interpreter::evaluate_wide(Value value) {
  const Op op = graph_.op(value);
  const Attributes& attributes = graph_.attributes(value);
  Elements typed = typed_values_[value.id];
  // What is not a float comes from the typed run, and so do floats that are made of bits.
  const bool has_floats =
      std::ranges::any_of(typed, [](const Literal& x) { return is_float(x.dtype()); });
  if (!has_floats) return typed;
  if (op == Op::kConstant || op == Op::kBitcast) return {widened(typed.front())};

  Elements operands = operands_of(graph_, value, wide_values_);
  switch (op) {
    case Op::kMakeTuple:
      return operands;
    case Op::kGetTupleElement:
      return {operands[static_cast<std::size_t>(attributes.integer(Attr::kIndex))]};
    case Op::kFusion:
      return Interpreter(*attributes.region(Attr::kBody), true).run(operands);
    case Op::kSort: {
      // The order is the typed keys'; the wide values are carried along.
      const Literal key = typed_values_[graph_.operand(value, 0).id].front();
      operands.insert(operands.begin(), key);
      std::vector<TensorType> types;
      for (const Literal& operand : operands) types.push_back(operand.type());
      Elements sorted = evaluate_node(op, attributes, Type::tuple(types), operands);
      sorted.erase(sorted.begin());
      return sorted;
    }
    default: {
      Attributes wide_attributes = attributes;
      if (wide_attributes.find(Attr::kAccumulator) != nullptr) {
        wide_attributes.set(Attr::kAccumulator, static_cast<std::int64_t>(DType::kF64));
      }
      return evaluate_node(op, wide_attributes, widened(graph_.type(value)), operands);
    }
  }
}

Elements Interpreter::run(std::span<const Literal> inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Literal input = inputs[i].dense();
    if (wide_) wide_values_[i] = {widened(input)};
    // A region of a wide run gets f64 for what its parameters call another float.
    const TensorType& type = graph_.type(graph_.parameter(i)).tensor();
    if (input.dtype() == type.dtype) {
      typed_values_[i] = {input};
    } else {
      const Type given = type;
      typed_values_[i] = evaluate_node(Op::kConvert, {}, given, std::span(&input, 1));
    }
  }
  for (auto id = static_cast<std::uint32_t>(inputs.size()); id < graph_.size(); ++id) {
    if (!live_[id]) continue;
    try {
      typed_values_[id] = evaluate_typed({id});
      if (wide_) wide_values_[id] = evaluate_wide({id});
    } catch (const Error& error) {
      const SourceLocation location = graph_.location({id});
      if (location.line == 0 || error.diagnostic().location.line != 0) throw;
      error.rethrow_at({location, "", ""});
    }
    for_each_dying_operand(graph_, id, last_, [&](Value operand) {
      typed_values_[operand.id].clear();
      if (wide_) wide_values_[operand.id].clear();
    });
  }
  const std::uint32_t result = graph_.result().id;
  return wide_ ? wide_values_[result] : typed_values_[result];
}

Elements run(const Graph& graph, std::span<const Literal> inputs) {
  return Interpreter(graph, false).run(inputs);
}

void check_inputs(const Graph& graph, std::span<const Literal> inputs) {
  if (inputs.size() != graph.num_parameters()) {
    throw_error<ShapeError>("graph '{}' takes {} input{}, got {}", graph.name(),
                            graph.num_parameters(), graph.num_parameters() == 1 ? "" : "s",
                            inputs.size());
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Value parameter = graph.parameter(i);
    const TensorType& expected = graph.type(parameter).tensor();
    if (inputs[i].type() == expected) continue;
    const std::string& name = graph.name(parameter);
    const std::string label = name.empty() ? fmt::format("input {}", i)
                                           : fmt::format("input '{}'", name);
    const std::string message = fmt::format("{} must be {}, got {}", label, expected.to_string(),
                                            inputs[i].type().to_string());
    if (inputs[i].dtype() != expected.dtype) throw DTypeError(message);
    throw ShapeError(message);
  }
}

}  // namespace

std::int64_t peak_bytes(const Graph& graph) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const auto add = [](std::int64_t a, std::int64_t b) { return a > kMost - b ? kMost : a + b; };
  const std::vector<bool> live_nodes = graph.live_nodes();
  std::vector<std::uint32_t> last = last_uses(graph);
  std::int64_t live = 0;
  std::int64_t peak = 0;
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    if (!live_nodes[id]) continue;
    const Value value{id};
    const OpDef& def = graph.def(value);
    live = add(live, graph.type(value).bytes());
    std::int64_t inside = 0;  // what a region or an expansion holds meanwhile
    if (def.op == Op::kFusion) {
      inside = peak_bytes(*graph.attributes(value).region(Attr::kBody));
    } else if (def.expand != nullptr) {
      std::vector<Type> types;
      for (const Value operand : graph.operands(value)) types.push_back(graph.type(operand));
      inside = peak_bytes(expansion(def, graph.attributes(value), types));
    }
    peak = std::max(peak, add(live, inside));
    for_each_dying_operand(graph, id, last,
                           [&](Value operand) { live -= graph.type(operand).bytes(); });
  }
  return peak;
}

std::vector<Literal> evaluate_node(Op op, const Attributes& attributes, const Type& result,
                                   std::span<const Literal> operands) {
  const OpDef& def = op_def(op);
  if (def.expand != nullptr) {
    std::vector<Type> types;
    for (const Literal& operand : operands) types.push_back(operand.type());
    return run(expansion(def, attributes, types), operands);
  }
  Elements dense;
  for (const Literal& operand : operands) dense.push_back(operand.dense());
  return def.evaluate(Evaluation{def, attributes, result, dense});
}

std::vector<Literal> interpret(const Graph& graph, std::span<const Literal> inputs,
                               const InterpretOptions& options) {
  check_inputs(graph, inputs);
  const std::int64_t limit = options.memory_limit.value_or(available_memory());
  const std::int64_t needed = peak_bytes(graph);
  if (needed > limit) {
    throw_error<ResourceError>("graph '{}' needs {} bytes, limit {}", graph.name(), needed, limit);
  }
  return Interpreter(graph, options.wide).run(inputs);
}

}  // namespace ndl::ir
