#include "passes/vmap.h"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "base/error.h"
#include "ir/builder.h"
#include "ir/control_flow.h"
#include "ir/inline_graph.h"
#include "passes/dce.h"
#include "passes/mapped_op.h"

namespace ndl::passes {

using ir::Attr;
using ir::Attributes;
using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::Shape;
using ir::TensorType;
using ir::Value;

namespace {

using Flags = std::vector<bool>;
using Elements = std::vector<Mapped>;  // several for a tuple

// A region with the axis, and which of its results have it.
struct MappedRegion {
  ir::Region region;
  Flags results;
};

class Vectorizer {
 public:
  Vectorizer(Builder& b, std::int64_t size) : b_(b), size_(size), examples_(b, size) {}

  // The results of `source` on these.
  Elements run(const Graph& source, const Elements& parameters);

  // The region with the axis on these parameters, and on these results at least.
  static MappedRegion mapped_region(std::int64_t size, const Graph& region, const Flags& parameters,
                                    const Flags& results = {});

 private:
  // The region of what `make` gives for a Vectorizer inside and parameters like those of `region`,
  // with the axis where the flags say.
  template <class Make>
  static ir::Region region_of(std::int64_t size, const Graph& region, const Flags& parameters,
                              Make&& make);

  Elements node(const Graph& source, Value value, const Elements& operands);
  Elements cond(const Graph& source, Value value, const Elements& operands);
  Elements while_loop(const Graph& source, Value value, const Elements& operands);
  Elements scan(const Graph& source, Value value, const Elements& operands);
  Elements fusion(const Graph& source, Value value, const Elements& operands);
  Elements custom(const Graph& source, Value value, const Elements& operands);

  // mapped_region() of the body of a loop, whose state has the axis before a step if it does after
  // one: these flags grow.
  MappedRegion mapped_body(const Graph& body, Flags& parameters, std::size_t states) const;

  Builder& b_;
  const std::int64_t size_;
  ExampleAxis examples_;
};

Flags flags_of(const Elements& elements) {
  Flags flags;
  for (const Mapped& x : elements) flags.push_back(x.has_axis);
  return flags;
}

void add_flags(Flags& to, const Flags& from) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = to[i] || from[i];
}

// The tensors of a node's result.
Elements elements_of(Builder& b, Value value, const Flags& has_axis) {
  if (!b.type(value).is_tuple()) return {{value, has_axis.front()}};
  Elements elements;
  for (std::size_t i = 0; i < has_axis.size(); ++i) {
    elements.push_back({b.get_tuple_element(value, static_cast<std::int64_t>(i)), has_axis[i]});
  }
  return elements;
}

// Whether an example that does not come here may be an error, or not end.
bool may_fail(const Graph& region) {
  for (std::uint32_t id = 0; id < region.size(); ++id) {
    const Op op = region.op({id});
    if (ir::may_fail(op)) return true;
    if (op == Op::kWhile && region.attributes({id}).integer(Attr::kLimit) == -1) return true;
    for (const auto& [name, attribute] : region.attributes({id})) {
      const auto* inside = std::get_if<ir::Region>(&attribute);
      if (inside != nullptr && may_fail(**inside)) return true;
    }
  }
  return false;
}

Elements Vectorizer::run(const Graph& source, const Elements& parameters) {
  std::vector<Elements> mapped(source.size());
  const std::vector<bool> live = source.live_nodes();
  for (std::size_t i = 0; i < parameters.size(); ++i) mapped[i] = {parameters[i]};
  for (auto id = static_cast<std::uint32_t>(parameters.size()); id < source.size(); ++id) {
    if (!live[id]) continue;
    const Value value{id};
    const auto first = static_cast<std::uint32_t>(b_.graph().size());
    Elements operands;
    for (const Value operand : source.operands(value)) {
      operands.insert(operands.end(), mapped[operand.id].begin(), mapped[operand.id].end());
    }
    mapped[id] = node(source, value, operands);
    for (auto made = first; made < b_.graph().size(); ++made) {
      b_.graph().set_location({made}, source.location(value));
    }
    if (mapped[id].size() != 1) continue;
    const Value result = mapped[id].front().value;
    if (result.id >= first && b_.graph().name(result).empty()) {
      b_.graph().set_name(result, source.name(value));
    }
  }
  return mapped[source.result().id];
}

Elements Vectorizer::node(const Graph& source, Value value, const Elements& operands) {
  const Op op = source.op(value);
  if (op == Op::kMakeTuple) return operands;
  if (op == Op::kGetTupleElement) {
    const std::int64_t index = source.attributes(value).integer(Attr::kIndex);
    return {operands[static_cast<std::size_t>(index)]};
  }
  const std::size_t results = source.type(value).elements().size();
  if (std::ranges::none_of(operands, &Mapped::has_axis)) {
    std::vector<Value> values;
    for (const Mapped& x : operands) values.push_back(x.value);
    return elements_of(b_, b_.clone(source, value, values), Flags(results, false));
  }
  switch (op) {
    case Op::kCond:
      return cond(source, value, operands);
    case Op::kWhile:
      return while_loop(source, value, operands);
    case Op::kScan:
      return scan(source, value, operands);
    case Op::kFusion:
      return fusion(source, value, operands);
    case Op::kCustom:
      return custom(source, value, operands);
    default:
      return elements_of(b_, mapped_op(examples_, source, value, operands),
                         Flags(results, source.op(value) != Op::kAfter || operands[0].has_axis));
  }
}

template <class Make>
ir::Region Vectorizer::region_of(std::int64_t size, const Graph& region, const Flags& parameters,
                                 Make&& make) {
  auto graph = std::make_shared<Graph>(region.name());
  Builder b(*graph, ir::BuilderMode::kSimplifying);
  Vectorizer inside(b, size);
  Elements inputs;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const TensorType& type = region.type(region.parameter(i)).tensor();
    const std::string& name = region.name(region.parameter(i));
    inputs.push_back(
        {b.parameter(parameters[i] ? inside.examples_.type(type) : type, name), parameters[i]});
  }
  b.set_result(make(inside, inputs));
  return graph;
}

