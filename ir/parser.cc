// A recursive-descent parser in one pass over the text, without a separate token list.
#include "ir/parser.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/number.h"
#include "base/text.h"
#include "ir/builder.h"

namespace ndl::ir {
namespace {

constexpr std::size_t kMaxIdentifier = 1024;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '.'; }

// The values of one graph or region by name. Numbers that come about in order, as print() gives
// them, are looked up in an array.
class Scope {
 public:
  std::optional<Value> find(std::string_view name) const {
    const std::size_t number = number_of(name);
    if (number < numbered_.size() && numbered_[number]) return numbered_[number];
    const auto it = named_.find(name);
    return it == named_.end() ? std::nullopt : std::optional(it->second);
  }
  // False when there is a value of that name.
  bool define(std::string_view name, Value value) {
    if (find(name)) return false;
    const std::size_t number = number_of(name);
    if (number >= numbered_.size() + kLargestGap) {
      named_.emplace(name, value);
      return true;
    }
    if (number >= numbered_.size()) numbered_.resize(number + 1);
    numbered_[number] = value;
    return true;
  }
  std::size_t size() const { return named_.size() + numbered_.size(); }
  std::vector<std::string_view> names() const {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : named_) names.push_back(name);
    std::ranges::sort(names);
    return names;
  }

 private:
  static constexpr std::size_t kLargestGap = 64;
  static constexpr std::size_t kNoNumber = static_cast<std::size_t>(-1) - kLargestGap;

  static std::size_t number_of(std::string_view name) {
    constexpr std::size_t kMostDigits = 9;
    const bool canonical = name.size() <= kMostDigits && (name == "0" || name[0] != '0');
    if (!canonical || !std::ranges::all_of(name, is_digit)) return kNoNumber;
    std::size_t number = 0;
    for (const char c : name) number = 10 * number + static_cast<std::size_t>(c - '0');
    return number;
  }

  std::unordered_map<std::string_view, Value> named_;
  std::vector<std::optional<Value>> numbered_;
};

class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Graph parse_file();

 private:
  // A place in the text; lines are counted as white space is skipped.
  struct Cursor {
    std::size_t offset = 0;
    std::size_t line_begin = 0;
    int line = 1;
  };

  // Text.
  char peek() const { return cursor_.offset < text_.size() ? text_[cursor_.offset] : '\0'; }
  bool at_end() const { return cursor_.offset == text_.size(); }
  void skip_space();
  bool accept(char c);
  void expect(char c, std::string_view where);
  std::string_view take_while(bool (*predicate)(char));
  std::string_view identifier(std::string_view what);
  std::string_view value_name();
  void check_encoding();

  // Errors.
  SourceLocation location(const Cursor& at) const;
  Diagnostic place(const Cursor& at) const;
  template <class... Args>
  [[noreturn]] void fail(const Cursor& at, fmt::format_string<Args...> format, Args&&... args) {
    Diagnostic diagnostic = place(at);
    diagnostic.message = fmt::format(format, std::forward<Args>(args)...);
    throw ParseError(std::move(diagnostic));
  }
  // The same error with the place of `at`.
  [[noreturn]] void rethrow(const Error& error, const Cursor& at) { error.rethrow_at(place(at)); }
  // "expected X, got Y" at the cursor.
  [[noreturn]] void fail_expected(std::string_view expected);

  // Grammar.
  void parse_graph(Builder& builder, bool with_result_type, int depth);
  void parse_parameters(Builder& builder, Scope& scope);
  void parse_operation(Builder& builder, Scope& scope, int depth);
  Region parse_region(std::string_view name, int depth);
  Type parse_type();
  TensorType parse_tensor_type();
  Value parse_operand(const Scope& scope);
  AttrValue parse_attribute(const AttrDef& def);
  Literal parse_literal(const TensorType& type);
  template <class T>
  void parse_elements(const Shape& shape, std::size_t axis, T*& out);
  void skip_literal();
  template <class T>
  T parse_number(std::string_view what);
  Dims parse_integers();
  void define(Scope& scope, const Cursor& at, std::string_view name, Value value);

  std::string_view text_;
  const std::string& file_;
  Cursor cursor_;
};

// Text

