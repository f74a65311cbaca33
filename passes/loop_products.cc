// 1. Before: values of items that others need and that have a product in them become items.
// 2. After: outputs that no state waits for and that have a product in them are computed of what
//    the loop gives instead.
#include "passes/loop_products.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "ir/inline_graph.h"
#include "passes/canonicalize.h"
#include "passes/cost_model.h"
#include "passes/vmap.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Attributes;
using ir::Builder;
using ir::Graph;
using ir::NodeMap;
using ir::Op;
using ir::Value;

struct Loop {
  explicit Loop(const Attributes& a)
      : length(a.integer(Attr::kLength)),
        states(static_cast<std::size_t>(a.integer(Attr::kCarried))),
        scanned(static_cast<std::size_t>(a.integer(Attr::kScanned))) {}

  std::int64_t length;
  std::size_t states;
  std::size_t scanned;
  std::size_t first_fixed() const { return states + scanned; }
};

// What a value of the body depends on, at most.
enum class Source : std::uint8_t { kNothing, kFixed, kItems, kStates };

// Whether the op is done for all steps as for one, bit for bit and at no more cost.
bool maps_well(const Graph& graph, Value value, const std::vector<Source>& sources) {
  switch (graph.op(value)) {
    case Op::kConstant:
    case Op::kConvert:
    case Op::kBitcast:
    case Op::kIota:
    case Op::kReshape:
    case Op::kBroadcast:
    case Op::kTranspose:
    case Op::kReverse:
    case Op::kSlice:
    case Op::kConcatenate:
    case Op::kReduce:
    case Op::kMatmul:
      return true;
    case Op::kConv:
    case Op::kPad:  // of steps whose kernels, or padding, are the same
      return sources[graph.operand(value, 1).id] <= Source::kFixed;
    default:
      return graph.def(value).is_elementwise();
  }
}

// Sources of all nodes; what does not map well depends on states, as it were.
std::vector<Source> sources_of(const Graph& body, const Loop& loop) {
  std::vector<Source> sources(body.size());
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    if (body.op({id}) == Op::kParameter) {
      sources[id] = id < loop.states          ? Source::kStates
                    : id < loop.first_fixed() ? Source::kItems
                                              : Source::kFixed;
      continue;
    }
    for (const Value operand : body.operands({id})) {
      sources[id] = std::max(sources[id], sources[operand.id]);
    }
    if (!maps_well(body, {id}, sources)) sources[id] = Source::kStates;
  }
  return sources;
}

bool is_product(const Graph& graph, std::uint32_t id) {
  return graph.op({id}) == Op::kMatmul || graph.op({id}) == Op::kConv;
}

// Of each node, whether it or what it needs is a product; counting those that `counts` says.
template <class F>
std::vector<bool> find_products(const Graph& body, F&& counts) {
  std::vector<bool> result(body.size());
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    if (!counts(id)) continue;
    result[id] = is_product(body, id);
    for (const Value operand : body.operands({id})) {
      result[id] = result[id] || result[operand.id];
    }
  }
  return result;
}

// The nodes that some values need, not beyond those that are given.
std::vector<bool> needed_by(const Graph& body, std::span<const Value> roots,
                            std::span<const Value> given = {}) {
  std::vector<bool> is_needed(body.size());
  std::vector<bool> is_given(body.size());
  for (const Value root : roots) is_needed[root.id] = true;
  for (const Value value : given) is_given[value.id] = true;
  for (auto id = static_cast<std::uint32_t>(body.size()); id-- > 0;) {
    if (is_given[id]) is_needed[id] = false;
    if (!is_needed[id]) continue;
    for (const Value operand : body.operands({id})) is_needed[operand.id] = true;
  }
  return is_needed;
}

// Whether there is room for what computing these values for all steps writes: products, of which
// those of a step are small, as a loop would better keep large ones in the cache.
bool fits(const Graph& body, const Loop& loop, const std::vector<Value>& values,
          const std::vector<Value>& given) {
  std::vector<bool> is_computed = needed_by(body, values, given);
  std::int64_t step = 0;
  std::int64_t all = 0;
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    if (!is_computed[id]) continue;
    const std::int64_t bytes = body.type({id}).bytes();
    if (__builtin_mul_overflow(bytes, std::max<std::int64_t>(loop.length, 1), &all)) return false;
    const bool is_written =
        is_product(body, id) || std::ranges::find(values, Value{id}) != values.end();
    if (is_written && __builtin_add_overflow(step, bytes, &step)) return false;
  }
  for (const Value value : given) {
    if (__builtin_add_overflow(step, body.type(value).bytes(), &step)) return false;
  }
  return step <= CostModel::kMostHoistedStepBytes &&
         step <= CostModel::kMostHoistedBytes / std::max<std::int64_t>(loop.length, 1);
}

