#include "passes/pattern.h"

#include <fmt/format.h>

#include <cstring>

#include "base/number.h"

namespace ndl::passes {
namespace {

using ir::Attr;
using ir::Graph;
using ir::Literal;
using ir::Op;
using ir::TensorType;
using ir::Value;

constexpr std::array<std::string_view, kMaxVariables> kVariableNames = {"x", "y", "z", "c", "d"};

const Literal* splat_constant(const Graph& graph, Value value) {
  if (graph.op(value) != Op::kConstant) return nullptr;
  const Literal& literal = graph.attributes(value).literal(Attr::kValue);
  return literal.is_splat() ? &literal : nullptr;
}

bool same_element(const Literal& a, const Literal& b) {
  return std::memcmp(a.bytes(), b.bytes(), size_of(a.dtype())) == 0;
}

// true, or the integer with every bit set.
Literal all_ones(const TensorType& type) {
  return visit_dtype(type.dtype, [&]<class T>(std::type_identity<T>) -> Literal {
    if constexpr (std::is_same_v<T, bool>) {
      return Literal::splat(type, true);
    } else if constexpr (std::is_integral_v<T>) {
      return Literal::splat(type, static_cast<T>(~T(0)));
    } else {
      internal_error(__FILE__, __LINE__, "a rule with ~0 is for integers and bool", "");
    }
  });
}

}  // namespace

Pattern Pattern::op(ir::Op op, std::vector<Pattern> operands) {
  return Pattern(Node{Kind::kOp, 0, 0, op, std::move(operands)});
}

std::string Pattern::to_string() const {
  switch (kind()) {
    case Kind::kVariable:
    case Kind::kConstant:
      return std::string(kVariableNames[static_cast<std::size_t>(index())]);
    case Kind::kLiteral:
      return to_text(value());
    case Kind::kAllOnes:
      return "~0";
    case Kind::kOp:
      break;
  }
  std::string text = fmt::format("{}(", name_of(op()));
  for (std::size_t i = 0; i < operands().size(); ++i) {
    if (i > 0) text += ", ";
    text += operands()[i].to_string();
  }
  return text + ")";
}

bool match(const Pattern& pattern, const Graph& graph, Value value, Bindings& bindings) {
  switch (pattern.kind()) {
    case Pattern::Kind::kConstant:
      if (splat_constant(graph, value) == nullptr) return false;
      [[fallthrough]];
    case Pattern::Kind::kVariable: {
      auto& bound = bindings[static_cast<std::size_t>(pattern.index())];
      if (bound) return *bound == value;
      bound = value;
      return true;
    }
    case Pattern::Kind::kLiteral: {
      const Literal* literal = splat_constant(graph, value);
      return literal != nullptr &&
             same_element(*literal, Literal::filled(literal->type(), pattern.value()));
    }
    case Pattern::Kind::kAllOnes: {
      const Literal* literal = splat_constant(graph, value);
      return literal != nullptr && kBitwise.contains(literal->dtype()) &&
             same_element(*literal, all_ones(literal->type()));
    }
    case Pattern::Kind::kOp:
      break;
  }
  if (graph.op(value) != pattern.op()) return false;
  const auto match_in_order = [&](std::size_t first, std::size_t second) {
    Bindings trial = bindings;
    for (std::size_t i = 0; i < pattern.operands().size(); ++i) {
      const std::size_t operand = i == 0 ? first : i == 1 ? second : i;
      if (!match(pattern.operands()[i], graph, graph.operand(value, operand), trial)) return false;
    }
    bindings = trial;
    return true;
  };
  return match_in_order(0, 1) || (ir::is_commutative(pattern.op()) && match_in_order(1, 0));
}

Value instantiate(const Pattern& pattern, ir::Builder& builder, const Bindings& bindings,
                  const TensorType& like) {
  switch (pattern.kind()) {
    case Pattern::Kind::kVariable:
    case Pattern::Kind::kConstant: {
      const auto& bound = bindings[static_cast<std::size_t>(pattern.index())];
      NDL_CHECK(bound.has_value(), "{} is on the right side of a rule only", pattern.to_string());
      return *bound;
    }
    case Pattern::Kind::kLiteral:
      return builder.constant(like, pattern.value());
    case Pattern::Kind::kAllOnes:
      return builder.constant(all_ones(like));
    case Pattern::Kind::kOp:
      break;
  }
  // A literal gets the type of what it stands beside; a mask is bool.
  const auto is_literal = [](const Pattern& p) {
    return p.kind() == Pattern::Kind::kLiteral || p.kind() == Pattern::Kind::kAllOnes;
  };
  const bool mask_first = ir::op_def(pattern.op()).kind == ir::ElementwiseKind::kSelect;
  std::vector<Value> operands(pattern.operands().size());
  TensorType beside = like;
  for (const bool literals : {false, true}) {
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const Pattern& operand = pattern.operands()[i];
      if (is_literal(operand) != literals) continue;
      const bool is_mask = mask_first && i == 0;
      const TensorType mask{DType::kBool, beside.shape};
      operands[i] = instantiate(operand, builder, bindings, is_mask ? mask : beside);
      if (!is_mask) beside = builder.type(operands[i]).tensor();
    }
  }
  return builder.add_node(pattern.op(), operands);
}

}  // namespace ndl::passes