void Parser::skip_space() {
  while (!at_end()) {
    const char c = peek();
    if (c == '\n') {
      ++cursor_.offset;
      ++cursor_.line;
      cursor_.line_begin = cursor_.offset;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++cursor_.offset;
    } else if (c == '/' && text_.substr(cursor_.offset, 2) == "//") {
      cursor_.offset = std::min(text_.find('\n', cursor_.offset), text_.size());
    } else {
      return;
    }
  }
}

bool Parser::accept(char c) {
  skip_space();
  if (at_end() || peek() != c) return false;
  ++cursor_.offset;
  return true;
}

void Parser::expect(char c, std::string_view where) {
  if (!accept(c)) fail_expected(fmt::format("'{}' {}", c, where));
}

std::string_view Parser::take_while(bool (*predicate)(char)) {
  const std::size_t begin = cursor_.offset;
  while (!at_end() && predicate(peek())) ++cursor_.offset;
  return text_.substr(begin, cursor_.offset - begin);
}

std::string_view Parser::identifier(std::string_view what) {
  skip_space();
  if (!is_letter(peek())) fail_expected(what);
  const Cursor at = cursor_;
  const std::string_view word = take_while(is_word);
  if (word.size() > kMaxIdentifier) fail(at, "a name has at most {} characters", kMaxIdentifier);
  return word;
}

std::string_view Parser::value_name() {
  skip_space();
  if (peek() != '%') fail_expected("a value like %x");
  const Cursor at = cursor_;
  ++cursor_.offset;
  const std::string_view name = take_while(is_word);
  if (name.empty()) fail_expected("letters, digits, '_' or '.' after '%'");
  if (name.size() > kMaxIdentifier) fail(at, "a name has at most {} characters", kMaxIdentifier);
  return name;
}

void Parser::check_encoding() {
  const auto fail_at = [this](std::size_t offset, std::string_view message) {
    Cursor at;
    at.offset = offset;
    const std::string_view before = text_.substr(0, offset);
    at.line += static_cast<int>(std::ranges::count(before, '\n'));
    at.line_begin = before.find_last_of('\n') + 1;  // npos + 1 is 0
    fail(at, "{}", message);
  };
  if (text_.starts_with("\xef\xbb\xbf")) {
    fail_at(0, "the file begins with a byte order mark; save it as UTF-8 without one");
  }
  const std::size_t nul = text_.find('\0');
  if (nul != std::string_view::npos) fail_at(nul, "a NUL byte; an IR file is text");
  if (const auto offset = find_invalid_utf8(text_)) fail_at(*offset, "not valid UTF-8");
}

// Errors

SourceLocation Parser::location(const Cursor& at) const {
  return {file_, at.line, static_cast<int>(at.offset - at.line_begin) + 1};
}

Diagnostic Parser::place(const Cursor& at) const {
  const std::size_t end = std::min(text_.find('\n', at.line_begin), text_.size());
  return {location(at), "", std::string(text_.substr(at.line_begin, end - at.line_begin))};
}

void Parser::fail_expected(std::string_view expected) {
  skip_space();
  if (at_end()) fail(cursor_, "expected {}, got the end of the file", expected);
  std::size_t end = cursor_.offset + 1;
  const bool word = is_word(peek());
  while (end < text_.size() && (word ? is_word(text_[end]) : is_utf8_continuation(text_[end]))) {
    ++end;
  }
  fail(cursor_, "expected {}, got '{}'", expected,
       excerpt(text_.substr(cursor_.offset, end - cursor_.offset)));
}

// Grammar

Graph Parser::parse_file() {
  check_encoding();
  skip_space();
  if (identifier("'needle 1', the first line of an IR file") != "needle") {
    cursor_.offset = cursor_.line_begin;
    fail_expected("'needle 1', the first line of an IR file");
  }
  skip_space();
  const Cursor version_at = cursor_;
  const std::string_view version = take_while(is_word);
  if (version != "1") {
    fail(version_at, "version '{}' of the IR is not known; this is version 1", excerpt(version));
  }
  skip_space();
  const Cursor at = cursor_;
  if (identifier("'graph'") != "graph") {
    cursor_ = at;
    fail_expected("'graph'");
  }
  Graph graph{identifier("the name of the graph")};
  Builder builder(graph);
  parse_graph(builder, true, 0);
  skip_space();
  if (!at_end()) fail_expected("the end of the file");
  return graph;
}

