#include "needle/transform.h"

#include <algorithm>

#include "base/error.h"
#include "needle/creation.h"
#include "needle/elementwise.h"
#include "needle/raise.h"
#include "needle/shaping.h"
#include "passes/derivative_parameters.h"
#include "passes/jvp.h"
#include "passes/stabilize.h"
#include "passes/vjp.h"
#include "passes/vmap.h"

namespace ndl::internal {
namespace {

bool has_floats(const Tensor& x) { return passes::is_float_tensor(x.type()); }

void require_type(const Tensor& x, const ir::Type& wanted, const char* what) {
  if (x.type() == wanted) return;
  throw_error<ShapeError>("{} is {} where {} is wanted", what, x.type().to_string(),
                          wanted.to_string());
}

}  // namespace

TracedCall::TracedCall(const Trace& trace, std::vector<Tensor> arguments)
    : graph_(passes::stabilize_traced(trace.graph).graph), arguments_(std::move(arguments)) {
  for (const Tensor& x : arguments_) known_.push_back(x.record());
  for (const Tensor& x : trace.captured) known_.push_back(x.record());
}

void TracedCall::require_floats(const char* name) const {
  NDL_CHECK(!arguments_.empty(), "{} of a function without arguments", name);
  for (const ir::Type* type : {&arguments_.front().type(), &graph_.result_type()}) {
    if (passes::is_float_tensor(*type)) continue;
    throw_error<DTypeError>("{}: {} has no derivative", name, type->to_string());
  }
}

Tensor TracedCall::value() const {
  const ir::Value root = graph_.result();
  return Tensor(raise(graph_, {&root, 1}, known_).front());
}

std::vector<Tensor> TracedCall::pull_back(const Tensor& cotangent) const {
  require_type(cotangent, graph_.result_type(), "vjp: the gradient that comes in");
  if (!passes::is_float_tensor(graph_.result_type())) {
    // Nothing depends smoothly on integers.
    std::vector<Tensor> zeros;
    for (const Tensor& argument : arguments_) zeros.push_back(zeros_like(argument));
    return zeros;
  }
  // Its results: the value, and a gradient for each argument and captured tensor that has floats.
  const ir::Graph backward = passes::vjp(graph_);
  std::vector<RecordRef> known = known_;
  known.push_back(cotangent.record());
  const auto count = std::ranges::count_if(arguments_, has_floats);
  const auto gradients =
      backward.operands(backward.result()).subspan(1, static_cast<std::size_t>(count));
  const std::vector<RecordRef> raised = raise(backward, gradients, std::move(known));
  std::vector<Tensor> found;
  std::size_t next = 0;
  for (const Tensor& argument : arguments_) {
    found.push_back(has_floats(argument) ? Tensor(raised[next++]) : zeros_like(argument));
  }
  return found;
}

std::pair<Tensor, Tensor> TracedCall::value_and_slope() const {
  require_floats("grad");
  Tensor y = value();
  if (y.size() != 1) {
    throw_error<ShapeError>("grad: the function returns {}, not one element; see jacobian",
                            y.type().to_string());
  }
  Tensor slope = pull_back(ones_like(y)).front();
  return {std::move(y), std::move(slope)};
}

std::pair<Tensor, Tensor> TracedCall::push_forward(std::span<const Tensor> tangents) const {
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (!has_floats(arguments_[i])) {
      throw_error<DTypeError>("jvp: {} has no derivative", arguments_[i].type().to_string());
    }
    require_type(tangents[i], arguments_[i].type(), "jvp: the tangent of an argument");
  }
  require_floats("jvp");
  // Its parameters: arguments, captured tensors, and a tangent for each that has floats.
  const ir::Graph forward = passes::jvp(graph_);
  std::vector<RecordRef> known = known_;
  for (const Tensor& tangent : tangents) known.push_back(tangent.record());
  for (std::size_t i = arguments_.size(); i < known_.size(); ++i) {
    const Tensor captured(known_[i]);
    if (has_floats(captured)) known.push_back(zeros_like(captured).record());
  }
  const std::span<const ir::Value> results = forward.operands(forward.result());
  const std::vector<RecordRef> raised = raise(forward, results, std::move(known));
  return {Tensor(raised[0]), Tensor(raised[1])};
}

Tensor TracedCall::jacobian() const {
  require_floats("jacobian");
  const ir::TensorType& y = graph_.result_type().tensor();
  const std::int64_t size = y.shape.num_elements();
  // One pull back for each element of y, all at a time.
  const ir::Graph backward = passes::vjp(graph_);
  std::vector<bool> is_mapped(backward.num_parameters(), false);
  is_mapped.back() = true;
  const ir::Graph all = passes::vmap(backward, size, is_mapped);
  ir::Dims rows = y.shape.dims();
  rows.insert(rows.begin(), size);
  std::vector<RecordRef> known = known_;
  const Tensor place = arange(size);
  const Tensor identity = astype(eq(reshape(place, {size, 1}), place), y.dtype);
  known.push_back(reshape(identity, rows).record());
  const ir::Value gradient = all.operand(all.result(), 1);
  ir::Dims dims = y.shape.dims();
  const ir::Shape& x = arguments_.front().shape();
  dims.insert(dims.end(), x.begin(), x.end());
  return reshape(Tensor(raise(all, {&gradient, 1}, std::move(known)).front()), dims);
}

Tensor row_like(const Tensor& x) {
  const ir::Dims& dims = x.shape().dims();
  if (dims.empty()) {
    throw_error<ShapeError>("vmap: {} has no axis 0 of examples", x.type().to_string());
  }
  const ir::TensorType row{x.dtype(), ir::Shape(ir::Dims(dims.begin() + 1, dims.end()))};
  return Tensor(make_leaf(row, {}, x.requires_grad()));
}

Value mapped_call(const Trace& trace, const std::vector<Tensor>& arguments) {
  const std::int64_t size = arguments.front().shape()[0];
  std::vector<RecordRef> known;
  for (const Tensor& x : arguments) {
    if (x.shape()[0] != size) {
      throw_error<ShapeError>("vmap: {} has {} examples along axis 0, and {} has {}",
                              arguments.front().type().to_string(), size, x.type().to_string(),
                              x.shape()[0]);
    }
    known.push_back(x.record());
  }
  for (const Tensor& x : trace.captured) known.push_back(x.record());
  std::vector<bool> is_mapped(known.size(), false);
  std::fill_n(is_mapped.begin(), arguments.size(), true);
  const ir::Graph graph = passes::vmap(trace.graph, size, is_mapped);
  const ir::Value result = graph.result();
  if (!graph.result_type().is_tuple()) {
    return Value(raise(graph, {&result, 1}, std::move(known)).front());
  }
  std::vector<Tensor> elements;
  for (const RecordRef& element : raise(graph, graph.operands(result), std::move(known))) {
    elements.emplace_back(element);
  }
  return ndl::make_tuple(elements);
}

}  // namespace ndl::internal
