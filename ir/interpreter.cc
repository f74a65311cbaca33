#include "ir/interpreter.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/memory.h"
#include "ir/builder.h"
#include "ir/control_flow.h"
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

std::int64_t row_bytes(const Literal& x) { return x.type().bytes() / x.shape()[0]; }

// x[row], of dense elements.
Literal row_of(const Literal& x, std::int64_t row) {
  Literal result = Literal::uninitialized(
      {x.dtype(), Shape(Dims(x.shape().dims().begin() + 1, x.shape().dims().end()))});
  const auto bytes = static_cast<std::size_t>(row_bytes(x));
  if (bytes != 0) std::memcpy(result.bytes(), x.bytes() + row * row_bytes(x), bytes);
  return result;
}

// x[row] = value
void set_row(Literal& x, std::int64_t row, const Literal& value) {
  const auto bytes = static_cast<std::size_t>(row_bytes(x));
  if (bytes != 0) std::memcpy(x.bytes() + row * row_bytes(x), value.dense().bytes(), bytes);
}

// One value, or several: typed, and beside it, in a wide run, with f64 for every float.
struct Run {
  Elements typed;
  Elements wide;

  void append(const Run& other) {
    typed.insert(typed.end(), other.typed.begin(), other.typed.end());
    wide.insert(wide.end(), other.wide.begin(), other.wide.end());
  }
  Run element(std::size_t index) const { return elements(index, index + 1); }
  Run elements(std::size_t begin, std::size_t end) const {
    const auto part = [&](const Elements& all) {
      return Elements(all.begin() + static_cast<std::ptrdiff_t>(begin),
                      all.begin() + static_cast<std::ptrdiff_t>(end));
    };
    return {part(typed), wide.empty() ? Elements() : part(wide)};
  }
  void replace_first(const Run& other) {
    std::ranges::copy(other.typed, typed.begin());
    std::ranges::copy(other.wide, wide.begin());
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
  // A region of the node on these arguments.
  Run run_region(Value value, Attr name, const Run& arguments) const;
  Run run_while(Value value, Run arguments) const;
  Run run_scan(Value value, const Run& operands) const;
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
  switch (def.op) {
    case Op::kFusion:
      return run_region(value, Attr::kBody, operands);
    case Op::kCond:
      return run_region(value, operands.typed[0].at<bool>(0) ? Attr::kThen : Attr::kElse,
                        operands.elements(1, operands.typed.size()));
    case Op::kWhile:
      return run_while(value, std::move(operands));
    case Op::kScan:
      return run_scan(value, operands);
    default:
      break;
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

Run Interpreter::run_region(Value value, Attr name, const Run& arguments) const {
  return Interpreter(*graph_.attributes(value).region(name), wide_, check_nan_).run(arguments);
}

Run Interpreter::run_while(Value value, Run arguments) const {
  const std::size_t states = region_parameters(graph_, value).states;
  const std::int64_t limit = graph_.attributes(value).integer(Attr::kLimit);
  for (std::int64_t i = 0; i != limit; ++i) {
    if (!run_region(value, Attr::kCondition, arguments).typed[0].at<bool>(0)) break;
    arguments.replace_first(run_region(value, Attr::kBody, arguments));
  }
  return arguments.elements(0, states);
}

Run Interpreter::run_scan(Value value, const Run& operands) const {
  const Attributes& attributes = graph_.attributes(value);
  const std::int64_t length = attributes.integer(Attr::kLength);
  const auto [carried, scanned] = region_parameters(graph_, value);
  const std::size_t results = graph_.type(value).elements().size();
  Run arguments = operands;
  Run stacked{{}, {}};
  for (std::size_t i = carried; i < results; ++i) {
    const TensorType& type = graph_.type(value).elements()[i];
    stacked.typed.push_back(Literal::uninitialized(type));
    if (wide_) stacked.wide.push_back(Literal::uninitialized(widened(type)));
  }
  for (std::int64_t step = 0; step < length; ++step) {
    const std::int64_t row = attributes.boolean(Attr::kReverse) ? length - 1 - step : step;
    for (std::size_t i = carried; i < carried + scanned; ++i) {
      arguments.typed[i] = row_of(operands.typed[i], row);
      if (wide_) arguments.wide[i] = row_of(operands.wide[i], row);
    }
    const Run result = run_region(value, Attr::kBody, arguments);
    arguments.replace_first(result.elements(0, carried));
    for (std::size_t i = carried; i < results; ++i) {
      set_row(stacked.typed[i - carried], row, result.typed[i]);
      if (wide_) set_row(stacked.wide[i - carried], row, result.wide[i]);
    }
  }
  Run run = arguments.elements(0, carried);
  run.append(stacked);
  return run;
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
    if (def.expand == nullptr && def.holds_regions()) {
      for (const auto& [name, attribute] : graph.attributes(value)) {
        const auto* region = std::get_if<Region>(&attribute);
        if (region != nullptr) inside = std::max(inside, peak_bytes(**region, wide));
      }
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