// Computes values of the body for all steps, of `inputs`: values of the body that are there for all
// steps, `given`, or stay the same in them.
struct Input {
  Value value;  // of the body
  Value given;  // outside
  bool is_mapped = false;
};
std::vector<Value> compute_for_all(Builder& b, const Graph& body, const Loop& loop,
                                   const std::vector<Input>& inputs,
                                   const std::vector<Value>& values, const PassContext& rules) {
  Graph step(body.name());
  Builder inside(step);
  NodeMap mapped(body.size());
  std::vector<bool> is_mapped;
  std::vector<Value> given;
  for (const Input& input : inputs) {
    mapped[input.value.id] = inside.parameter(body.type(input.value));
    is_mapped.push_back(input.is_mapped);
    given.push_back(input.given);
  }
  ir::clone_needed(inside, body, values, mapped);
  std::vector<Value> results;
  for (const Value value : values) results.push_back(*mapped[value.id]);
  inside.set_result(inside.make_tuple(results));
  const Graph all = run_canonicalize(vmap(step, loop.length, is_mapped), rules);
  return ir::inline_graph(b, all, given);
}

void add_parameters(std::vector<Input>& inputs, const Graph& body, const Loop& loop,
                    const std::vector<Value>& operands) {
  for (std::size_t i = loop.states; i < body.num_parameters(); ++i) {
    inputs.push_back({body.parameter(i), operands[i], i < loop.first_fixed()});
  }
}

// 1. Before. Changes attributes and operands.
void move_before(Builder& b, Attributes& attributes, std::vector<Value>& operands,
                 const PassContext& rules) {
  const Loop loop(attributes);
  const ir::Region body_region = attributes.region(Attr::kBody);
  const Graph& body = *body_region;
  const std::vector<Source> sources = sources_of(body, loop);
  const std::vector<bool> has_product =
      find_products(body, [&](std::uint32_t id) { return sources[id] == Source::kItems; });
  const std::vector<bool> live = body.live_nodes();
  std::vector<bool> is_chosen(body.size());
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    const bool is_packing = Value{id} == body.result() && body.op({id}) == Op::kMakeTuple;
    if (!live[id] || sources[id] != Source::kStates || is_packing) continue;
    for (Value x : body.operands({id})) {
      if (sources[x.id] != Source::kItems || !has_product[x.id]) continue;
      while (costs_nothing(body.op(x))) x = body.operand(x, 0);
      is_chosen[x.id] = true;
    }
  }
  std::vector<Value> values;
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    if (is_chosen[id]) values.push_back({id});
  }
  if (values.empty() || !fits(body, loop, values, {})) return;

  std::vector<Input> inputs;
  add_parameters(inputs, body, loop, operands);
  const std::vector<Value> items = compute_for_all(b, body, loop, inputs, values, rules);
  const auto place = static_cast<std::ptrdiff_t>(loop.first_fixed());
  operands.insert(operands.begin() + place, items.begin(), items.end());

  auto graph = std::make_shared<Graph>(body.name());
  Builder inside(*graph);
  NodeMap mapped(body.size());
  const auto clone_parameter = [&](std::size_t i) {
    mapped[i] = inside.clone(body, body.parameter(i), {});
  };
  for (std::size_t i = 0; i < loop.first_fixed(); ++i) clone_parameter(i);
  for (const Value value : values) mapped[value.id] = inside.parameter(body.type(value));
  for (std::size_t i = loop.first_fixed(); i < body.num_parameters(); ++i) clone_parameter(i);
  const std::vector<Value> parts = ir::result_parts(body);
  ir::clone_needed(inside, body, parts, mapped);
  std::vector<Value> results;
  for (const Value part : parts) results.push_back(*mapped[part.id]);
  inside.set_result(ir::packed(inside, body.result_type(), results));
  attributes.set(Attr::kBody, std::move(graph));
  attributes.set(Attr::kScanned, static_cast<std::int64_t>(loop.scanned + values.size()));
}

// 2. After.
class OutputsAfter {
 public:
  OutputsAfter(const Attributes& attributes)
      : loop_(attributes),
        body_(attributes.region(Attr::kBody)),
        parts_(ir::result_parts(*body_)),
        sources_(sources_of(*body_, loop_)) {
    choose();
  }

