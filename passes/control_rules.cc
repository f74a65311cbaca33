// Canonicalize rules of control flow: what runs for certain, or never.
#include <vector>

#include "ir/inline_graph.h"
#include "passes/structural_rules.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Attributes;
using ir::Builder;
using ir::Graph;
using ir::Op;
using ir::Shape;
using ir::Value;
using Result = std::optional<Value>;

std::vector<Value> operands_of(const Graph& graph, Value value) {
  return {graph.operands(value).begin(), graph.operands(value).end()};
}

// The tensors as what stands for `value`, which may be a tuple.
Value in_place_of(Builder& b, Value value, const std::vector<Value>& tensors) {
  const ir::Type type = b.type(value);
  return ir::packed(b, type, tensors);
}

Result cond_of_constant(Builder& b, Value value) {
  std::vector<Value> operands = operands_of(b.graph(), value);
  if (b.graph().op(operands[0]) != Op::kConstant) return std::nullopt;
  const bool pred = b.graph().attributes(operands[0]).literal(Attr::kValue).at<bool>(0);
  const ir::Region region = b.graph().attributes(value).region(pred ? Attr::kThen : Attr::kElse);
  operands.erase(operands.begin());
  return in_place_of(b, value, ir::inline_graph(b, *region, operands));
}

Result while_of_no_steps(Builder& b, Value value) {
  if (b.graph().attributes(value).integer(Attr::kLimit) != 0) return std::nullopt;
  std::vector<Value> state = operands_of(b.graph(), value);
  state.resize(b.type(value).elements().size());
  return in_place_of(b, value, state);
}

Result scan_of_one_step(Builder& b, Value value) {
  const Attributes attributes = b.graph().attributes(value);
  if (attributes.integer(Attr::kLength) != 1) return std::nullopt;
  const ir::Region body = attributes.region(Attr::kBody);
  const auto carried = static_cast<std::size_t>(attributes.integer(Attr::kCarried));
  const auto scanned = static_cast<std::size_t>(attributes.integer(Attr::kScanned));
  std::vector<Value> arguments = operands_of(b.graph(), value);
  for (std::size_t i = carried; i < carried + scanned; ++i) {
    arguments[i] = b.reshape(arguments[i], body->type(body->parameter(i)).shape());
  }
  std::vector<Value> results = ir::inline_graph(b, *body, arguments);
  const std::vector<ir::TensorType> types = b.type(value).elements();
  for (std::size_t k = carried; k < results.size(); ++k) {
    results[k] = b.reshape(results[k], types[k].shape);
  }
  return in_place_of(b, value, results);
}

}  // namespace

std::vector<Rule> control_rules() {
  return {
      function_rule("cond-constant", {Op::kCond}, cond_of_constant,
                    "a cond of a constant is the region that it chooses",
                    "%0 = constant(true) : bool[]\n"
                    "%1 = cond(%0, %x) : f32[3] then(%y: f32[3]) { return %y } "
                    "else(%y: f32[3]) { return %y }\n"
                    "%2 = reverse(%1, axes=[0]) : f32[3]",
                    "%0 = is_nan(%x) : bool[3]\n"
                    "%1 = reduce(%0, kind=or, axes=[0]) : bool[]\n"
                    "%2 = cond(%1, %x) : f32[3] then(%y: f32[3]) { return %y } else(%y: f32[3]) { "
                    "%0 = neg(%y) : f32[3] return %0 }"),
      function_rule("while-never", {Op::kWhile}, while_of_no_steps,
                    "a while of no steps is its state",
                    "%0 = while(%x, limit=0) : f32[3] "
                    "condition(%y: f32[3]) { %0 = constant(true) : bool[] return %0 } "
                    "body(%y: f32[3]) { return %y }\n"
                    "%1 = reverse(%0, axes=[0]) : f32[3]",
                    "%0 = while(%x, limit=2) : f32[3] condition(%y: f32[3]) { %0 = constant(true) "
                    ": bool[] return %0 } body(%y: f32[3]) { %0 = neg(%y) : f32[3] return %0 }"),
      function_rule("scan-once", {Op::kScan}, scan_of_one_step, "a scan of one step is its body",
                    "%0 = reshape(%x) : f32[1,3]\n"
                    "%1 = scan(%0, length=1, scanned=1) : f32[1,3] "
                    "body(%y: f32[3]) { return %y }\n"
                    "%2 = reverse(%1, axes=[1]) : f32[1,3]",
                    "%0 = scan(%x, length=3, scanned=1) : f32[3] body(%y: f32[]) { %0 = neg(%y) : "
                    "f32[] return %0 }"),
  };
}

}  // namespace ndl::passes