void Parser::parse_graph(Builder& builder, bool with_result_type, int depth) {
  Scope scope;
  parse_parameters(builder, scope);
  std::optional<Type> result_type;
  Cursor result_at;
  if (with_result_type) {
    expect('-', "and '>' before the type of the result");
    expect('>', "after '-'");
    skip_space();
    result_at = cursor_;
    result_type = parse_type();
  }
  expect('{', "before the body");
  while (true) {
    skip_space();
    if (peek() == '%') {
      parse_operation(builder, scope, depth);
      continue;
    }
    const Cursor at = cursor_;
    if (!is_letter(peek()) || identifier("") != "return") {
      cursor_ = at;
      fail_expected("an operation like '%0 = exp(%x)' or 'return'");
    }
    const Value result = parse_operand(scope);
    if (result_type && builder.type(result) != *result_type) {
      fail(result_at, "the graph returns {}, not {}", builder.type(result).to_string(),
           result_type->to_string());
    }
    builder.set_result(result);
    expect('}', "after the returned value");
    return;
  }
}

void Parser::parse_parameters(Builder& builder, Scope& scope) {
  expect('(', "before the parameters");
  if (accept(')')) return;
  do {
    skip_space();
    const Cursor at = cursor_;
    const std::string_view name = value_name();
    expect(':', "before the type of the parameter");
    const TensorType type = parse_tensor_type();
    const Value value = builder.parameter(type, name);
    builder.graph().set_location(value, location(at));
    define(scope, at, name, value);
  } while (accept(','));
  expect(')', "after the parameters");
}

void Parser::define(Scope& scope, const Cursor& at, std::string_view name, Value value) {
  if (!scope.define(name, value)) fail(at, "%{} is already defined", excerpt(name));
}

