#include "tests/passes/equation_graphs.h"

#include <algorithm>

#include "base/error.h"
#include "base/hash.h"
#include "ir/builder.h"
#include "tests/same_results.h"

namespace ndl::test {
namespace {

using ir::ElementwiseKind;
using passes::Pattern;

constexpr std::int64_t kElements = 512;

bool is_to_bool(ElementwiseKind kind) {
  return kind == ElementwiseKind::kCompare || kind == ElementwiseKind::kPredicate;
}

bool compares(const Pattern& pattern) {
  return pattern.kind() == Pattern::Kind::kOp &&
         (is_to_bool(ir::op_def(pattern.op()).kind) ||
          std::ranges::any_of(pattern.operands(), compares));
}

ir::Literal random_splat(DType dtype, std::uint64_t seed) {
  const ir::Literal one = random_literal({dtype, {1}}, mix_bits(seed));
  return visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
    return ir::Literal::splat(ir::TensorType{dtype, {kElements}}, one.at<T>(0));
  });
}

}  // namespace

EquationGraphs::EquationGraphs(const Pattern& left, DType dtype, std::uint64_t seed)
    : result_(compares(left) ? DType::kBool : dtype), seed_(seed) {
  visit(left, dtype, dtype);
}

void EquationGraphs::visit(const Pattern& pattern, DType wanted, DType inner) {
  switch (pattern.kind()) {
    case Pattern::Kind::kLiteral:
    case Pattern::Kind::kAllOnes:
      return;
    case Pattern::Kind::kVariable:
    case Pattern::Kind::kConstant: {
      auto& bound = variables_[static_cast<std::size_t>(pattern.index())];
      NDL_CHECK(!bound || bound->dtype == wanted, "{} has two types", pattern.to_string());
      bound = Variable{wanted, pattern.kind() == Pattern::Kind::kConstant};
      return;
    }
    case Pattern::Kind::kOp: {
      const ElementwiseKind kind = ir::op_def(pattern.op()).kind;
      for (std::size_t i = 0; i < pattern.operands().size(); ++i) {
        const bool is_mask = kind == ElementwiseKind::kSelect && i == 0;
        const DType operand = is_mask ? DType::kBool : is_to_bool(kind) ? inner : wanted;
        visit(pattern.operands()[i], operand, inner);
      }
    }
  }
}

ir::Graph EquationGraphs::of(const Pattern& side) const {
  ir::Graph graph;
  ir::Builder builder(graph);
  passes::Bindings bindings;
  for (const bool is_constant : {false, true}) {
    for (std::size_t i = 0; i < variables_.size(); ++i) {
      if (!variables_[i] || variables_[i]->is_constant != is_constant) continue;
      const DType dtype = variables_[i]->dtype;
      bindings[i] = is_constant ? builder.constant(random_splat(dtype, seed_ + i))
                                : builder.parameter(ir::TensorType{dtype, {kElements}});
    }
  }
  builder.set_result(passes::instantiate(side, builder, bindings, {result_, {kElements}}));
  return graph;
}

}  // namespace ndl::test
