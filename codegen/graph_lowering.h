// The lowering of a graph: what its parts, which are in several files, know of each other. Internal
// to codegen.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "codegen/loop_nest.h"
#include "codegen/schedule.h"
#include "ir/graph.h"
#include "ir/literal.h"

namespace ndl::codegen {

// The buffers of a value: several for a tuple.
using Buffers = std::vector<std::int32_t>;

class GraphLowering {
 public:
  Schedule run(const ir::Graph& graph);

 private:
  // The buffers of the result, for parameters that have these.
  Buffers lower(const ir::Graph& graph, const Buffers& parameters);
  Buffers lower_node(const ir::Graph& graph, ir::Value value, const std::vector<Buffers>& values);
  // A cond, while or scan with schedules of its own (lower_control.cc).
  Buffers lower_control(const ir::Graph& graph, ir::Value value, const Buffers& operands);
  // A kernel for the body, if there is one.
  bool lower_body(const ir::Graph& body, const Buffers& parameters, const Buffers& results,
                  LaunchKind kind = LaunchKind::kOps);
  // Kernels that check the indices of the body's ops; false if the body computes indices itself, or
  // has bodies inside (check_indices.cc).
  bool check_indices(const ir::Graph& body, const Buffers& parameters);

  // An op alone, which is the body's result, in kernels made for it (lower_op.cc).
  void lower_op(const ir::Graph& body, const Buffers& parameters, std::int32_t result);
  // The first operand, in the dtype of `result`: what an op begins with that changes some of it.
  void begin_with_first(const ir::Graph& body, const Buffers& operands, std::int32_t result);
  void lower_concatenate(const ir::Graph& body, const Buffers& operands, std::int32_t result);
  void lower_pad(const ir::Graph& body, const Buffers& operands, std::int32_t result);
  void lower_dynamic_update_slice(const ir::Graph& body, const Buffers& operands,
                                  std::int32_t result);
  void lower_scatter_add(const ir::Graph& body, const Buffers& operands, std::int32_t result);
  void lower_sort(const ir::Graph& body, const Buffers& operands, const Buffers& results);
  void lower_dilated_conv(const ir::Graph& body, const Buffers& operands, std::int32_t result);

  std::int32_t constant(const ir::Literal& literal);
  std::int32_t temporary(const ir::TensorType& type);
  Buffers temporaries(const ir::Type& type);
  // As several kernels, where that is faster.
  void launch_parts(LoopNest nest, Buffers buffers, LaunchKind kind);
  void launch(LoopNest nest, Buffers buffers, LaunchKind kind = LaunchKind::kOps,
              std::int32_t check = -1);
  // All elements of `to`, which may have another dtype than what they are made of.
  void fill(const ir::Literal& splat, std::int32_t to);
  void copy(std::int32_t from, std::int32_t to);
  const ir::TensorType& type(std::int32_t buffer) const {
    return schedule_.buffers[static_cast<std::size_t>(buffer)].type;
  }

  Schedule schedule_;
  std::unordered_map<std::string, std::size_t> kernels_;  // by their keys
  // Which indices have been checked, by which kernel: no other op needs to do it again.
  std::set<std::pair<std::int32_t, std::string>> checked_;
};

}  // namespace ndl::codegen
