// Patterns: expressions over elementwise ops, written as a program would be.
//
//   neg(neg(x))        matches two negations and binds x
//   x - neg(y)         two variables
//   x * lit(1)         a constant that is 1 everywhere
//   (x + c) + d        c and d match any constant that is one element everywhere
//
// The two sides of a rule are patterns: the left one is matched, the right one is built.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"

namespace ndl::passes {

class Pattern {
 public:
  enum class Kind : std::uint8_t { kVariable, kConstant, kLiteral, kAllOnes, kOp };

  static Pattern variable(int index) { return Pattern(Kind::kVariable, index, 0); }
  static Pattern constant(int index) { return Pattern(Kind::kConstant, index, 0); }
  static Pattern literal(double value) { return Pattern(Kind::kLiteral, 0, value); }
  static Pattern all_ones() { return Pattern(Kind::kAllOnes, 0, 0); }
  static Pattern op(ir::Op op, std::vector<Pattern> operands);

  Kind kind() const { return node_->kind; }
  ir::Op op() const { return node_->op; }
  int index() const { return node_->index; }
  double value() const { return node_->value; }
  const std::vector<Pattern>& operands() const { return node_->operands; }

  // "neg(neg(x))"
  std::string to_string() const;

 private:
  struct Node {
    Kind kind;
    int index = 0;
    double value = 0;
    ir::Op op{};
    std::vector<Pattern> operands;
  };

  Pattern(Kind kind, int index, double value)
      : node_(std::make_shared<const Node>(Node{kind, index, value, {}, {}})) {}
  explicit Pattern(Node node) : node_(std::make_shared<const Node>(std::move(node))) {}

  std::shared_ptr<const Node> node_;
};

// What the variables and constants of a match stand for.
inline constexpr int kMaxVariables = 5;
using Bindings = std::array<std::optional<ir::Value>, kMaxVariables>;

// Binds the pattern's variables so that it equals `value`; operands of commutative ops match in
// either order.
bool match(const Pattern& pattern, const ir::Graph& graph, ir::Value value, Bindings& bindings);

// The pattern as nodes. A literal gets the type of its fellow operands, else of `like`.
ir::Value instantiate(const Pattern& pattern, ir::Builder& builder, const Bindings& bindings,
                      const ir::TensorType& like);

// The functions to write patterns with: one for each elementwise op, operators, and the variables.
namespace pattern {

inline Pattern lit(double value) { return Pattern::literal(value); }

#define NDL_ELEMENTWISE(enumerator, name, kind, ...)                              \
  template <class... Operands>                                                    \
    requires(sizeof...(Operands) == ir::operand_count(ir::ElementwiseKind::kind)) \
  Pattern name(const Operands&... operands) {                                     \
    return Pattern::op(ir::Op::enumerator, {operands...});                        \
  }
#include "ir/elementwise.def"
#undef NDL_ELEMENTWISE

inline Pattern operator+(const Pattern& a, const Pattern& b) { return add(a, b); }
inline Pattern operator-(const Pattern& a, const Pattern& b) { return sub(a, b); }
inline Pattern operator*(const Pattern& a, const Pattern& b) { return mul(a, b); }
inline Pattern operator/(const Pattern& a, const Pattern& b) { return div(a, b); }

}  // namespace pattern

}  // namespace ndl::passes
