// Which nodes become one kernel, and why others do not.
//
// A kernel has a home, what its loops are over:
//
//   map           a space, element by element
//   rows          a space with axes that are reduced; what is left of it are rows
//   contraction   the result of one matmul, conv, reduce_window, argmax or argmin
//
// and a node in it has a place there: the whole space; a row; or, for what is read through an op
// that moves elements, the index at which that op reads it. Two ends of an edge join if the user
// asks for its operand in its own home and at the place where the operand is computed. So an
// element is never computed twice, but for numbers that cost next to nothing.
//
// Nodes are laid out in stages: an edge that does not join always leads to a later stage, so groups
// never depend on each other in a cycle. A member goes to the last stage that its users allow,
// which is where it meets them. Members of one stage and one home are a group.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "passes/cost_model.h"

namespace ndl::passes {

// Where each node goes. Nodes of one group become one kernel; a group of one stays as it is.
struct FusionPlan {
  static constexpr std::uint32_t kNone = 0xffffffff;

  std::vector<std::uint32_t> stage;  // of each node
  std::vector<std::uint32_t> group;  // of each node; kNone for what is no member
  std::vector<bool> is_remade;       // of each node, see find_remade
  std::uint32_t num_groups = 0;

  // Whether a kernel computes the operand again, though it is another one's.
  bool is_copied(ir::Value producer, ir::Value consumer) const {
    return is_remade[producer.id] && group[consumer.id] != kNone &&
           group[producer.id] != group[consumer.id];
  }
};

FusionPlan plan_fusion(const ir::Graph& graph, const CostModel& model);

// Why the two ends of an edge are in one kernel, or not.
enum class FusionReason : std::uint8_t {
  kFused,
  kConstant,    // the producer is a splat constant, which costs nothing to copy
  kNumber,      // the producer is a number, or moved of an input: as easily made again as read
  kInput,       // the producer is a parameter or a large constant
  kAlone,       // one of the two is no member of any fusion
  kSpace,       // their kernels loop over different spaces, or reduce different axes
  kUses,        // the producer would be computed once more: others need it at other places
  kDependence,  // something between them runs in another kernel
  kSize,        // the group would have had more than the most ops of a kernel
};
std::string_view name_of(FusionReason reason);

// One use of a value by a live node.
struct FusionEdge {
  ir::Value producer;
  ir::Value consumer;
  FusionReason reason;
  std::int64_t bytes_saved;  // that are not written and read again; 0 unless fused
};

// Every edge once, in the order of consumers and their operands.
std::vector<FusionEdge> explain_fusion(const ir::Graph& graph, const CostModel& model);

}  // namespace ndl::passes
