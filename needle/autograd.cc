#include "needle/autograd.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "ir/builder.h"
#include "needle/creation.h"
#include "needle/lower.h"
#include "needle/plan_cache.h"
#include "needle/raise.h"
#include "needle/trace_scope.h"
#include "passes/stabilize.h"
#include "passes/vjp.h"

namespace ndl {
namespace {

template <class E = GradientError, class... Args>
[[noreturn]] void fail(const std::source_location& at, fmt::format_string<Args...> format,
                       Args&&... args) {
  throw E(Diagnostic{to_location(at), fmt::format(format, std::forward<Args>(args)...), ""});
}

// The gradients of a tensor as a graph, for a history with this key and these points.
struct Plan {
  std::vector<ir::Region> regions;  // of the key
  ir::Graph graph;                  // stable, with the gradients
  std::vector<std::int32_t> known;  // of each node the number of its record in the walk, or kNone
  std::vector<ir::Value> roots;
  std::vector<std::size_t> points;  // whose gradients the roots are, of those asked for

  static constexpr std::int32_t kNone = std::numeric_limits<std::int32_t>::min();
};

// Never destroyed: static objects may differentiate when they go.
PlanCache<Plan>& plans() {
  static PlanCache<Plan>& instance = *new PlanCache<Plan>;
  return instance;
}

// What a tensor was computed from, and its gradients with respect to that.
class Differentiation {
 public:
  // `ends`, if any, are where the history ends besides at leaves.
  Differentiation(const char* name, const RecordRef& y, const RecordRef& out_grad,
                  std::span<const RecordRef> ends, const std::source_location& at)
      : name_(name), at_(at), y_(y), out_grad_(out_grad) {
    // A stand-in, because out_grad may be part of the history.
    if (out_grad) parameters_.push_back(make_leaf(out_grad->type->tensor(), {}, false));
    parameters_.insert(parameters_.end(), ends.begin(), ends.end());
    Garbage garbage;
    const std::lock_guard lock(record_mutex());
    note(Walk({&y_, 1}, garbage, options()));
  }

  // Throws GradientError if the history has a leaf that has been given other data since, or leaves
  // the trace in progress.
  void require_current() const {
    const std::lock_guard lock(record_mutex());
    for (const auto* records : {&inputs_, &nodes_}) {
      for (const RecordRef& record : *records) {
        if (record->requires_grad) require_current(*record);
      }
    }
  }

  const RecordRef& out_grad() const { return out_grad_; }

  // The records of the history that gradients can be asked for.
  std::vector<RecordRef> records() const {
    std::vector<RecordRef> result;
    for (const auto* records : {&inputs_, &nodes_}) {
      std::ranges::copy_if(*records, std::back_inserter(result),
                           [](const RecordRef& record) { return record->is_differentiable(); });
    }
    return result;
  }

  // The gradients of y with respect to leaves and ends; empty where y does not depend on them. The
  // history is made stable first. (A value in the middle of it may have no place in the stable
  // form, or share one with others.)
  std::vector<RecordRef> gradients(std::span<const RecordRef> wrt) {
    const std::shared_ptr<const Plan> plan = plan_for(wrt);
    std::vector<RecordRef> known(plan->graph.size());
    for (std::size_t id = 0; id < plan->known.size(); ++id) {
      const std::int32_t number = plan->known[id];
      if (number == Plan::kNone) continue;
      known[id] = number < 0 ? inputs_[static_cast<std::size_t>(~number)]
                             : nodes_[static_cast<std::size_t>(number)];
    }
    if (out_grad_) known[0] = out_grad_;
    const std::vector<RecordRef> raised = raise(plan->graph, plan->roots, std::move(known));
    std::vector<RecordRef> result(wrt.size());
    for (std::size_t i = 0; i < raised.size(); ++i) result[plan->points[i]] = raised[i];
    return result;
  }

 private:
  WalkOptions options() const {
    return {.parameters = parameters_, .trace = current_trace(), .history = true};
  }

  void note(const Walk& walk) {
    inputs_ = walk.inputs();
    nodes_.clear();
    for (const RecordRef* node : walk.nodes()) nodes_.push_back(*node);
    key_ = walk.is_worth_keeping() ? walk.key() : "";
  }

