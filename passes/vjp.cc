#include "passes/vjp.h"

#include <algorithm>

#include "base/error.h"
#include "ir/control_flow.h"
#include "ir/inline_graph.h"
#include "passes/dce.h"
#include "passes/derivative_parameters.h"
#include "passes/derive.h"
#include "passes/loop_forms.h"

namespace ndl::passes {
namespace {

using ir::Builder;
using ir::Graph;
using ir::Value;

// Whether a gradient can go to a value of that type.
bool can_have_gradient(const ir::Type& type) {
  if (!type.is_tuple()) return is_float(type.dtype());
  return std::ranges::any_of(type.elements(),
                             [](const ir::TensorType& t) { return is_float(t.dtype); });
}

class ReverseSweep {
 public:
  ReverseSweep(Builder& b, std::span<const Value> wrt) : b_(b), cotangents_(b.graph().size()) {
    mark_active(wrt);
  }

  void seed(const Seed& seed) {
    if (!is_active_[seed.value.id]) return;
    slots_[0] = slot(seed.value);
    Derivation(b_, seed.value, {}, slots_).add(0, {seed.gradient, std::nullopt});
  }

  void run() {
    for (auto id = static_cast<std::uint32_t>(cotangents_.size()); id-- > 0;) {
      if (!cotangents_[id].empty()) visit({id});
    }
  }

  std::optional<Value> gradient(Value value) const {
    const Cotangents& cotangents = cotangents_[value.id];
    if (cotangents.empty() || !cotangents.front()) return std::nullopt;
    return cotangents.front()->value;
  }

 private:
  // Active values are those that depend on one of `wrt`.
  void mark_active(std::span<const Value> wrt) {
    const Graph& graph = b_.graph();
    is_active_.resize(graph.size());
    for (const Value value : wrt) {
      NDL_CHECK(is_float_tensor(graph.type(value)), "gradient with respect to a {}",
                graph.type(value).to_string());
      is_active_[value.id] = true;
    }
    for (std::uint32_t id = 0; id < graph.size(); ++id) {
      if (is_active_[id] || !can_have_gradient(graph.type({id}))) continue;
      is_active_[id] = std::ranges::any_of(graph.operands({id}),
                                           [&](Value operand) { return is_active_[operand.id]; });
    }
  }

  // Where the gradients of a value are collected.
  Cotangents* slot(Value value) {
    if (!is_active_[value.id]) return nullptr;
    Cotangents& cotangents = cotangents_[value.id];
    if (cotangents.empty()) cotangents.resize(b_.type(value).elements().size());
    return &cotangents;
  }

  void visit(Value value) {
    const std::vector<Value> operands(b_.graph().operands(value).begin(),
                                      b_.graph().operands(value).end());
    slots_.clear();
    bool any = false;
    for (const Value operand : operands) {
      slots_.push_back(slot(operand));
      any |= slots_.back() != nullptr;
    }
    // Its users have all been visited, so nothing is added here any more.
    const Cotangents& cotangents = cotangents_[value.id];
    const bool is_zero =
        std::ranges::none_of(cotangents, [](const auto& c) { return c.has_value(); });
    if (!any || is_zero) return;
    const std::size_t before = b_.graph().size();
    Derivation derivation(b_, value, cotangents, slots_);
    derivative_of(b_.graph().op(value))(derivation);
    const SourceLocation location = b_.graph().location(value);
    for (std::size_t id = before; id < b_.graph().size(); ++id) {
      b_.graph().set_location({static_cast<std::uint32_t>(id)}, location);
    }
  }

  Builder& b_;
  std::vector<Cotangents> cotangents_;  // of the nodes there were at first
  std::vector<bool> is_active_;
  std::vector<Cotangents*> slots_ = {nullptr};
};

}  // namespace

std::vector<std::optional<Value>> add_gradients(Builder& b, std::span<const Seed> seeds,
                                                std::span<const Value> wrt) {
  ReverseSweep sweep(b, wrt);
  for (const Seed& seed : seeds) sweep.seed(seed);
  sweep.run();
  std::vector<std::optional<Value>> gradients;
  for (const Value value : wrt) gradients.push_back(sweep.gradient(value));
  return gradients;
}

std::vector<Seed> seeds_of(const Builder& b, std::span<const Value> values,
                           std::span<const Value> gradients) {
  std::vector<Seed> seeds;
  for (const Value value : values) {
    if (is_float_tensor(b.type(value))) seeds.push_back({value, gradients[seeds.size()]});
  }
  return seeds;
}

namespace {

Graph vjp_of(const Graph& source) {
  Graph graph(source.name());
  Builder b(graph, ir::BuilderMode::kSimplifying);
  const ClonedParameters parameters = clone_parameters(b, source);
  const std::vector<Value> incoming = add_result_parameters(b, source);
  std::vector<Value> results = ir::inline_graph(b, source, parameters.all);
  const auto gradients = add_gradients(b, seeds_of(b, results, incoming), parameters.floats);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    results.push_back(gradients[i] ? *gradients[i] : b.constant_like(parameters.floats[i], 0));
  }
  b.set_result(b.make_tuple(results));
  return remove_dead_nodes(graph);
}

}  // namespace

Graph vjp(const Graph& source) {
  return ir::has_control_flow(source) ? vjp_of(with_differentiable_loops(source)) : vjp_of(source);
}

Graph run_vjp(const Graph& graph, const PassContext&) { return vjp(graph); }

}  // namespace ndl::passes
