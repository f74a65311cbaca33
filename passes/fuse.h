// Fusion: ops over one iteration space become one kernel, with a tuple of outputs where several are
// wanted.
//
//   %0 = exp(%x) : f32[4]              %0 = fusion(%x, %y) : (f32[4], f32[4])
//   %1 = add(%0, %y) : f32[4]    ->        body(%a: f32[4], %b: f32[4]) {
//   %2 = mul(%0, %y) : f32[4]            %0 = exp(%a) : f32[4]
//   ...                                  ...
//
// Precondition: composed ops are expanded (pass `expand`); they are left alone otherwise.
//
// Members are the elementwise ops, convert, bitcast, iota and broadcast. Splat constants are copied
// into every body that reads them. Producers and consumers fuse, and so do neighbours that only
// have the iteration space in common. Bodies are typed graphs, so no bit of any result changes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "passes/pass.h"

namespace ndl::passes {

// Where each node goes. Nodes of one group become one kernel; a group of one stays as it is.
//
// Nodes are laid out in stages: an edge from one group to another always leads to a later stage, so
// groups never depend on each other in a cycle. A member goes to the last stage that its users
// allow, which is where it meets them.
struct FusionPlan {
  static constexpr std::uint32_t kNone = 0xffffffff;

  std::vector<std::uint32_t> stage;  // of each node
  std::vector<std::uint32_t> group;  // of each node; kNone for what is no member
  std::uint32_t num_groups = 0;
};

// `max_ops` bounds the size of a group.
FusionPlan plan_fusion(const ir::Graph& graph, std::size_t max_ops);

// Why the two ends of an edge are in one kernel, or not.
enum class FusionReason : std::uint8_t {
  kFused,
  kConstant,        // the producer is a splat constant, which costs nothing to copy
  kInput,           // the producer is a parameter or a large constant
  kNotElementwise,  // one of the two is no member of any fusion
  kShape,           // their iteration spaces differ
  kDependence,      // something between them runs in another kernel
  kSize,            // the group would have had more than max_ops ops
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
std::vector<FusionEdge> explain_fusion(const ir::Graph& graph, std::size_t max_ops);

inline constexpr std::string_view kDefaultFusionMaxOps = "256";

// The option max-ops of the pass, which bounds the size of a group. Throws UsageError unless it is
// a positive integer.
std::size_t max_ops_option(const std::map<std::string, std::string, std::less<>>& options);

ir::Graph run_fuse(const ir::Graph& graph, const PassContext& context);

}  // namespace ndl::passes
