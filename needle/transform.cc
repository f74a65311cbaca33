#include "needle/transform.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "ir/builder.h"
#include "needle/creation.h"
#include "needle/elementwise.h"
#include "needle/raise.h"
#include "needle/shaping.h"
#include "passes/inline_graph.h"
#include "passes/jvp.h"
#include "passes/stabilize.h"
#include "passes/vjp.h"

namespace ndl::internal {
namespace {

bool is_float_tensor(const Tensor& x) { return is_float(x.dtype()); }

void require_floats(const Tensor& x, const char* what) {
  if (is_float_tensor(x)) return;
  throw_error<DTypeError>("{}: {} has no derivative", what, x.type().to_string());
}

void require_type(const Tensor& x, const Tensor& like, const char* what) {
  if (x.type() == like.type()) return;
  throw_error<ShapeError>("{} is {} where {} is wanted", what, x.type().to_string(),
                          like.type().to_string());
}

// The records of a graph's parameters.
std::vector<RecordRef> records_of(std::span<const Tensor> first, std::span<const Tensor> then) {
  std::vector<RecordRef> records;
  for (const Tensor& x : first) records.push_back(x.record());
  for (const Tensor& x : then) records.push_back(x.record());
  return records;
}

}  // namespace

Tensor TracedCall::value() const {
  const ir::Value root = trace_.graph.result();
  return Tensor(raise(trace_.graph, {&root, 1}, records_of(arguments_, trace_.captured)).front());
}

std::vector<Tensor> TracedCall::pull_back(const Tensor& cotangent) const {
  require_type(cotangent, value(), "vjp: the gradient that comes in");
  passes::Rewritten stable = passes::stabilize_traced(trace_.graph);
  ir::Builder b(stable.graph, ir::BuilderMode::kSimplifying);
  // A stand-in, because parameters come first.
  const ir::Value result = stable.graph.result();
  const ir::Value incoming = b.add_node(ir::Op::kMakeTuple, {result});
  const ir::Value seed_value = b.get_tuple_element(incoming, 0);
  std::vector<ir::Value> wrt;
  for (std::uint32_t i = 0; i < arguments_.size(); ++i) {
    if (is_float_tensor(arguments_[i])) wrt.push_back({i});
  }
  const passes::Seed seed{result, seed_value};
  const auto gradients = passes::add_gradients(b, {&seed, 1}, wrt);
  std::vector<ir::Value> roots;
  for (const auto& gradient : gradients) {
    if (gradient) roots.push_back(*gradient);
  }
  std::vector<RecordRef> known = records_of(arguments_, trace_.captured);
  known.resize(stable.graph.size());
  known[seed_value.id] = cotangent.record();
  const std::vector<RecordRef> raised = raise(stable.graph, roots, std::move(known));
  std::vector<Tensor> found;
  std::size_t next_wrt = 0;
  std::size_t next = 0;
  for (const Tensor& argument : arguments_) {
    const bool has_gradient = is_float_tensor(argument) && gradients[next_wrt++].has_value();
    found.push_back(has_gradient ? Tensor(raised[next++]) : zeros_like(argument));
  }
  return found;
}

std::pair<Tensor, Tensor> TracedCall::value_and_slope() const {
  NDL_CHECK(!arguments_.empty(), "grad of a function without arguments");
  require_floats(arguments_.front(), "grad");
  Tensor y = value();
  require_floats(y, "grad");
  if (y.size() != 1) {
    throw_error<ShapeError>("grad: the function returns {}, not one element; see jacobian",
                            y.type().to_string());
  }
  return {y, pull_back(ones_like(y)).front()};
}

std::pair<Tensor, Tensor> TracedCall::push_forward(std::span<const Tensor> tangents) const {
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    require_floats(arguments_[i], "jvp");
    require_type(tangents[i], arguments_[i], "jvp: the tangent of an argument");
  }
  const ir::Graph forward = passes::jvp(passes::stabilize_traced(trace_.graph).graph);
  // Its parameters: arguments, captured tensors, and a tangent for each that has floats.
  std::vector<RecordRef> known = records_of(arguments_, trace_.captured);
  for (const Tensor& tangent : tangents) known.push_back(tangent.record());
  for (const Tensor& captured : trace_.captured) {
    if (is_float_tensor(captured)) known.push_back(zeros_like(captured).record());
  }
  const std::span<const ir::Value> results = forward.operands(forward.result());
  const std::vector<RecordRef> raised = raise(forward, results, std::move(known));
  return {Tensor(raised[0]), Tensor(raised[1])};
}

Tensor TracedCall::jacobian() const {
  require_floats(arguments_.front(), "jacobian");
  const Tensor y = value();
  require_floats(y, "jacobian");
  std::vector<Tensor> rows;
  for (std::int64_t i = 0; i < y.size(); ++i) {
    const Tensor row = astype(eq(arange(y.size()), i), y.dtype());
    rows.push_back(pull_back(reshape(row, y.shape().dims())).front());
  }
  ir::Dims dims = y.shape().dims();
  const ir::Dims& inner = arguments_.front().shape().dims();
  dims.insert(dims.end(), inner.begin(), inner.end());
  if (rows.empty()) {
    return zeros(ir::Shape(dims), {.dtype = arguments_.front().dtype(), .requires_grad = false});
  }
  return reshape(stack(rows), dims);
}

}  // namespace ndl::internal
