// Derivatives of control flow: control flow over the derivatives of the regions.
//
// What a region computed is computed again where its gradient needs it, so a loop keeps nothing but
// the states that its steps began with.
#include <algorithm>
#include <memory>
#include <optional>

#include "base/error.h"
#include "ir/control_flow.h"
#include "ir/inline_graph.h"
#include "passes/dce.h"
#include "passes/derivative_parameters.h"
#include "passes/derive.h"
#include "passes/loop_forms.h"
#include "passes/sum_over_steps.h"
#include "passes/vjp.h"

namespace ndl::passes {

using ir::Attr;
using ir::Attributes;
using ir::Builder;
using ir::Graph;
using ir::Op;
using ir::Value;

namespace {

ir::Region as_region(const Graph& graph, std::string_view name) {
  auto region = std::make_shared<Graph>(remove_dead_nodes(graph));
  region->set_name(name);
  return region;
}

void set_results(Builder& b, const std::vector<Value>& results) {
  b.set_result(b.make_tuple(results));
}

// From the parameters of a region and gradients of some results to those of some parameters.
ir::Region gradient_region(const Graph& region, std::string_view name,
                           const std::vector<std::size_t>& results,
                           const std::vector<std::size_t>& parameters) {
  Graph graph;
  Builder b(graph, ir::BuilderMode::kSimplifying);
  const std::vector<Value> all = clone_parameters(b, region).all;
  std::vector<Value> incoming;
  for (const std::size_t k : results) {
    incoming.push_back(b.parameter(region.result_type().elements()[k]));
  }
  const std::vector<Value> values = ir::inline_graph(b, with_differentiable_loops(region), all);
  std::vector<Seed> seeds;
  for (std::size_t i = 0; i < results.size(); ++i)
    seeds.push_back({values[results[i]], incoming[i]});
  std::vector<Value> wrt;
  for (const std::size_t i : parameters) wrt.push_back(all[i]);
  const auto gradients = add_gradients(b, seeds, wrt);
  std::vector<Value> list;
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    list.push_back(gradients[i] ? *gradients[i] : b.constant_like(wrt[i], 0));
  }
  set_results(b, list);
  return as_region(graph, name);
}

// The results whose gradients are not known to be 0.
std::vector<std::size_t> results_with_gradients(const Derivation& d) {
  std::vector<std::size_t> results;
  for (std::size_t k = 0; k < d.results().size(); ++k) {
    if (d.results()[k]) results.push_back(k);
  }
  return results;
}

}  // namespace

void derive_cond(Derivation& d) {
  const Attributes attributes = d.attributes();
  const std::vector<std::size_t> results = results_with_gradients(d);
  std::vector<std::size_t> needed;  // of the regions' parameters
  std::vector<Value> operands;
  for (std::size_t i = 1; i < d.operand_count(); ++i) {
    operands.push_back(d.operand(i));
    if (d.needs(i)) needed.push_back(i - 1);
  }
  for (const std::size_t k : results) operands.push_back(d.results()[k]->value);
  const Value gradients =
      d.b.cond(d.operand(0), operands,
               gradient_region(*attributes.region(Attr::kThen), "then", results, needed),
               gradient_region(*attributes.region(Attr::kElse), "else", results, needed));
  for (std::size_t i = 0; i < needed.size(); ++i) {
    d.add(needed[i] + 1, d.b.get_tuple_element(gradients, static_cast<std::int64_t>(i)));
  }
}

