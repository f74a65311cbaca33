#include "needle/autograd.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "ir/builder.h"
#include "needle/creation.h"
#include "needle/lower.h"
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

// The history of a tensor as a graph, its gradients beside it.
class Differentiation {
 public:
  Differentiation(const char* name, const Tensor& y, const std::optional<Tensor>& out_grad,
                  const std::source_location& at)
      : name_(name), at_(at) {
    require_differentiable(y, "the tensor");
    if (out_grad) require_type(*out_grad, y);
    const RecordRef roots[] = {y.record()};
    std::vector<RecordRef> parameters;
    if (out_grad) parameters.push_back(out_grad->record());
    Garbage garbage;
    const std::lock_guard lock(record_mutex());
    lowered_ = lower(roots, garbage,
                     {.parameters = parameters, .trace = current_trace(), .history = true});
    has_seed_ = out_grad.has_value();
    for (const RecordRef& record : lowered_.records) {
      if (record) require_current(*record);
    }
  }

  void require_differentiable(const Tensor& x, const char* what) const {
    if (!is_float(x.dtype())) {
      fail<DTypeError>(at_, "{}: {} is {}; gradients are for floats", name_, what,
                       x.type().to_string());
    }
    if (x.requires_grad()) return;
    fail(at_,
         "{}: {} ({}) requires no gradient: it was made with requires_grad = false, without "
         "history, or of such tensors alone",
         name_, what, x.type().to_string());
  }

  // The records that gradients can be asked for.
  std::vector<RecordRef> records() const {
    std::vector<RecordRef> result;
    for (const RecordRef& record : lowered_.records) {
      if (record && record->requires_grad && !record->type->is_tuple() &&
          is_float(record->type->dtype())) {
        result.push_back(record);
      }
    }
    return result;
  }

  // Their gradients with respect to y; empty where y does not depend on them. They are those of the
  // stable form of the history. What the stable form has lost, such as the exponentials of a
  // softmax, has the gradient that it has as written.
  std::vector<RecordRef> gradients(std::span<const RecordRef> wrt) {
    passes::Rewritten stable = passes::stabilize_traced(lowered_.graph);
    std::vector<RecordRef> known(stable.graph.size());
    for (std::size_t id = 0; id < lowered_.records.size(); ++id) {
      if (lowered_.records[id]) known[stable.values[id].id] = lowered_.records[id];
    }
    Form form{std::move(stable.graph), std::move(known), std::move(stable.values)};
    std::vector<RecordRef> result = gradients_in(std::move(form), wrt);
    if (std::ranges::all_of(result, [](const RecordRef& r) { return static_cast<bool>(r); })) {
      return result;
    }
    std::vector<RecordRef> lost(wrt.size());
    for (std::size_t i = 0; i < wrt.size(); ++i) {
      if (!result[i] && !wrt[i]->is_leaf()) lost[i] = wrt[i];
    }
    if (std::ranges::none_of(lost, [](const RecordRef& r) { return static_cast<bool>(r); })) {
      return result;
    }
    Form written{lowered_.graph, lowered_.records, {}};
    for (std::uint32_t id = 0; id < lowered_.graph.size(); ++id) written.values.push_back({id});
    const std::vector<RecordRef> found = gradients_in(std::move(written), lost);
    for (std::size_t i = 0; i < wrt.size(); ++i) {
      if (!result[i]) result[i] = found[i];
    }
    return result;
  }

 private:
  // The history in some form: which record each node is the value of, and which node each node of
  // the history as written has become.
  struct Form {
    ir::Graph graph;
    std::vector<RecordRef> known;
    std::vector<ir::Value> values;
  };

  std::vector<RecordRef> gradients_in(Form form, std::span<const RecordRef> wrt) const {
    std::unordered_map<const Record*, ir::Value> values;
    for (std::size_t id = 0; id < lowered_.records.size(); ++id) {
      if (lowered_.records[id]) values.emplace(lowered_.records[id].get(), form.values[id]);
    }
    std::vector<ir::Value> points;
    std::vector<std::size_t> positions;
    for (std::size_t i = 0; i < wrt.size(); ++i) {
      const auto known = values.find(wrt[i].get());
      if (known == values.end()) continue;
      points.push_back(known->second);
      positions.push_back(i);
    }
    ir::Builder b(form.graph, ir::BuilderMode::kSimplifying);
    const ir::Value y = form.graph.result();
    const passes::Seed seed{y, has_seed_ ? form.graph.parameter(0) : b.constant_like(y, 1)};
    const auto gradients = passes::add_gradients(b, {&seed, 1}, points);
    std::vector<ir::Value> roots;
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (!gradients[i]) continue;
      roots.push_back(*gradients[i]);
      found.push_back(positions[i]);
    }
    const std::vector<RecordRef> raised = raise(form.graph, roots, std::move(form.known));
    std::vector<RecordRef> result(wrt.size());
    for (std::size_t i = 0; i < found.size(); ++i) result[found[i]] = raised[i];
    return result;
  }

  void require_type(const Tensor& out_grad, const Tensor& y) const {
    if (out_grad.shape() != y.shape()) {
      fail<ShapeError>(at_, "{}: out_grad is {}, the tensor {}", name_, out_grad.type().to_string(),
                       y.type().to_string());
    }
    if (out_grad.dtype() != y.dtype()) {
      fail<DTypeError>(at_, "{}: out_grad is {}, the tensor {}", name_, out_grad.type().to_string(),
                       y.type().to_string());
    }
  }

  void require_current(const Record& record) const {
    if (!record.requires_grad) return;
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
  Lowered lowered_;
  bool has_seed_ = false;
};

void run_backward(const Tensor& y, const std::optional<Tensor>& out_grad,
                  const std::source_location& at) {
  Differentiation differentiation("backward", y, out_grad, at);
  std::vector<RecordRef> records;
  std::vector<std::shared_ptr<Variable>> held;
  for (RecordRef& record : differentiation.records()) {
    std::shared_ptr<Variable> variable;
    {
      const std::lock_guard lock(record_mutex());
      variable = record->variable.lock();
    }
    if (variable == nullptr) continue;
    records.push_back(std::move(record));
    held.push_back(std::move(variable));
  }
  const std::vector<RecordRef> gradients = differentiation.gradients(records);
  for (std::size_t i = 0; i < held.size(); ++i) {
    if (!TraceScope::allow_change(held[i])) {
      fail<TraceError>(
          at,
          "backward: a function that is being traced cannot leave gradients on tensors "
          "from outside it; return those of gradients()");
    }
    // What the result was computed from, but does not depend on, has a gradient as well: 0.
    held[i]->grad = gradients[i] ? gradients[i] : zeros_like(Tensor(records[i]), at).record();
  }
}

}  // namespace

std::vector<Tensor> gradients(const Tensor& y, std::span<const Tensor> xs,
                              const std::optional<Tensor>& out_grad,
                              const std::source_location& at) {
  Differentiation differentiation("gradients", y, out_grad, at);
  std::vector<RecordRef> records;
  for (const Tensor& x : xs) {
    differentiation.require_differentiable(x, "an x");
    records.push_back(x.record());
  }
  const std::vector<RecordRef> found = differentiation.gradients(records);
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    result.push_back(found[i] ? Tensor(found[i]) : zeros_like(xs[i]));
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
  if (variable_->grad->trace < current_trace()) {
    fail<TraceError>(at,
                     "grad: backward() came here before the function that is being traced; call it "
                     "inside");
  }
  return Tensor(variable_->grad);
}

}  // namespace ndl