void Parser::parse_operation(Builder& builder, Scope& scope, int depth) {
  const Cursor result_at = cursor_;
  const std::string_view result_name = value_name();
  expect('=', "after the value's name");
  skip_space();
  const Cursor op_at = cursor_;
  const std::string_view op_name = identifier("an op");
  const OpDef* def = find_op(op_name);
  if (def == nullptr || def->op == Op::kParameter) {
    std::vector<std::string_view> names;
    for (const OpDef& other : all_ops()) names.push_back(other.name);
    const std::string_view near = nearest_name(op_name, names);
    fail(op_at, "there is no op '{}'{}", excerpt(op_name),
         near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
  }

  std::vector<Value> operands;
  Attributes attributes;
  std::optional<Cursor> literal_at;
  expect('(', "after the op");
  if (!accept(')')) {
    do {
      skip_space();
      if (peek() == '%') {
        operands.push_back(parse_operand(scope));
        continue;
      }
      if (def->op == Op::kConstant && !literal_at) {
        literal_at = cursor_;
        skip_literal();
        continue;
      }
      const Cursor at = cursor_;
      const std::string_view name = identifier("an operand or an attribute");
      const auto attr = std::ranges::find(def->attributes, name,
                                          [](const AttrDef& a) { return name_of(a.name); });
      if (attr == def->attributes.end() || attr->kind == AttrKind::kLiteral ||
          attr->kind == AttrKind::kRegion) {
        std::vector<std::string_view> names;
        for (const AttrDef& other : def->attributes) names.push_back(name_of(other.name));
        fail(at, "{} has no attribute '{}'{}", def->name, excerpt(name),
             names.empty() ? "" : fmt::format("; it has: {}", fmt::join(names, ", ")));
      }
      if (attributes.find(attr->name) != nullptr) fail(at, "'{}' is given twice", name);
      expect('=', "after the attribute's name");
      attributes.set(attr->name, parse_attribute(*attr));
    } while (accept(','));
    expect(')', "after the operands and attributes");
  }

  std::optional<Type> type;
  if (accept(':')) type = parse_type();
  if (literal_at) {
    if (!type || type->is_tuple())
      fail(op_at, "constant: a tensor type must follow, as in ': f32[]'");
    const Cursor after = cursor_;
    cursor_ = *literal_at;
    attributes.set(Attr::kValue, parse_literal(type->tensor()));
    cursor_ = after;
  }
  for (const AttrDef& attr : def->attributes) {
    if (attr.kind != AttrKind::kRegion) continue;
    attributes.set(attr.name, parse_region(name_of(attr.name), depth + 1));
  }
  try {
    const Value value =
        builder.add_node(def->op, operands, std::move(attributes), type ? &*type : nullptr);
    builder.graph().set_name(value, result_name);
    builder.graph().set_location(value, location(op_at));
    define(scope, result_at, result_name, value);
  } catch (const Error& error) {
    if (error.diagnostic().location.line != 0) throw;
    rethrow(error, op_at);
  }
}

Region Parser::parse_region(std::string_view name, int depth) {
  skip_space();
  const Cursor at = cursor_;
  if (depth > kMaxRegionDepth) fail(at, "regions nest at most {} deep", kMaxRegionDepth);
  if (!is_letter(peek()) || identifier("") != name) {
    cursor_ = at;
    fail_expected(fmt::format("the region '{}(%x: f32[]) {{ ... }}'", name));
  }
  auto graph = std::make_shared<Graph>(name);
  Builder builder(*graph);
  parse_graph(builder, false, depth);
  return graph;
}

Type Parser::parse_type() {
  skip_space();
  if (!accept('(')) return parse_tensor_type();
  std::vector<TensorType> elements;
  if (accept(')')) return Type::tuple({});
  do {
    skip_space();
    if (peek() == '(') fail(cursor_, "the elements of a tuple are tensors, not tuples");
    elements.push_back(parse_tensor_type());
  } while (accept(','));
  expect(')', "after the elements of the tuple type");
  return Type::tuple(std::move(elements));
}

TensorType Parser::parse_tensor_type() {
  skip_space();
  const Cursor at = cursor_;
  const std::string_view name = identifier("a type like f32[2,3]");
  const std::optional<DType> dtype = dtype_named(name);
  if (!dtype) {
    fail(at, "there is no dtype '{}'; there are: {}", excerpt(name), kAllDTypes.to_string());
  }
  if (peek() != '[') fail_expected("'[' and the shape, as in f32[2,3] or f32[]");
  const Dims dims = parse_integers();
  try {
    return {*dtype, Shape(dims)};
  } catch (const Error& error) {
    rethrow(error, at);
  }
}

Value Parser::parse_operand(const Scope& scope) {
  skip_space();
  const Cursor at = cursor_;
  const std::string_view name = value_name();
  if (const std::optional<Value> value = scope.find(name)) return *value;
  constexpr std::size_t kSmallScope = 1000;
  std::string_view near;
  if (scope.size() <= kSmallScope) {
    near = nearest_name(name, scope.names());
  }
  fail(at, "%{} is not defined{}", excerpt(name),
       near.empty() ? "" : fmt::format("; did you mean %{}?", near));
}

AttrValue Parser::parse_attribute(const AttrDef& def) {
  skip_space();
  const Cursor at = cursor_;
  switch (def.kind) {
    case AttrKind::kInteger:
      return parse_number<std::int64_t>("an integer");
    case AttrKind::kIntegers:
      return parse_integers();
    case AttrKind::kBoolean:
      return std::int64_t{parse_number<bool>("true or false")};
    case AttrKind::kDType: {
      const std::string_view name = identifier("a dtype");
      const std::optional<DType> dtype = dtype_named(name);
      if (!dtype) {
        fail(at, "there is no dtype '{}'; there are: {}", excerpt(name), kAllDTypes.to_string());
      }
      return static_cast<std::int64_t>(*dtype);
    }
    case AttrKind::kSymbol: {
      const std::string_view word =
          identifier(fmt::format("one of {}", fmt::join(def.symbols, ", ")));
      const auto it = std::ranges::find(def.symbols, word);
      if (it == def.symbols.end()) {
        fail(at, "{} is one of {}; got '{}'", name_of(def.name), fmt::join(def.symbols, ", "),
             excerpt(word));
      }
      return static_cast<std::int64_t>(it - def.symbols.begin());
    }
    case AttrKind::kScalars: {
      std::vector<double> values;
      expect('[', "before a list of numbers");
      if (accept(']')) return values;
      do {
        values.push_back(parse_number<double>("a number"));
      } while (accept(','));
      expect(']', "after the list");
      return values;
    }
    case AttrKind::kLiteral:
    case AttrKind::kRegion:
      break;
  }
  internal_error(__FILE__, __LINE__, "attribute kind", "literals and regions are parsed elsewhere");
}

template <class T>
T Parser::parse_number(std::string_view what) {
  skip_space();
  const Cursor at = cursor_;
  const auto is_number = [](char c) { return is_word(c) || c == '-' || c == '+'; };
  std::string_view token = take_while(is_number);
  if (token == "nan" && peek() == '(') {  // nan(0x7f800001)
    const std::size_t end = text_.find(')', cursor_.offset);
    constexpr std::size_t kLongestPayload = 32;
    if (end != std::string_view::npos && end - at.offset < kLongestPayload) {
      cursor_.offset = end + 1;
      token = text_.substr(at.offset, cursor_.offset - at.offset);
    }
  }
  T value{};
  switch (from_text(token, value)) {
    case NumberError::kNone:
      return value;
    case NumberError::kRange:
      fail(at, "{} is out of range for {}", excerpt(token), name_of(dtype_of<T>));
    case NumberError::kSyntax:
      break;
  }
  cursor_ = at;
  if (token.empty()) fail_expected(what);
  fail(at, "expected {}, got '{}'", what, excerpt(token));
}

Dims Parser::parse_integers() {
  Dims values;
  expect('[', "before a list of integers");
  if (accept(']')) return values;
  do {
    values.push_back(parse_number<std::int64_t>("an integer"));
  } while (accept(','));
  expect(']', "after the list");
  return values;
}

void Parser::skip_literal() {
  std::size_t depth = 0;
  do {
    skip_space();
    if (at_end()) fail_expected("the end of the literal");
    const char c = peek();
    if (c == '[') {
      if (++depth > kMaxRank) fail(cursor_, "a literal nests at most {} deep", kMaxRank);
      ++cursor_.offset;
    } else if (c == ']') {
      if (depth == 0) fail_expected("a number");
      --depth;
      ++cursor_.offset;
    } else if (c == ',') {
      if (depth == 0) fail_expected("a number");
      ++cursor_.offset;
    } else if (is_word(c) || c == '-' || c == '+' || c == '(' || c == ')') {
      // A number, read for good when its type is known; nan(0x..) has parentheses of its own.
      if (c == ')' || c == '(') fail_expected("a number");
      take_while([](char d) { return is_word(d) || d == '-' || d == '+'; });
      if (peek() == '(') {
        const std::size_t end = text_.find_first_of(")\n", cursor_.offset);
        if (end != std::string_view::npos && text_[end] == ')') cursor_.offset = end + 1;
      }
    } else {
      fail_expected("a number or a list");
    }
  } while (depth != 0);
}

Literal Parser::parse_literal(const TensorType& type) {
  skip_space();
  const Cursor at = cursor_;
  return visit_dtype(type.dtype, [&]<class T>(std::type_identity<T>) -> Literal {
    if (peek() != '[') return Literal::splat(type, parse_number<T>("a number"));
    if (type.shape.rank() == 0) fail(at, "{} is one element, not a list", type.to_string());
    if (type.shape.num_elements() == 0) {
      expect('[', "before the elements");
      expect(']', fmt::format("at once: {} has no elements", type.to_string()));
      return Literal::zeros(type);
    }
    // Every element takes a character at least: a shape can't ask for more memory than its text.
    if (static_cast<std::uint64_t>(type.shape.num_elements()) > text_.size()) {
      fail(at, "{} has {} elements; the list has fewer", type.to_string(),
           type.shape.num_elements());
    }
    Literal literal = Literal::uninitialized(type);
    T* out = literal.mutable_data<T>();
    parse_elements(type.shape, 0, out);
    return literal;
  });
}

template <class T>
void Parser::parse_elements(const Shape& shape, std::size_t axis, T*& out) {
  if (axis == shape.rank()) {
    *out++ = parse_number<T>("a number");
    return;
  }
  expect('[', fmt::format("before the elements of axis {}", axis));
  for (std::int64_t i = 0; i < shape[axis]; ++i) {
    if (i > 0 && !accept(',')) {
      fail_expected(
          fmt::format("{} elements along axis {}, so ',' after {}", shape[axis], axis, i));
    }
    parse_elements(shape, axis + 1, out);
  }
  if (!accept(']'))
    fail_expected(fmt::format("']' after {} elements along axis {}", shape[axis], axis));
}

}  // namespace

Graph parse(std::string_view text, const std::string& file) {
  return Parser(text, file).parse_file();
}

}  // namespace ndl::ir
