// What several rules of stabilize, and its report, ask of a node. Internal to passes.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"
#include "passes/rewrite.h"

namespace ndl::passes {

// A value that is another one, moved.
struct Moved {
  ir::Value base;
  std::vector<ir::Value> moves;  // from the base outward
};

// More moves in a row are not looked through: a rule makes all of them anew.
inline constexpr std::size_t kMostMoves = 32;

// The value behind moves: is_move says of an op, or of a value, whether it is one.
template <class IsMove>
Moved strip(const ir::Graph& graph, ir::Value value, IsMove&& is_move) {
  const auto is_moved = [&](ir::Value x) {
    if constexpr (std::is_invocable_v<IsMove, ir::Value>) {
      return is_move(x);
    } else {
      return is_move(graph.op(x));
    }
  };
  Moved moved{value, {}};
  while (moved.moves.size() < kMostMoves && is_moved(moved.base)) {
    moved.moves.push_back(moved.base);
    moved.base = graph.operand(moved.base, 0);
  }
  std::ranges::reverse(moved.moves);
  return moved;
}

inline bool repeats(ir::Op op) { return op == ir::Op::kBroadcast || op == ir::Op::kReshape; }

// What moves elements of its first operand, and does nothing to them.
inline bool moves(ir::Op op) {
  return repeats(op) || op == ir::Op::kTranspose || op == ir::Op::kReverse ||
         op == ir::Op::kSlice || op == ir::Op::kGather || op == ir::Op::kDynamicSlice;
}

// Moves `base` as another value was.
ir::Value replay(ir::Builder& b, ir::Value base, std::span<const ir::Value> moves);

// Whether `moves` repeat what x becomes when `axes` are dropped, back along those axes, to x's
// shape.
bool repeats_along(const ir::Graph& graph, const ir::Shape& x, const ir::Dims& axes,
                   std::span<const ir::Value> moves, ir::Value end);

bool is_reduce(const ir::Graph& graph, ir::Value value, ir::ReduceKind kind);

// The x of x - max(x), the maximum being over `axes`.
std::optional<ir::Value> unshifted(const ir::Graph& graph, ir::Value value, const ir::Dims& axes);

// Whether an exponent is kept small by what it is written with.
bool is_clamped(const ir::Graph& graph, ir::Value value);

// Whether an exponent cannot be large: it is x - max(x), or less a shift (of shift_of).
bool is_shifted(const ir::Graph& graph, ir::Value value);

// Whether it is x less a shift: what a rule has made of an exponent.
bool is_less_shift(const ir::Graph& graph, ir::Value value);

// Whether it is one side of what log-one-minus-exp has chosen between at -log(2).
bool is_one_side(const ir::Graph& graph, ir::Value x);

// Whether two values repeat one shift (of shift_of) in the same way.
bool is_same_shift(const ir::Graph& graph, ir::Value a, ir::Value b);

// The axes of the sum of `terms` that `value` repeats, as it is or (a reciprocal) 1 over it.
std::optional<ir::Dims> axes_of_repeated_sum(const ir::Graph& graph, ir::Value value,
                                             ir::Value terms, bool is_reciprocal);

// Whether a value is that number everywhere.
bool is_number(const ir::Graph& graph, ir::Value value, double number);

// The number that a value is everywhere, if it is positive and finite.
std::optional<double> positive_number(const ir::Graph& graph, ir::Value value);

// Whether a value is floats, converted to floats: what they are made of is known of it as well.
bool is_float_convert(const ir::Graph& graph, ir::Value value);

// The x of x * x and of pow(x, 2).
std::optional<ir::Value> squared(const ir::Graph& graph, ir::Value value);

// A power of a number c > 0: exp(log(c) * x).
struct Exponential {
  ir::Value x;
  double log_base;
};
std::optional<Exponential> exponential(const ir::Graph& graph, ir::Value value);
ir::Value exponent(ir::Builder& b, const Exponential& power);

// The integer next to the maximum of `x` over `axes`, which may be none; finite if that is not.
ir::Value shift_of(ir::Builder& b, ir::Value x, const ir::Dims& axes);

// A power whose exponent is log(c) * (x - shift), in the accumulator's dtype: log(c) * x has the
// rounding errors of a large number, this those of a small one.
struct ShiftedPower {
  ir::Value exponent;
  ir::Value shift;  // log(c) times it, without the axes
};
ShiftedPower shifted(ir::Builder& b, const Exponential& power, const ir::Dims& axes);

// log(total), of a sum; of nothing it is -inf with the gradient 0, as logsumexp is.
ir::Value log_of_sum(ir::Builder& b, ir::Value total);

// In the base of the logarithm `value`: log, log1p or log2.
ir::Value in_base_of(ir::Builder& b, ir::Value value, ir::Value natural);

// The rules that scale by what is in the data (stabilize_scaling.cc).
std::vector<Rule> scaling_rules();
// Those of what holds powers (stabilize_powers.cc).
std::vector<Rule> power_rules();
// Those of what is subtracted from a logsumexp (stabilize_differences.cc).
std::vector<Rule> difference_rules();
// Those of single numbers (stabilize_scalars.cc).
std::vector<Rule> scalar_rules();
// Those of 1 - softmax(x) (stabilize_complements.cc).
std::vector<Rule> complement_rules();
// Those of inverse hyperbolic functions (stabilize_areas.cc).
std::vector<Rule> area_rules();
// y times a sigmoid, which come after the rules of powers: y may be one.
std::vector<Rule> gate_rules();

}  // namespace ndl::passes