MappedRegion Vectorizer::mapped_region(std::int64_t size, const Graph& region,
                                       const Flags& parameters, const Flags& results) {
  MappedRegion mapped;
  mapped.region =
      region_of(size, region, parameters, [&](Vectorizer& inside, const Elements& inputs) {
        const Elements outputs = inside.run(region, inputs);
        mapped.results = flags_of(outputs);
        add_flags(mapped.results, results);
        std::vector<Value> list;
        for (std::size_t k = 0; k < outputs.size(); ++k) {
          list.push_back(mapped.results[k] ? inside.examples_.full(outputs[k]) : outputs[k].value);
        }
        return ir::packed(inside.b_, region.result_type(), list);
      });
  return mapped;
}

MappedRegion Vectorizer::mapped_body(const Graph& body, Flags& parameters,
                                     std::size_t states) const {
  while (true) {
    const Flags before(parameters.begin(),
                       parameters.begin() + static_cast<std::ptrdiff_t>(states));
    MappedRegion mapped = mapped_region(size_, body, parameters, before);
    const Flags after(mapped.results.begin(),
                      mapped.results.begin() + static_cast<std::ptrdiff_t>(states));
    if (after == before) return mapped;
    add_flags(parameters, after);
  }
}

Elements Vectorizer::cond(const Graph& source, Value value, const Elements& operands) {
  const Attributes& attributes = source.attributes(value);
  const Graph& then = *attributes.region(Attr::kThen);
  const Graph& otherwise = *attributes.region(Attr::kElse);
  const Elements arguments(operands.begin() + 1, operands.end());
  if (operands[0].has_axis && (may_fail(then) || may_fail(otherwise))) {
    return elements_of(b_, one_by_one(examples_, source, value, operands),
                       Flags(source.type(value).elements().size(), true));
  }
  if (operands[0].has_axis) {
    const Elements on_true = run(then, arguments);
    const Elements on_false = run(otherwise, arguments);
    Elements results;
    for (std::size_t k = 0; k < on_true.size(); ++k) {
      results.push_back({examples_.select(operands[0].value, on_true[k], on_false[k]), true});
    }
    return results;
  }
  const Flags flags = flags_of(arguments);
  MappedRegion on_true = mapped_region(size_, then, flags);
  const MappedRegion on_false = mapped_region(size_, otherwise, flags, on_true.results);
  if (on_true.results != on_false.results) {
    on_true = mapped_region(size_, then, flags, on_false.results);
  }
  std::vector<Value> values;
  for (const Mapped& x : arguments) values.push_back(x.value);
  return elements_of(b_, b_.cond(operands[0].value, values, on_true.region, on_false.region),
                     on_false.results);
}

Elements Vectorizer::while_loop(const Graph& source, Value value, const Elements& operands) {
  const Attributes& attributes = source.attributes(value);
  const Graph& body = *attributes.region(Attr::kBody);
  const Graph& condition = *attributes.region(Attr::kCondition);
  const std::size_t states = ir::region_parameters(source, value).states;
  Flags flags = flags_of(operands);
  MappedRegion step = mapped_body(body, flags, states);
  MappedRegion goes_on = mapped_region(size_, condition, flags);
  if (goes_on.results.front() && (may_fail(body) || may_fail(condition))) {
    return elements_of(b_, one_by_one(examples_, source, value, operands), Flags(states, true));
  }
  if (goes_on.results.front()) {
    // Examples end at different times, so all of their states differ.
    std::fill(flags.begin(), flags.begin() + static_cast<std::ptrdiff_t>(states), true);
    goes_on.region =
        region_of(size_, condition, flags, [&](Vectorizer& inside, const Elements& inputs) {
          const Value each = inside.run(condition, inputs).front().value;
          return inside.b_.reduce(each, ir::ReduceKind::kOr, {0});
        });
    step.region = region_of(size_, body, flags, [&](Vectorizer& inside, const Elements& inputs) {
      const Value each = inside.run(condition, inputs).front().value;
      const Elements next = inside.run(body, inputs);
      std::vector<Value> list;
      for (std::size_t i = 0; i < states; ++i) {
        list.push_back(inside.examples_.select(each, next[i], inputs[i]));
      }
      return ir::packed(inside.b_, body.result_type(), list);
    });
  }
  std::vector<Value> values;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    values.push_back(flags[i] ? examples_.full(operands[i]) : operands[i].value);
  }
  flags.resize(states);
  return elements_of(
      b_, b_.while_(values, goes_on.region, step.region, attributes.integer(Attr::kLimit)), flags);
}

