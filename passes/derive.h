// Derivatives of ops: one rule an op, found by the op.
//
// A rule takes the gradient of a node's result and says what it contributes to the gradients of the
// node's operands. Contributions are linear in that gradient and made of ops that have rules
// themselves: so gradients have gradients, and a rule gives derivatives in both directions
// (passes/vjp.h, passes/jvp.h).
//
// Conventions where an op has no derivative:
//
// - max(a, b), min(a, b): where a = b, all of the gradient is b's; so that of max(x, 0) at 0 is 0.
//   NaN is b's, too.
// - clamp(a, b, c): it is a's where b <= a <= c, ends included; NaN is nobody's.
// - reduce max and min: ties share equally. reduce_window: the first element in row-major order.
// - abs, sign, rounding: 0 at 0, and everywhere for sign, floor, ceil, round, trunc.
// - pow(a, b): 0 for a where b = 0; 0 for b where a = 0 and b >= 0.
// - exp, expm1, tanh, erf, sigmoid, softplus and the like of what holds powers: 0 where their slope
//   has vanished, whatever the slope of the powers.
// - tanh: 1 - y * y, which is right to the digits of 1 and not to its own where |y| is near 1. A
//   form that is, by exp(-2 |a|), would cost each gradient another exponential.
// - reduce prod: at a zero, the product of the others.
// - Second derivatives by way of the cases above that are 0 are 0, so at zeros of a reduce prod.
#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"

namespace ndl::passes {

// A gradient on its way from the result to the parameters.
struct Cotangent {
  ir::Value value;
  // bool, of the same shape: the value is 0 where this is false, because a select (or a max, a
  // clamp) took the other side there. It stays 0 there though a factor is infinite: the gradient of
  // where(x > 0, log(x), 0) at 0 is 0, not 0 * inf.
  std::optional<ir::Value> mask;
};

// Cotangents of one node: one for a tensor, one for each element of a tuple; nothing for 0.
using Cotangents = std::vector<std::optional<Cotangent>>;

// What a rule sees of a node, and where it puts what it contributes.
class Derivation {
 public:
  // `slots` are the operands' cotangents, empty for operands that need none. Its graph holds the
  // node and grows by the gradient.
  Derivation(ir::Builder& builder, ir::Value node,
             std::span<const std::optional<Cotangent>> results, std::span<Cotangents* const> slots)
      : b(builder), node_(node), results_(results), slots_(slots) {}

  // Of another node with the same operands, whose first results are those of this one.
  Derivation of_equal(ir::Value node) const { return Derivation(b, node, results_, slots_); }

  ir::Builder& b;

  ir::Op op() const { return b.graph().op(node_); }
  ir::Value node() const { return node_; }
  std::size_t operand_count() const { return slots_.size(); }
  ir::Value operand(std::size_t i) const { return b.graph().operand(node_, i); }
  const ir::Type& type(ir::Value value) const { return b.type(value); }
  // Copies, because the graph grows.
  ir::Shape shape(std::size_t i) const { return b.type(operand(i)).shape(); }
  ir::Shape result_shape() const { return b.type(node_).shape(); }
  ir::Attributes attributes() const { return b.graph().attributes(node_); }

  bool needs(std::size_t i) const { return slots_[i] != nullptr; }
  // Of a node that is no tuple.
  const Cotangent& cotangent() const { return *results_.front(); }
  ir::Value g() const { return cotangent().value; }
  std::span<const std::optional<Cotangent>> results() const { return results_; }

  // Adds to the gradient of operand i, if it needs one; of its element k, if it is a tuple.
  void add(std::size_t i, const Cotangent& contribution, std::size_t k = 0);
  void add(std::size_t i, ir::Value value) { add(i, Cotangent{value, std::nullopt}); }
  // For ops on single elements: the value is 0 where the mask of the result's gradient is false.
  void add_masked(std::size_t i, ir::Value value);
  // For ops that move elements: what move() does with the gradient it does with the mask.
  template <class F>
  void add_moved(std::size_t i, F&& move) {
    if (needs(i)) add(i, moved(cotangent(), move));
  }
  template <class F>
  static Cotangent moved(const Cotangent& from, F&& move) {
    Cotangent to{move(from.value), std::nullopt};
    if (from.mask) to.mask = move(*from.mask);
    return to;
  }

  // Zeros: of a value's type, and of any shape with the dtype of `like`; bools are false.
  ir::Value zeros_like(ir::Value value) { return b.constant_like(value, 0); }
  ir::Value zeros(const ir::Shape& shape, ir::Value like) {
    return b.constant({b.type(like).dtype(), shape}, 0);
  }

 private:
  ir::Value node_;
  std::span<const std::optional<Cotangent>> results_;
  std::span<Cotangents* const> slots_;
};

using DerivativeRule = void (*)(Derivation&);

// The rule of an op. It adds nothing where no gradient passes: through sources, rounding, indices.
DerivativeRule derivative_of(ir::Op op);

}  // namespace ndl::passes
