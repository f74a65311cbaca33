// A recursive-descent parser in one pass over the text, without a separate token list.
#include "ir/parser.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "ir/builder.h"
#include "ir/literal_parser.h"
#include "ir/name_scope.h"
#include "ir/text_cursor.h"

namespace ndl::ir {
namespace {

class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : text_(text, file) {}

  Graph parse_file();

 private:
  using Position = TextCursor::Position;

  void parse_graph(Builder& builder, bool with_result_type, int depth);
  void parse_parameters(Builder& builder, NameScope& scope);
  void parse_operation(Builder& builder, NameScope& scope, int depth);
  Region parse_region(std::string_view name, int depth);
  Type parse_type();
  TensorType parse_tensor_type();
  DType parse_dtype(std::string_view what);
  Value parse_operand(const NameScope& scope);
  AttrValue parse_attribute(const AttrDef& def);
  Dims parse_integers();
  void define(NameScope& scope, const Position& at, std::string_view name, Value value);

  TextCursor text_;
};

Graph Parser::parse_file() {
  const Position begin = text_.next();
  if (text_.identifier("'needle 1', the first line of an IR file") != "needle") {
    text_.return_to(begin);
    text_.fail_expected("'needle 1', the first line of an IR file");
  }
  const Position version_at = text_.next();
  const std::string_view version = text_.take_while(is_word);
  if (version != "1") {
    text_.fail(version_at, "version '{}' of the IR is not known; this is version 1",
               excerpt(version));
  }
  const Position at = text_.next();
  if (text_.identifier("'graph'") != "graph") {
    text_.return_to(at);
    text_.fail_expected("'graph'");
  }
  Graph graph{text_.identifier("the name of the graph")};
  Builder builder(graph);
  parse_graph(builder, true, 0);
  text_.skip_space();
  if (!text_.at_end()) text_.fail_expected("the end of the file");
  return graph;
}

void Parser::parse_graph(Builder& builder, bool with_result_type, int depth) {
  NameScope scope;
  parse_parameters(builder, scope);
  std::optional<Type> result_type;
  Position result_at;
  if (with_result_type) {
    text_.expect('-', "and '>' before the type of the result");
    text_.expect('>', "after '-'");
    result_at = text_.next();
    result_type = parse_type();
  }
  text_.expect('{', "before the body");
  while (true) {
    text_.skip_space();
    if (text_.peek() == '%') {
      parse_operation(builder, scope, depth);
      continue;
    }
    const Position at = text_.position();
    if (!is_letter(text_.peek()) || text_.identifier("") != "return") {
      text_.return_to(at);
      text_.fail_expected("an operation like '%0 = exp(%x)' or 'return'");
    }
    const Value result = parse_operand(scope);
    if (result_type && builder.type(result) != *result_type) {
      text_.fail(result_at, "the graph returns {}, not {}", builder.type(result).to_string(),
                 result_type->to_string());
    }
    builder.set_result(result);
    text_.expect('}', "after the returned value");
    return;
  }
}

void Parser::parse_parameters(Builder& builder, NameScope& scope) {
  text_.expect('(', "before the parameters");
  if (text_.accept(')')) return;
  do {
    const Position at = text_.next();
    const std::string_view name = text_.value_name();
    text_.expect(':', "before the type of the parameter");
    const TensorType type = parse_tensor_type();
    const Value value = builder.parameter(type, name);
    builder.graph().set_location(value, text_.location(at));
    define(scope, at, name, value);
  } while (text_.accept(','));
  text_.expect(')', "after the parameters");
}

void Parser::define(NameScope& scope, const Position& at, std::string_view name, Value value) {
  if (!scope.define(name, value)) text_.fail(at, "%{} is already defined", excerpt(name));
}

void Parser::parse_operation(Builder& builder, NameScope& scope, int depth) {
  const Position result_at = text_.position();
  const std::string_view result_name = text_.value_name();
  text_.expect('=', "after the value's name");
  const Position op_at = text_.next();
  const std::string_view op_name = text_.identifier("an op");
  const OpDef* def = find_op(op_name);
  if (def == nullptr || def->op == Op::kParameter) {
    std::vector<std::string_view> names;
    for (const OpDef& other : all_ops()) names.push_back(other.name);
    const std::string_view near = nearest_name(op_name, names);
    text_.fail(op_at, "there is no op '{}'{}", excerpt(op_name),
               near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
  }

  std::vector<Value> operands;
  Attributes attributes;
  std::optional<Position> literal_at;
  text_.expect('(', "after the op");
  if (!text_.accept(')')) {
    do {
      text_.skip_space();
      if (text_.peek() == '%') {
        operands.push_back(parse_operand(scope));
        continue;
      }
      if (def->op == Op::kConstant && !literal_at) {
        literal_at = text_.position();
        skip_literal(text_);
        continue;
      }
      const Position at = text_.position();
      const std::string_view name = text_.identifier("an operand or an attribute");
      const auto attr = std::ranges::find(def->attributes, name,
                                          [](const AttrDef& a) { return name_of(a.name); });
      if (attr == def->attributes.end() || attr->kind == AttrKind::kLiteral ||
          attr->kind == AttrKind::kRegion) {
        std::vector<std::string_view> names;
        for (const AttrDef& other : def->attributes) names.push_back(name_of(other.name));
        text_.fail(at, "{} has no attribute '{}'{}", def->name, excerpt(name),
                   names.empty() ? "" : fmt::format("; it has: {}", fmt::join(names, ", ")));
      }
      if (attributes.find(attr->name) != nullptr) text_.fail(at, "'{}' is given twice", name);
      text_.expect('=', "after the attribute's name");
      attributes.set(attr->name, parse_attribute(*attr));
    } while (text_.accept(','));
    text_.expect(')', "after the operands and attributes");
  }

  std::optional<Type> type;
  if (text_.accept(':')) type = parse_type();
  if (literal_at) {
    if (!type || type->is_tuple())
      text_.fail(op_at, "constant: a tensor type must follow, as in ': f32[]'");
    const Position after = text_.position();
    text_.return_to(*literal_at);
    attributes.set(Attr::kValue, parse_literal(text_, type->tensor()));
    text_.return_to(after);
  }
  for (const AttrDef& attr : def->attributes) {
    if (attr.kind != AttrKind::kRegion) continue;
    attributes.set(attr.name, parse_region(name_of(attr.name), depth + 1));
  }
  try {
    const Value value =
        builder.add_node(def->op, operands, std::move(attributes), type ? &*type : nullptr);
    builder.graph().set_name(value, result_name);
    builder.graph().set_location(value, text_.location(op_at));
    define(scope, result_at, result_name, value);
  } catch (const Error& error) {
    if (error.diagnostic().location.line != 0) throw;
    text_.rethrow(error, op_at);
  }
}

Region Parser::parse_region(std::string_view name, int depth) {
  const Position at = text_.next();
  if (depth > kMaxRegionDepth) text_.fail(at, "regions nest at most {} deep", kMaxRegionDepth);
  if (!is_letter(text_.peek()) || text_.identifier("") != name) {
    text_.return_to(at);
    text_.fail_expected(fmt::format("the region '{}(%x: f32[]) {{ ... }}'", name));
  }
  auto graph = std::make_shared<Graph>(name);
  Builder builder(*graph);
  parse_graph(builder, false, depth);
  return graph;
}

Type Parser::parse_type() {
  text_.skip_space();
  if (!text_.accept('(')) return parse_tensor_type();
  std::vector<TensorType> elements;
  if (text_.accept(')')) return Type::tuple({});
  do {
    text_.skip_space();
    if (text_.peek() == '(')
      text_.fail(text_.position(), "the elements of a tuple are tensors, not tuples");
    elements.push_back(parse_tensor_type());
  } while (text_.accept(','));
  text_.expect(')', "after the elements of the tuple type");
  return Type::tuple(std::move(elements));
}

TensorType Parser::parse_tensor_type() {
  const Position at = text_.next();
  const DType dtype = parse_dtype("a type like f32[2,3]");
  if (text_.peek() != '[') text_.fail_expected("'[' and the shape, as in f32[2,3] or f32[]");
  const Dims dims = parse_integers();
  try {
    return {dtype, Shape(dims)};
  } catch (const Error& error) {
    text_.rethrow(error, at);
  }
}

DType Parser::parse_dtype(std::string_view what) {
  const Position at = text_.next();
  const std::string_view name = text_.identifier(what);
  const std::optional<DType> dtype = dtype_named(name);
  if (!dtype) {
    text_.fail(at, "there is no dtype '{}'; there are: {}", excerpt(name), kAllDTypes.to_string());
  }
  return *dtype;
}

Value Parser::parse_operand(const NameScope& scope) {
  const Position at = text_.next();
  const std::string_view name = text_.value_name();
  if (const std::optional<Value> value = scope.find(name)) return *value;
  constexpr std::size_t kSmallNameScope = 1000;
  std::string_view near;
  if (scope.size() <= kSmallNameScope) {
    near = nearest_name(name, scope.names());
  }
  text_.fail(at, "%{} is not defined{}", excerpt(name),
             near.empty() ? "" : fmt::format("; did you mean %{}?", near));
}

AttrValue Parser::parse_attribute(const AttrDef& def) {
  const Position at = text_.next();
  switch (def.kind) {
    case AttrKind::kInteger:
      return text_.number<std::int64_t>("an integer");
    case AttrKind::kIntegers:
      return parse_integers();
    case AttrKind::kBoolean:
      return std::int64_t{text_.number<bool>("true or false")};
    case AttrKind::kDType:
      return static_cast<std::int64_t>(parse_dtype("a dtype"));
    case AttrKind::kSymbol: {
      const std::string_view word =
          text_.identifier(fmt::format("one of {}", fmt::join(def.symbols, ", ")));
      const auto it = std::ranges::find(def.symbols, word);
      if (it == def.symbols.end()) {
        text_.fail(at, "{} is one of {}; got '{}'", name_of(def.name), fmt::join(def.symbols, ", "),
                   excerpt(word));
      }
      return static_cast<std::int64_t>(it - def.symbols.begin());
    }
    case AttrKind::kScalars: {
      std::vector<double> values;
      text_.expect('[', "before a list of numbers");
      if (text_.accept(']')) return values;
      do {
        values.push_back(text_.number<double>("a number"));
      } while (text_.accept(','));
      text_.expect(']', "after the list");
      return values;
    }
    case AttrKind::kLiteral:
    case AttrKind::kRegion:
      break;
  }
  internal_error(__FILE__, __LINE__, "attribute kind", "literals and regions are parsed elsewhere");
}

Dims Parser::parse_integers() {
  Dims values;
  text_.expect('[', "before a list of integers");
  if (text_.accept(']')) return values;
  do {
    values.push_back(text_.number<std::int64_t>("an integer"));
  } while (text_.accept(','));
  text_.expect(']', "after the list");
  return values;
}

}  // namespace

Graph parse(std::string_view text, const std::string& file) {
  return Parser(text, file).parse_file();
}

}  // namespace ndl::ir
