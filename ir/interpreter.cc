#include "ir/interpreter.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/memory.h"
#include "ir/builder.h"
#include "ir/evaluate.h"
#include "ir/expansion.h"
#include "ir/math/convert.h"
#include "ir/position_text.h"
#include "ir/signature.h"

namespace ndl::ir {
namespace {

using Elements = std::vector<Literal>;  // of one value: several for a tuple

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

// One value, or several: typed, and beside it, in a wide run, with f64 for every float.
struct Run {
  Elements typed;
  Elements wide;

  void append(const Run& other) {
    typed.insert(typed.end(), other.typed.begin(), other.typed.end());
    wide.insert(wide.end(), other.wide.begin(), other.wide.end());
  }
  Run element(std::size_t index) const {
    Run result{{typed[index]}, {}};
    if (!wide.empty()) result.wide.push_back(wide[index]);
    return result;
  }
};

class Interpreter {
 public:
  Interpreter(const Graph& graph, bool wide, bool check_nan = false)
      : graph_(graph),
        wide_(wide),
        check_nan_(check_nan),
        live_(graph.live_nodes()),
        last_(last_uses(graph)),
        values_(graph.size()) {}

  Run run(const Run& inputs);

 private:
  Run evaluate(Value value) const;
  // Throws if a result is not finite and all operands are.
  void check_finite(Value value) const;
  Elements evaluate_wide(Value value, const Run& operands, const Elements& typed) const;

  const Graph& graph_;
  bool wide_;
  bool check_nan_;
  std::vector<bool> live_;
  std::vector<std::uint32_t> last_;
  std::vector<Run> values_;
};

Run Interpreter::evaluate(Value value) const {
  const OpDef& def = graph_.def(value);
  const Attributes& attributes = graph_.attributes(value);
  if (def.op == Op::kGetTupleElement) {
    const Run& tuple = values_[graph_.operand(value, 0).id];
    return tuple.element(static_cast<std::size_t>(attributes.integer(Attr::kIndex)));
  }
  Run operands;
  for (const Value operand : graph_.operands(value)) operands.append(values_[operand.id]);
  if (def.op == Op::kMakeTuple) return operands;
  if (def.op == Op::kFusion) {
    return Interpreter(*attributes.region(Attr::kBody), wide_, check_nan_).run(operands);
  }
  if (def.expand != nullptr) return Interpreter(expansion(graph_, value), wide_).run(operands);

  Run result;
  if (def.op == Op::kConstant) {
    result.typed = {attributes.literal(Attr::kValue).dense()};
  } else {
    result.typed = evaluate_node(def.op, attributes, graph_.type(value), operands.typed);
  }
  if (wide_) result.wide = evaluate_wide(value, operands, result.typed);
  return result;
}

Elements Interpreter::evaluate_wide(Value value, const Run& operands, const Elements& typed) const {
  const Op op = graph_.op(value);
  // What is not a float comes from the typed run, and so do floats that are made of bits.
  const bool has_floats =
      std::ranges::any_of(typed, [](const Literal& x) { return is_float(x.dtype()); });
  if (!has_floats) return typed;
  if (op == Op::kConstant || op == Op::kBitcast) return {widened(typed.front())};
  Attributes attributes = graph_.attributes(value);
  if (op == Op::kSort) {
    // The order is that of the typed keys; the wide values are carried along.
    Elements keyed = operands.wide;
    keyed.insert(keyed.begin(), operands.typed.front());
    std::vector<TensorType> types;
    for (const Literal& operand : keyed) types.push_back(operand.type());
    Elements sorted = evaluate_node(op, attributes, Type::tuple(types), keyed);
    sorted.erase(sorted.begin());
    return sorted;
  }
  if (attributes.find(Attr::kAccumulator) != nullptr) {
    attributes.set(Attr::kAccumulator, static_cast<std::int64_t>(DType::kF64));
  }
  return evaluate_node(op, attributes, widened(graph_.type(value)), operands.wide);
}

Run Interpreter::run(const Run& inputs) {
  for (std::size_t i = 0; i < inputs.typed.size(); ++i) values_[i] = inputs.element(i);
  for (auto id = static_cast<std::uint32_t>(inputs.typed.size()); id < graph_.size(); ++id) {
    if (!live_[id]) continue;
    try {
      values_[id] = evaluate({id});
      if (check_nan_ && !graph_.operands({id}).empty()) check_finite({id});
    } catch (const Error& error) {
      const SourceLocation location = graph_.location({id});
      if (location.line == 0 || error.diagnostic().location.line != 0) throw;
      error.rethrow_at({location, "", ""});
    }
    for_each_dying_operand(graph_, id, last_, [&](Value operand) { values_[operand.id] = {}; });
  }
  return std::move(values_[graph_.result().id]);
}

namespace {

// The first element that is NaN or infinite, by its position in row-major order.
std::optional<std::int64_t> first_not_finite(const Literal& x) {
  if (!is_float(x.dtype())) return std::nullopt;
  for (std::int64_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x.as_double(i))) return i;
  }
  return std::nullopt;
}

}  // namespace

