// Cells of the table op x dtype x layout of the operands: each a graph that tests the op there.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "ir/graph.h"
#include "ir/literal.h"
#include "ir/op.h"

namespace ndl::codegen {

// How an operand lies in the memory of the parameter that it is a view of.
enum class Layout : std::uint8_t {
  kContiguous,  // it is the parameter
  kBroadcast,   // a row or a column of it, repeated
  kTransposed,  // its axes in another order
  kStrided,     // every other element along each axis
  kOffset,      // a window inside
  kReversed,    // backward along each axis
  kZeroSize,    // the parameter, which has no elements
  kRankZero,    // the parameter, which has rank 0
  kLong,        // the parameter, of many vectors, blocks and chunks of threads
};
inline constexpr std::array<std::string_view, 9> kLayoutNames = {
    "contiguous", "broadcast", "transposed", "strided", "offset",
    "reversed",   "zero_size", "rank_zero",  "long"};

struct OpCell {
  Layout layout{};
  ir::Graph graph;
  // Of each parameter: 0, or what its elements are indices below.
  std::vector<std::int64_t> bounds;
};

// A graph of one op whose operands have that layout and, where the op's first operand (else its
// result) has one, that dtype. Attributes and, of ops that are not elementwise, shapes are random.
// Nothing if the op takes no operand of rank 0 and that is the layout.
std::optional<OpCell> op_cell(const ir::OpDef& def, DType dtype, Layout layout, std::uint64_t seed);

// Random inputs of a cell. `integral` ones are so small that no sum of their products is rounded.
std::vector<ir::Literal> inputs_of(const OpCell& cell, std::uint64_t seed, bool integral);

}  // namespace ndl::codegen