  std::shared_ptr<const Plan> plan_for(std::span<const RecordRef> wrt) {
    std::unordered_map<const Record*, std::uint32_t> inputs;
    for (const RecordRef& input : inputs_) {
      inputs.emplace(input.get(), static_cast<std::uint32_t>(inputs.size()));
    }
    std::string key = key_;
    std::vector<ir::Value> points;
    std::vector<std::size_t> positions;
    for (std::size_t i = 0; i < wrt.size(); ++i) {
      const auto found = inputs.find(wrt[i].get());
      if (found == inputs.end()) continue;
      points.push_back({found->second});
      positions.push_back(i);
      key += fmt::format(" {}:{}", i, found->second);
    }
    if (out_grad_) key += " out_grad";
    if (!key_.empty()) {
      if (auto known = plans().find(key)) return known;
    }
    auto plan = std::make_shared<const Plan>(make_plan(points, positions));
    if (!key_.empty()) plans().insert(std::move(key), plan, plan->graph.size());
    return plan;
  }

  Plan make_plan(std::span<const ir::Value> points, std::span<const std::size_t> positions) {
    Lowered lowered;
    Plan plan;
    std::unordered_map<const Record*, std::int32_t> numbers;
    {
      Garbage garbage;
      const std::lock_guard lock(record_mutex());
      const Walk walk({&y_, 1}, garbage, options());
      note(walk);
      lowered = lower(walk);
      plan.regions = walk.regions();
      for (const RecordRef& record : lowered.records) {
        if (record) numbers.emplace(record.get(), walk.number(*record));
      }
    }
    passes::Rewritten stable = passes::stabilize_traced(lowered.graph);
    plan.graph = std::move(stable.graph);
    plan.known.assign(plan.graph.size(), Plan::kNone);
    for (std::size_t id = 0; id < lowered.records.size(); ++id) {
      const RecordRef& record = lowered.records[id];
      if (record) plan.known[stable.values[id].id] = numbers.at(record.get());
    }
    ir::Builder b(plan.graph, ir::BuilderMode::kSimplifying);
    const ir::Value y = plan.graph.result();
    const passes::Seed seed{y, out_grad_ ? plan.graph.parameter(0) : b.constant_like(y, 1)};
    const auto gradients = passes::add_gradients(b, {&seed, 1}, points);
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (!gradients[i]) continue;
      plan.roots.push_back(*gradients[i]);
      plan.points.push_back(positions[i]);
    }
    return plan;
  }

  void require_current(const Record& record) const {
    if (record.is_leaf()) {
      const std::shared_ptr<Variable> variable = record.variable.lock();
      if (variable == nullptr || variable->value.get() == &record) return;
      fail(at_,
           "{}: a tensor ({}) has other data since it was computed with: set_data() came between",
           name_, record.type->to_string());
    }
    if (record.trace < current_trace()) {
      fail(at_,
           "{}: '{}' ({}), which the tensor was computed from, was recorded before the function "
           "that is being traced",
           name_, ir::name_of(record.op), record.type->to_string());
    }
  }