void Interpreter::check_finite(Value value) const {
  for (const Value operand : graph_.operands(value)) {
    for (const Literal& x : values_[operand.id].typed) {
      if (first_not_finite(x)) return;
    }
  }
  for (const Literal& x : values_[value.id].typed) {
    const std::optional<std::int64_t> position = first_not_finite(x);
    if (!position) continue;
    throw_error<NumericError>("{}: {} at {} of {}, of finite operands", graph_.def(value).name,
                              x.as_double(*position), position_text(*position, x.shape()),
                              x.type().to_string());
  }
}

// Bytes of a value's 16-bit floats as the floats that structural ops compute them in.
std::int64_t half_copy_bytes(const Graph& graph, Value value) {
  const Type& type = graph.type(value);
  if (type.is_tuple() || !is_half(type.dtype())) return 0;
  return TensorType{DType::kF32, type.shape()}.bytes();
}

}  // namespace

std::int64_t peak_bytes(const Graph& graph, bool wide) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const auto add = [](std::int64_t a, std::int64_t b) { return a > kMost - b ? kMost : a + b; };
  const auto bytes = [&](Value value) {
    std::int64_t total = graph.type(value).bytes();
    for (const TensorType& element : graph.type(value).elements()) {
      if (wide && is_float(element.dtype)) total = add(total, widened(element).bytes());
    }
    return total;
  };
  const std::vector<bool> live_nodes = graph.live_nodes();
  std::vector<std::uint32_t> last = last_uses(graph);
  std::int64_t live = 0;
  std::int64_t peak = 0;
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    if (!live_nodes[id]) continue;
    const Value value{id};
    const OpDef& def = graph.def(value);
    live = add(live, bytes(value));
    std::int64_t inside = 0;  // what is held meanwhile: a region, an expansion, floats for halves
    if (def.op == Op::kFusion) {
      inside = peak_bytes(*graph.attributes(value).region(Attr::kBody), wide);
    } else if (def.expand != nullptr) {
      inside = peak_bytes(expansion(graph, value), wide);
    } else if (def.op_class == OpClass::kStructural && !graph.operands(value).empty()) {
      for (const Value operand : graph.operands(value))
        inside = add(inside, half_copy_bytes(graph, operand));
      inside = add(inside, half_copy_bytes(graph, value));
    }
    peak = std::max(peak, add(live, inside));
    for_each_dying_operand(graph, id, last, [&](Value operand) { live -= bytes(operand); });
  }
  return peak;
}

std::vector<Literal> evaluate_node(Op op, const Attributes& attributes, const Type& result,
                                   std::span<const Literal> operands) {
  const OpDef& def = op_def(op);
  if (def.expand != nullptr) {
    std::vector<Type> types;
    for (const Literal& operand : operands) types.push_back(operand.type());
    const Graph graph = expansion(def, attributes, types);
    return Interpreter(graph, false).run({Elements(operands.begin(), operands.end()), {}}).typed;
  }
  Elements dense;
  for (const Literal& operand : operands) dense.push_back(operand.dense());
  return def.evaluate(Evaluation{def, attributes, result, dense});
}

std::vector<Literal> interpret(const Graph& graph, std::span<const Literal> inputs,
                               const InterpretOptions& options) {
  check_inputs(signature_of(graph), inputs);
  const std::int64_t limit = options.memory_limit.value_or(available_memory());
  const std::int64_t needed = peak_bytes(graph, options.wide);
  if (needed > limit) {
    throw_error<ResourceError>("graph '{}' needs {} bytes, limit {}", graph.name(), needed, limit);
  }
  Run run;
  for (const Literal& input : inputs) {
    run.typed.push_back(input.dense());
    if (options.wide) run.wide.push_back(widened(run.typed.back()));
  }
  Run result = Interpreter(graph, options.wide, options.check_nan).run(run);
  return options.wide ? std::move(result.wide) : std::move(result.typed);
}

}  // namespace ndl::ir
