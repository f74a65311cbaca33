#include "ir/op.h"

#include <array>
#include <unordered_map>

#include "base/text.h"
#include "ir/attributes.h"
#include "ir/builder.h"
#include "ir/evaluate.h"
#include "ir/infer.h"

namespace ndl::ir {

// The functions the rows name, declared from the rows.
Type infer_elementwise(Inference&);
std::vector<Literal> evaluate_elementwise(const Evaluation&);
#define NDL_GRAPH_OP(enumerator, name, ...) Type infer_##name(Inference&);
#define NDL_STRUCTURAL(enumerator, name, ...) \
  Type infer_##name(Inference&);              \
  std::vector<Literal> evaluate_##name(const Evaluation&);
#define NDL_COMPOSED(enumerator, name, ...) \
  Type infer_##name(Inference&);            \
  Value expand_##name(Builder&, std::span<const Value>, const Attributes&);
#include "ir/structural.def"
#undef NDL_GRAPH_OP
#undef NDL_STRUCTURAL
#undef NDL_COMPOSED

namespace {

// The vocabulary of the attribute column.
AttrDef integer(Attr name) { return {name, AttrKind::kInteger}; }
AttrDef integer(Attr name, std::int64_t fallback) {
  return {name, AttrKind::kInteger, true, fallback};
}
AttrDef integers(Attr name) { return {name, AttrKind::kIntegers}; }
AttrDef integers(Attr name, std::int64_t fallback) {
  return {name, AttrKind::kIntegers, true, fallback};
}
AttrDef boolean(Attr name, bool fallback) { return {name, AttrKind::kBoolean, true, fallback}; }
AttrDef dtype(Attr name) { return {name, AttrKind::kDType, true}; }
AttrDef symbol(Attr name, std::string_view words) {
  return {name, AttrKind::kSymbol, false, 0, split(words, ' ')};
}
AttrDef scalars(Attr name) { return {name, AttrKind::kScalars}; }
AttrDef literal(Attr name) { return {name, AttrKind::kLiteral}; }
AttrDef region(Attr name) { return {name, AttrKind::kRegion}; }

template <class... Defs>
std::vector<AttrDef> attribute_list(Defs... defs) {
  return {std::move(defs)...};
}

std::string_view without_underscore(std::string_view name) {
  if (name.ends_with('_')) name.remove_suffix(1);
  return name;
}

std::vector<std::string_view> elementwise_operands(ElementwiseKind kind) {
  switch (kind) {
    case ElementwiseKind::kUnary:
    case ElementwiseKind::kPredicate:
      return {"a"};
    case ElementwiseKind::kBinary:
    case ElementwiseKind::kCompare:
      return {"a", "b"};
    case ElementwiseKind::kTernary:
      return {"a", "b", "c"};
    case ElementwiseKind::kSelect:
      return {"mask", "a", "b"};
  }
  return {};
}

struct SampleRange {
  double low;
  double high;
};

OpDef elementwise(Op op, std::string_view name, ElementwiseKind kind, DTypeSet dtypes,
                  SampleRange range, std::string_view doc) {
  OpDef def;
  def.op = op;
  def.name = without_underscore(name);
  def.op_class = OpClass::kElementwise;
  def.operands = elementwise_operands(kind);
  def.min_operands = def.operands.size();
  def.doc = doc;
  def.kind = kind;
  def.dtypes = dtypes;
  def.sample_low = range.low;
  def.sample_high = range.high;
  def.infer = infer_elementwise;
  def.evaluate = evaluate_elementwise;
  return def;
}

OpDef structural(Op op, std::string_view name, std::string_view operands, DTypeSet dtypes,
                 std::vector<AttrDef> attributes, std::string_view doc) {
  OpDef def;
  def.op = op;
  def.name = name;
  def.op_class = OpClass::kStructural;
  for (std::string_view operand : split(operands, ' ')) {
    if (operand == "=") {
      def.type_given = true;
    } else if (!operand.empty()) {
      const bool any_number = operand.ends_with('*');
      def.variadic = any_number || operand.ends_with("...");
      if (!any_number) ++def.min_operands;
      def.operands.push_back(operand.substr(0, operand.find_first_of(".*")));
    }
  }
  def.dtypes = dtypes;
  def.attributes = std::move(attributes);
  def.doc = doc;
  return def;
}

#define NDL_UNPAREN(...) __VA_ARGS__

std::vector<OpDef> make_table() {
  std::vector<OpDef> table;
  table.reserve(kOpCount);
#define NDL_ELEMENTWISE(enumerator, name, kind, dtypes, forward, gradients, range, doc) \
  table.push_back(elementwise(Op::enumerator, #name, ElementwiseKind::kind, dtypes,     \
                              SampleRange{NDL_UNPAREN range}, doc));
#include "ir/elementwise.def"
#undef NDL_ELEMENTWISE
#define NDL_GRAPH_OP(enumerator, name, operands, dtypes, attributes, doc)                   \
  table.push_back(                                                                          \
      structural(Op::enumerator, #name, operands, dtypes, attribute_list attributes, doc)); \
  table.back().infer = infer_##name;
#define NDL_STRUCTURAL(enumerator, name, ...) \
  NDL_GRAPH_OP(enumerator, name, __VA_ARGS__) \
  table.back().evaluate = evaluate_##name;
#define NDL_COMPOSED(enumerator, name, ...)   \
  NDL_GRAPH_OP(enumerator, name, __VA_ARGS__) \
  table.back().op_class = OpClass::kComposed; \
  table.back().expand = expand_##name;
#include "ir/structural.def"
#undef NDL_GRAPH_OP
#undef NDL_STRUCTURAL
#undef NDL_COMPOSED
  return table;
}

#undef NDL_UNPAREN

}  // namespace

std::span<const OpDef> all_ops() {
  static const std::vector<OpDef> table = make_table();
  return table;
}

const OpDef& op_def(Op op) { return all_ops()[static_cast<std::size_t>(op)]; }

const OpDef* find_op(std::string_view name) {
  static const auto* index = [] {
    auto* map = new std::unordered_map<std::string_view, const OpDef*>;
    for (const OpDef& def : all_ops()) map->emplace(def.name, &def);
    return map;
  }();
  const auto it = index->find(name);
  return it == index->end() ? nullptr : it->second;
}

std::string_view name_of(Attr attr) {
  constexpr std::array kNames = {
#define NDL_X(enumerator, name) std::string_view(name),
      NDL_FOR_EACH_ATTR(NDL_X)
#undef NDL_X
  };
  return kNames[static_cast<std::size_t>(attr)];
}

}  // namespace ndl::ir