namespace {

// The gradient of a scan: a scan in the other direction. Its state is the gradients of the state,
// and the sums of those of the operands that stay, where these are not made of what it gives
// (sum_over_steps.h); 16-bit sums are kept in f32.
class ScanGradient {
 public:
  explicit ScanGradient(Derivation& d)
      : d_(d),
        attributes_(d.attributes()),
        body_(with_differentiable_loops(*attributes_.region(Attr::kBody))),
        carried_(ir::region_parameters(d.b.graph(), d.node()).states),
        fixed_(ir::region_parameters(d.b.graph(), d.node()).first_fixed()) {
    for (std::size_t i = 0; i < carried_; ++i) {
      if (is_float_tensor(d.type(d.operand(i)))) float_states_.push_back(i);
    }
    for (std::size_t i = carried_; i < d.operand_count(); ++i) {
      if (d.needs(i)) (i < fixed_ ? needed_items_ : needed_fixed_).push_back(i);
    }
    for (const std::size_t k : results_with_gradients(d)) {
      if (k >= carried_) outputs_.push_back(k);
    }
  }

  void run() {
    std::vector<Value> operands = first_state();
    const auto state = static_cast<std::int64_t>(operands.size());
    const std::vector<std::int64_t> stacked = stacked_states(d_.b.graph(), d_.node());
    for (const std::int64_t k : stacked) {
      operands.push_back(d_.b.get_tuple_element(d_.node(), k));
    }
    for (std::size_t i = carried_; i < fixed_; ++i) operands.push_back(d_.operand(i));
    for (const std::size_t k : outputs_) operands.push_back(d_.results()[k]->value);
    const auto scanned = static_cast<std::int64_t>(operands.size()) - state;
    for (std::size_t i = fixed_; i < d_.operand_count(); ++i) operands.push_back(d_.operand(i));
    const Value result = d_.b.scan(operands, backward_body(), length(), state, scanned,
                                   !attributes_.boolean(Attr::kReverse));
    const auto result_at = [&](std::size_t k) {
      return d_.b.get_tuple_element(result, static_cast<std::int64_t>(k));
    };
    std::size_t next = 0;
    const auto take = [&] { return result_at(next++); };
    for (const std::size_t i : float_states_) d_.add(i, take());
    std::vector<Value> sums;
    for (std::size_t i = 0; i < needed_fixed_.size(); ++i) sums.push_back(take());
    for (const std::size_t i : needed_items_) d_.add(i, take());
    for (std::size_t i = 0; i < needed_fixed_.size(); ++i) {
      if (sums_[i]) {
        std::vector<Value> stacked;
        for (const StepValue& value : step_values_[i]) {
          const Value all = value.is_item ? operands[value.number] : result_at(value.number);
          stacked.push_back(d_.b.reshape(all, value.shape));
        }
        sums[i] = sums_[i]->build(d_.b, stacked);
      }
      const Value operand = d_.operand(needed_fixed_[i]);
      d_.add(needed_fixed_[i], d_.b.convert(sums[i], d_.type(operand).dtype()));
    }
  }

 private:
  std::vector<Value> first_state() {
    std::vector<Value> state;
    for (const std::size_t i : float_states_) {
      state.push_back(d_.results()[i] ? d_.results()[i]->value : d_.zeros_like(d_.operand(i)));
    }
    for (const std::size_t i : needed_fixed_) {
      const ir::TensorType& type = d_.type(d_.operand(i)).tensor();
      state.push_back(d_.b.constant({accumulator_of(type.dtype), type.shape}, 0));
    }
    return state;
  }

  std::int64_t length() const { return attributes_.integer(Attr::kLength); }