  bool is_worth() const { return !late_.empty(); }
  Value build(Builder& b, Attributes attributes, const std::vector<Value>& operands,
              const PassContext& rules);

 private:
  void choose();
  bool is_output(std::size_t part) const { return part >= loop_.states; }

  const Loop loop_;
  const ir::Region body_;
  const std::vector<Value> parts_;
  const std::vector<Source> sources_;
  std::vector<std::size_t> late_;  // parts that are computed after the loop
  std::vector<Value> kept_;        // values that the loop gives for them
};

void OutputsAfter::choose() {
  const Graph& body = *body_;
  // The result may be a tuple that an op inside gives.
  if (parts_.size() != body.result_type().elements().size()) return;
  // What has to be in the loop: what states need, and what does not map well with what it needs.
  std::vector<Value> roots(parts_.begin(),
                           parts_.begin() + static_cast<std::ptrdiff_t>(loop_.states));
  const std::vector<bool> live = body.live_nodes();
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    const bool is_packing = Value{id} == body.result() && parts_.size() > 1;
    if (live[id] && !is_packing && !maps_well(body, {id}, sources_)) roots.push_back({id});
  }
  std::vector<bool> is_early = needed_by(body, roots);
  std::fill_n(is_early.begin(), body.num_parameters(), true);
  const std::vector<bool> has_product =
      find_products(body, [&](std::uint32_t id) { return !is_early[id]; });
  std::vector<Value> late;
  for (std::size_t part = 0; part < parts_.size(); ++part) {
    const std::uint32_t id = parts_[part].id;
    if (!is_output(part) || !has_product[id] || sources_[id] <= Source::kFixed) continue;
    late_.push_back(part);
    late.push_back(parts_[part]);
  }
  const std::vector<bool> is_needed = needed_by(body, late);
  std::vector<bool> is_kept(body.size());
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    if (!is_needed[id] || is_early[id]) continue;
    for (const Value operand : body.operands({id})) {
      const bool is_parameter = operand.id < body.num_parameters();
      const bool is_there =
          sources_[operand.id] <= Source::kFixed || (is_parameter && operand.id >= loop_.states);
      if (is_early[operand.id] && !is_there) is_kept[operand.id] = true;
    }
  }
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    if (is_kept[id]) kept_.push_back({id});
  }
  if (!fits(body, loop_, late, kept_)) late_.clear();
}

Value OutputsAfter::build(Builder& b, Attributes attributes, const std::vector<Value>& operands,
                          const PassContext& rules) {
  const Graph& body = *body_;
  std::vector<Value> given;  // by the loop
  for (std::size_t part = 0; part < parts_.size(); ++part) {
    if (std::ranges::find(late_, part) == late_.end()) given.push_back(parts_[part]);
  }
  const std::size_t first_kept = given.size();
  given.insert(given.end(), kept_.begin(), kept_.end());
  attributes.set(Attr::kBody, std::make_shared<const Graph>(ir::with_results(body, given)));
  const Value scan = b.add_node(Op::kScan, operands, std::move(attributes));
  const auto outside = [&](std::size_t i) {
    if (given.size() == 1) return scan;
    return b.get_tuple_element(scan, static_cast<std::int64_t>(i));
  };

  std::vector<Input> inputs;
  add_parameters(inputs, body, loop_, operands);
  std::vector<Value> late;
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    inputs.push_back({kept_[i], outside(first_kept + i), true});
  }
  for (const std::size_t part : late_) late.push_back(parts_[part]);
  const std::vector<Value> computed = compute_for_all(b, body, loop_, inputs, late, rules);
  std::vector<Value> all;
  for (std::size_t part = 0, next = 0, next_late = 0; part < parts_.size(); ++part) {
    const bool is_late = next_late < late_.size() && late_[next_late] == part;
    all.push_back(is_late ? computed[next_late++] : outside(next++));
  }
  return ir::packed(b, body.result_type(), all);
}

}  // namespace

bool costs_nothing(Op op) {
  return op == Op::kConstant || op == Op::kIota || op == Op::kBroadcast || op == Op::kReshape;
}

Value scan_with_products_outside(Builder& b, Attributes attributes, std::vector<Value> operands,
                                 const PassContext& context) {
  PassContext rules;
  rules.disabled = context.disabled;
  move_before(b, attributes, operands, rules);
  OutputsAfter after(attributes);
  if (after.is_worth()) return after.build(b, std::move(attributes), operands, rules);
  return b.add_node(Op::kScan, operands, std::move(attributes));
}

}  // namespace ndl::passes