  const char* name_;
  const std::source_location& at_;
  const RecordRef y_;
  const RecordRef out_grad_;
  std::vector<RecordRef> parameters_;
  std::vector<RecordRef> inputs_;  // of the walk, and its nodes
  std::vector<RecordRef> nodes_;
  std::string key_;  // "" for what is not worth keeping
};

void require_differentiable(const char* name, const Tensor& x, const char* what,
                            const std::source_location& at) {
  if (!is_float(x.dtype())) {
    fail<DTypeError>(at, "{}: {} is {}; gradients are for floats", name, what,
                     x.type().to_string());
  }
  if (x.requires_grad()) return;
  fail(at,
       "{}: {} ({}) requires no gradient: it was made with requires_grad = false, without history, "
       "or of such tensors alone",
       name, what, x.type().to_string());
}

// The record of out_grad, if there is one, which has y's type.
RecordRef checked_out_grad(const char* name, const std::optional<Tensor>& out_grad, const Tensor& y,
                           const std::source_location& at) {
  if (!out_grad) return {};
  if (out_grad->shape() != y.shape()) {
    fail<ShapeError>(at, "{}: out_grad is {}, the tensor {}", name, out_grad->type().to_string(),
                     y.type().to_string());
  }
  if (out_grad->dtype() != y.dtype()) {
    fail<DTypeError>(at, "{}: out_grad is {}, the tensor {}", name, out_grad->type().to_string(),
                     y.type().to_string());
  }
  return out_grad->record();
}

// The whole history of y, after checking what the caller of `name` gave.
Differentiation history_of(const char* name, const Tensor& y, const std::optional<Tensor>& out_grad,
                           const std::source_location& at) {
  require_differentiable(name, y, "the tensor", at);
  Differentiation history(name, y.record(), checked_out_grad(name, out_grad, y, at), {}, at);
  history.require_current();
  return history;
}

// The gradient with respect to one value in the middle of the history; zeros if there is none.
RecordRef gradient_at(const char* name, const RecordRef& y, const RecordRef& out_grad,
                      const RecordRef& x, const std::source_location& at) {
  const RecordRef found =
      Differentiation(name, y, out_grad, {&x, 1}, at).gradients({&x, 1}).front();
  return found ? found : zeros_like(Tensor(x), at).record();
}

void run_backward(const Tensor& y, const std::optional<Tensor>& out_grad,
                  const std::source_location& at) {
  Differentiation differentiation = history_of("backward", y, out_grad, at);
  std::vector<RecordRef> leaves;
  std::vector<std::shared_ptr<Variable>> held;
  for (RecordRef& record : differentiation.records()) {
    std::shared_ptr<Variable> variable;
    {
      const std::lock_guard lock(record_mutex());
      variable = record->variable.lock();
    }
    if (variable == nullptr) continue;
    if (!TraceScope::allow_change(variable)) {
      fail<TraceError>(
          at,
          "backward: a function that is being traced cannot leave gradients on tensors "
          "from outside it; return those of gradients()");
    }
    if (record->is_leaf()) {
      leaves.push_back(std::move(record));
      held.push_back(std::move(variable));
    } else {
      variable->grad = {};
      variable->differentiated = y.record();
      variable->out_grad = differentiation.out_grad();
    }
  }
  const std::vector<RecordRef> gradients = differentiation.gradients(leaves);
  for (std::size_t i = 0; i < held.size(); ++i) {
    // What the result was computed from, but does not depend on, has a gradient as well: 0.
    held[i]->grad = gradients[i] ? gradients[i] : zeros_like(Tensor(leaves[i]), at).record();
  }
}

}  // namespace

std::vector<Tensor> gradients(const Tensor& y, std::span<const Tensor> xs,
                              const std::optional<Tensor>& out_grad,
                              const std::source_location& at) {
  constexpr const char* kName = "gradients";
  Differentiation differentiation = history_of(kName, y, out_grad, at);
  std::vector<RecordRef> records;
  for (const Tensor& x : xs) {
    require_differentiable(kName, x, "an x", at);
    records.push_back(x.record());
  }
  const std::vector<RecordRef> of_leaves = differentiation.gradients(records);
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    if (!records[i]->is_leaf()) {
      result.emplace_back(
          gradient_at(kName, y.record(), differentiation.out_grad(), records[i], at));
    } else {
      result.push_back(of_leaves[i] ? Tensor(of_leaves[i]) : zeros_like(xs[i], at));
    }
  }
  return result;
}

Tensor gradient(const Tensor& y, const Tensor& x, const std::optional<Tensor>& out_grad,
                const std::source_location& at) {
  return gradients(y, std::span(&x, 1), out_grad, at).front();
}

void Tensor::backward(const std::source_location& at) const {
  run_backward(*this, std::nullopt, at);
}

void Tensor::backward(const Tensor& out_grad, const std::source_location& at) const {
  run_backward(*this, out_grad, at);
}

Tensor Tensor::grad(const std::source_location& at) const {
  if (!has_grad()) {
    fail(at, "grad: no backward() has come to this tensor ({}){}", type().to_string(),
         requires_grad() ? "" : ", which requires no gradient");
  }
  const RecordRef& left = variable_->grad ? variable_->grad : variable_->differentiated;
  if (left->trace < current_trace()) {
    fail<TraceError>(at,
                     "grad: backward() came here before the function that is being traced; call it "
                     "inside");
  }
  if (!variable_->grad) {
    variable_->grad = gradient_at("grad", std::exchange(variable_->differentiated, {}),
                                  std::exchange(variable_->out_grad, {}), record(), at);
  }
  return Tensor(variable_->grad);
}

void Tensor::reset_grad(const std::source_location& at) {
  if (!TraceScope::allow_change(variable_)) {
    fail<TraceError>(
        at, "reset_grad: a function that is being traced cannot change a tensor from outside it");
  }
  variable_->grad = {};
  variable_->differentiated = {};
  variable_->out_grad = {};
}

}  // namespace ndl
