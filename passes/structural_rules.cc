#include "passes/structural_rules.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "base/checked.h"
#include "ir/math/convert.h"
#include "passes/rule_helpers.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Attributes;
using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::Literal;
using ir::Op;
using ir::Shape;
using ir::TensorType;
using ir::Value;
using Result = std::optional<Value>;

const Literal* constant_of(const Graph& graph, Value value) {
  return graph.op(value) == Op::kConstant ? &graph.attributes(value).literal(Attr::kValue)
                                          : nullptr;
}

// The op that takes its two operands the other way round: itself, if it commutes.
std::optional<Op> mirrored(Op op) {
  switch (op) {
    case Op::kLt:
      return Op::kGt;
    case Op::kGt:
      return Op::kLt;
    case Op::kLe:
      return Op::kGe;
    case Op::kGe:
      return Op::kLe;
    default:
      break;
  }
  return ir::is_commutative(op) ? std::optional(op) : std::nullopt;
}

std::vector<Op> ops_with_a_mirror() {
  std::vector<Op> ops;
  for (const ir::OpDef& def : ir::all_ops()) {
    if (mirrored(def.op)) ops.push_back(def.op);
  }
  return ops;
}

Result constant_last(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const Value first = graph.operand(value, 0);
  const Value second = graph.operand(value, 1);
  if (graph.op(first) != Op::kConstant || graph.op(second) == Op::kConstant) return std::nullopt;
  return b.add_node(*mirrored(graph.op(value)), {second, first});
}

// x / c = x * (1 / c) where c is a power of two, so that both sides round the same real number.
Result divide_by_power_of_two(Builder& b, Value value) {
  const Value divisor = b.graph().operand(value, 1);
  const Literal* literal = constant_of(b.graph(), divisor);
  if (literal == nullptr || !literal->is_splat() || !is_float(literal->dtype())) {
    return std::nullopt;
  }
  const double c = literal->as_double(0);
  int exponent = 0;
  if (!std::isfinite(c) || std::fabs(std::frexp(c, &exponent)) != 0.5) return std::nullopt;
  const Literal reciprocal = Literal::filled(literal->type(), 1 / c);
  if (reciprocal.as_double(0) != 1 / c || c == 1 || c == -1) return std::nullopt;
  return b.mul(b.graph().operand(value, 0), b.constant(reciprocal));
}

Result same_type(Builder& b, Value value) {
  const Value x = b.graph().operand(value, 0);
  if (b.type(x) != b.type(value)) return std::nullopt;
  return x;
}

// Whether every value of `from` is a value of `to`, so that converting loses nothing.
bool converts_exactly(DType from, DType to) {
  if (from == to || from == DType::kBool) return true;
  if (to == DType::kBool) return false;
  if (is_integer(from)) {
    const bool keeps_sign = from == DType::kU8 || to != DType::kU8;
    return keeps_sign && precision_of(from) <= precision_of(to);
  }
  if (!is_float(to)) return false;
  const bool wider_exponent = to == DType::kF32 || to == DType::kF64;
  return wider_exponent && precision_of(from) <= precision_of(to);
}

// convert(convert(x)) = convert(x) when the inner conversion loses nothing. Out of range, int to
// int wraps but float to int saturates, so a way through a float is not taken out there.
Result convert_convert(Builder& b, Value value) {
  const Result x = inner_of_same_op(b.graph(), value);
  if (!x) return std::nullopt;
  const DType from = b.type(*x).dtype();
  const DType through = b.type(b.graph().operand(value, 0)).dtype();
  const DType to = b.type(value).dtype();
  const bool saturates = is_integer(from) && is_float(through) && is_integer(to);
  if (!converts_exactly(from, through) || (saturates && !converts_exactly(from, to))) {
    return std::nullopt;
  }
  return b.convert(*x, to);
}

// By way of integers. On the way through a float, what would be a NaN loses its bits.
Result bitcast_bitcast(Builder& b, Value value) {
  const Result x = inner_of_same_op(b.graph(), value);
  if (!x || is_float(b.type(b.graph().operand(value, 0)).dtype())) return std::nullopt;
  return b.bitcast(*x, b.type(value).dtype());
}

Result element_of_make_tuple(Builder& b, Value value) {
  const Value tuple = b.graph().operand(value, 0);
  if (b.graph().op(tuple) != Op::kMakeTuple) return std::nullopt;
  const std::int64_t index = b.graph().attributes(value).integer(Attr::kIndex);
  return b.graph().operand(tuple, static_cast<std::size_t>(index));
}

