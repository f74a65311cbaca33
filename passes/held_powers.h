// Which values hold powers: are made of exponentials by ops that a factor and an exponent, kept
// apart, go through (factored_power.h). Internal to passes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "ir/graph.h"

namespace ndl::passes {

enum class Holds : std::uint8_t {
  kNoPower,
  kShifted,    // terms that a rule has shifted: they vanish alone, and not in their sum
  kBounded,    // softmax, sigmoid and powers of numbers below 1, which vanish at most
  kUnbounded,  // powers
};

// Looks at a few dozen nodes; what lies behind them is as good as a parameter.
Holds holds(const ir::Graph& graph, ir::Value value);

// Whether select(m, x, 0).
bool is_masked(const ir::Graph& graph, ir::Value select);

// Which operand of a product of matrices is a power itself, moved or not, if one is: exp(x) v.
std::optional<std::size_t> power_of_matmul(const ir::Graph& graph, ir::Value matmul);

}  // namespace ndl::passes