// The steps are along axis 0 of what is scanned, so the examples are along axis 1.
Elements Vectorizer::scan(const Graph& source, Value value, const Elements& operands) {
  Attributes attributes = source.attributes(value);
  const ir::RegionParameters kinds = ir::region_parameters(source, value);
  Flags flags = flags_of(operands);
  const MappedRegion body = mapped_body(*attributes.region(Attr::kBody), flags, kinds.states);
  std::vector<Value> values;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Value x = flags[i] ? examples_.full(operands[i]) : operands[i].value;
    const bool is_item = i >= kinds.states && i < kinds.first_fixed() && flags[i];
    values.push_back(is_item ? examples_.with_first_axes_swapped(x) : x);
  }
  attributes.set(Attr::kBody, body.region);
  Elements results =
      elements_of(b_, b_.add_node(Op::kScan, values, std::move(attributes)), body.results);
  for (std::size_t k = kinds.states; k < results.size(); ++k) {
    if (!results[k].has_axis) continue;
    results[k].value = examples_.with_first_axes_swapped(results[k].value);
  }
  return results;
}

Elements Vectorizer::fusion(const Graph& source, Value value, const Elements& operands) {
  const MappedRegion body =
      mapped_region(size_, *source.attributes(value).region(Attr::kBody), flags_of(operands));
  std::vector<Value> values;
  for (const Mapped& x : operands) values.push_back(x.value);
  return elements_of(b_, b_.fusion(values, body.region), body.results);
}

// What all examples share gets the sum of their gradients.
Elements Vectorizer::custom(const Graph& source, Value value, const Elements& operands) {
  const Attributes& attributes = source.attributes(value);
  const Graph& body = *attributes.region(Attr::kBody);
  const Graph& gradient = *attributes.region(Attr::kGradient);
  const Flags flags = flags_of(operands);
  const MappedRegion mapped = mapped_region(size_, body, flags);
  Flags arguments = flags;
  arguments.insert(arguments.end(), mapped.results.begin(), mapped.results.end());
  const std::vector<TensorType>& results = body.result_type().elements();
  for (std::size_t k = 0; k < results.size(); ++k) {
    if (is_float(results[k].dtype)) arguments.push_back(mapped.results[k]);
  }

  const ir::Region summed =
      region_of(size_, gradient, arguments, [&](Vectorizer& inside, const Elements& inputs) {
        const Elements gradients = inside.run(gradient, inputs);
        std::vector<Value> list;
        for (std::size_t i = 0; i < flags.size(); ++i) {
          if (!is_float(body.type(body.parameter(i)).dtype())) continue;
          const Value each = inside.examples_.full(gradients[list.size()]);
          list.push_back(flags[i] ? each : inside.b_.reduce(each, ir::ReduceKind::kSum, {0}));
        }
        return ir::packed(inside.b_, gradient.result_type(), list);
      });
  std::vector<Value> values;
  for (const Mapped& x : operands) values.push_back(x.value);
  return elements_of(b_, b_.custom(values, mapped.region, summed), mapped.results);
}

}  // namespace

Graph vmap(const Graph& source, std::int64_t size, const std::vector<bool>& is_mapped) {
  NDL_CHECK(is_mapped.size() == source.num_parameters());
  if (size < 0) throw_error<ShapeError>("vmap: size={} must not be negative", size);
  const Flags all(source.result_type().elements().size(), true);
  return remove_dead_nodes(*Vectorizer::mapped_region(size, source, is_mapped, all).region);
}

Graph run_vmap(const Graph& graph, const PassContext& context) {
  const PassDef& pass = *find_pass("vmap");
  std::vector<bool> is_mapped(graph.num_parameters(), true);
  for (const std::int64_t i : pass.numbers(context.options, "shared")) {
    if (i >= static_cast<std::int64_t>(is_mapped.size())) {
      throw_error<UsageError>("vmap: shared={}, but the parameters are 0 to {}", i,
                              static_cast<std::int64_t>(is_mapped.size()) - 1);
    }
    is_mapped[static_cast<std::size_t>(i)] = false;
  }
  return vmap(graph, pass.numbers(context.options, "size").front(), is_mapped);
}

}  // namespace ndl::passes