Result make_tuple_of_elements(Builder& b, Value value) {
  const Graph& graph = b.graph();
  const std::span<const Value> elements = graph.operands(value);
  if (elements.empty() || graph.op(elements[0]) != Op::kGetTupleElement) return std::nullopt;
  const Value tuple = graph.operand(elements[0], 0);
  if (graph.type(tuple) != graph.type(value)) return std::nullopt;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const bool in_place =
        graph.op(elements[i]) == Op::kGetTupleElement && graph.operand(elements[i], 0) == tuple &&
        graph.attributes(elements[i]).integer(Attr::kIndex) == static_cast<std::int64_t>(i);
    if (!in_place) return std::nullopt;
  }
  return tuple;
}

}  // namespace

std::vector<Rule> structural_rules() {
  std::vector<Rule> rules = {
      function_rule("constant-last", ops_with_a_mirror(), constant_last,
                    "a constant is the second operand of a commutative op or of a comparison",
                    "%0 = constant(2) : f32[3]\n%1 = lt(%0, %x) : bool[3]",
                    "%0 = constant(2) : f32[3]\n"
                    "%1 = sub(%0, %x) : f32[3]"),
      function_rule("div-power-of-two", {Op::kDiv}, divide_by_power_of_two,
                    "x / c = x * (1 / c) for a power of two c whose reciprocal is a value",
                    "%0 = constant(8) : f32[3]\n%1 = div(%x, %0) : f32[3]",
                    "%0 = constant(3) : f32[3]\n"
                    "%1 = div(%x, %0) : f32[3]"),
      function_rule("move-nothing",
                    {Op::kReshape, Op::kBroadcast, Op::kConvert, Op::kBitcast, Op::kSlice},
                    same_type, "an op that keeps the type is its operand",
                    "%0 = reshape(%x) : f32[3]", "%0 = reshape(%x) : f32[3,1]"),
      function_rule("convert-convert", {Op::kConvert}, convert_convert,
                    "convert(convert(x)) = convert(x) when the inner one loses nothing",
                    "%0 = convert(%x) : f64[3]\n%1 = convert(%0) : f16[3]",
                    "%0 = convert(%x) : f16[3]\n"
                    "%1 = convert(%0) : f64[3]"),
      function_rule("bitcast-bitcast", {Op::kBitcast}, bitcast_bitcast,
                    "bitcast(bitcast(x)) = bitcast(x) by way of integers",
                    "%0 = bitcast(%x) : i32[3]\n%1 = bitcast(%0) : f32[3]",
                    "%0 = convert(%x) : i32[3]\n"
                    "%1 = bitcast(%0) : f32[3]\n"
                    "%2 = bitcast(%1) : i32[3]"),
      function_rule("element-of-make-tuple", {Op::kGetTupleElement}, element_of_make_tuple,
                    "get_tuple_element(make_tuple(..., x, ...)) = x",
                    "%0 = make_tuple(%x, %x) : (f32[3], f32[3])\n"
                    "%1 = get_tuple_element(%0, index=1) : f32[3]",
                    "%0 = fused_add_scalars(%x, scalars=[1, 2]) : (f32[3], f32[3])\n"
                    "%1 = get_tuple_element(%0, index=1) : f32[3]"),
      function_rule("make-tuple-of-elements", {Op::kMakeTuple}, make_tuple_of_elements,
                    "make_tuple of all elements of a tuple is that tuple",
                    "%0 = fused_add_scalars(%x, scalars=[1, 2]) : (f32[3], f32[3])\n"
                    "%1 = get_tuple_element(%0, index=0) : f32[3]\n"
                    "%2 = get_tuple_element(%0, index=1) : f32[3]\n"
                    "%3 = make_tuple(%1, %2) : (f32[3], f32[3])",
                    "%0 = fused_add_scalars(%x, scalars=[1, 2]) : (f32[3], f32[3])\n"
                    "%1 = get_tuple_element(%0, index=0) : f32[3]\n"
                    "%2 = get_tuple_element(%0, index=1) : f32[3]\n"
                    "%3 = make_tuple(%2, %1) : (f32[3], f32[3])"),
  };
  for (const auto more : {move_rules, part_rules, control_rules}) {
    for (Rule& rule : more()) rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace ndl::passes