  ir::Region backward_body() {
    Graph graph;
    Builder b(graph, ir::BuilderMode::kSimplifying);
    const auto parameter = [&](std::size_t i) { return body_.type(body_.parameter(i)); };
    std::vector<Value> state_gradients;
    std::vector<Value> sums;
    for (const std::size_t i : float_states_) state_gradients.push_back(b.parameter(parameter(i)));
    for (const std::size_t i : needed_fixed_) {
      const ir::TensorType type = parameter(i).tensor();
      sums.push_back(b.parameter(ir::TensorType{accumulator_of(type.dtype), type.shape}));
    }
    std::vector<Value> inputs;  // of the body
    for (std::size_t i = 0; i < fixed_; ++i) {
      inputs.push_back(b.clone(body_, body_.parameter(i), {}));
    }
    std::vector<Value> output_gradients;
    for (const std::size_t k : outputs_) {
      output_gradients.push_back(b.parameter(body_.result_type().elements()[k]));
    }
    for (std::size_t i = fixed_; i < body_.num_parameters(); ++i) {
      inputs.push_back(b.clone(body_, body_.parameter(i), {}));
    }
    const std::vector<Value> results = ir::inline_graph(b, body_, inputs);
    std::vector<Seed> seeds;
    for (std::size_t i = 0; i < float_states_.size(); ++i) {
      seeds.push_back({results[float_states_[i]], state_gradients[i]});
    }
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      seeds.push_back({results[outputs_[i]], output_gradients[i]});
    }
    std::vector<Value> wrt;
    for (const auto* list : {&float_states_, &needed_fixed_, &needed_items_}) {
      for (const std::size_t i : *list) wrt.push_back(inputs[i]);
    }
    const auto gradients = add_gradients(b, seeds, wrt);
    std::vector<Value> list;
    for (std::size_t i = 0; i < wrt.size(); ++i) {
      list.push_back(gradients[i] ? *gradients[i] : b.constant_like(wrt[i], 0));
    }
    for (std::size_t i = 0; i < sums.size(); ++i) {
      Value& gradient = list[float_states_.size() + i];
      sums_.push_back(SumOverSteps::find(graph, gradient, length()));
      const Value converted = b.convert(gradient, b.type(sums[i]).dtype());
      gradient = sums_[i] ? sums[i] : b.add(sums[i], converted);
    }
    for (const auto& sum : sums_) {
      step_values_.emplace_back();
      if (!sum) continue;
      for (const Value value : sum->values()) {
        step_values_.back().push_back(step_value(graph, value, list));
      }
    }
    set_results(b, list);
    return as_region(graph, "body");
  }

  // A value of the backward body that a sum over steps is made of: of all steps, in this shape, it
  // is an item of the loop, an operand by number, or else a result.
  struct StepValue {
    ir::Shape shape;
    bool is_item = false;
    std::size_t number = 0;
  };
  // Adds a result to the loop's, if need be.
  StepValue step_value(const Graph& body, Value value, std::vector<Value>& results) const {
    ir::Dims dims = body.type(value).shape().dims();
    dims.insert(dims.begin(), length());
    const ir::Shape shape(std::move(dims));
    while (body.op(value) == Op::kReshape) value = body.operand(value, 0);
    const std::size_t states = float_states_.size() + needed_fixed_.size();
    if (body.op(value) == Op::kParameter && value.id >= states &&
        value.id < states + fixed_ + outputs_.size()) {
      return {shape, true, value.id};
    }
    const auto it =
        std::find(results.begin() + static_cast<std::ptrdiff_t>(states), results.end(), value);
    const auto number = static_cast<std::size_t>(it - results.begin());
    if (it == results.end()) results.push_back(value);
    return {shape, false, number};
  }

  Derivation& d_;
  const Attributes attributes_;
  const Graph body_;
  const std::size_t carried_;
  const std::size_t fixed_;  // the first operand that stays
  std::vector<std::size_t> float_states_;
  std::vector<std::size_t> needed_items_;
  std::vector<std::size_t> needed_fixed_;
  std::vector<std::size_t> outputs_;                 // stacked results that have gradients
  std::vector<std::optional<SumOverSteps>> sums_;    // of operands that stay
  std::vector<std::vector<StepValue>> step_values_;  // of each sum
};

}  // namespace

void derive_scan(Derivation& d) {
  const Value loop = differentiable_loop(d.b, d.node());
  if (loop == d.node()) return ScanGradient(d).run();
  Derivation same = d.of_equal(loop);
  ScanGradient(same).run();
}

void derive_while(Derivation& d) { derive_scan(d); }

}  // namespace ndl::passes
