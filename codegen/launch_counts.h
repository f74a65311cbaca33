// What a call of a compiled graph launches, counted from its schedule. No LLVM.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "codegen/schedule.h"
#include "ir/graph.h"

namespace ndl::codegen {

struct LaunchCounts {
  std::string where;  // "body of scan"; "" for what is in no region
  std::size_t depth = 0;
  std::array<std::size_t, kLaunchKinds> of_kind{};
  std::size_t launches = 0;  // of a kernel, or of several that run at the same time

  std::size_t of(LaunchKind kind) const { return of_kind[static_cast<std::size_t>(kind)]; }
  // All that run, whatever they are there for.
  std::size_t kernels() const;
  // Of these the ones whose code is the runtime's, or that compute no ops: "1 fill, 2 copies".
  std::string others() const;
  // "in 5 launches, with 1 fill, 2 copies"
  std::string details() const;
};

// Of the schedule, which runs once a call, then of each region of its control flow, which runs once
// or for each step, and of those inside.
std::vector<LaunchCounts> count_launches(const Schedule& schedule);
// Of a graph that has been through the passes, on any CPU.
std::vector<LaunchCounts> count_launches(const ir::Graph& graph);

// The same as text, a line each: "compiled: 7 kernels in 5 launches, with 1 fill".
std::string launch_table(const ir::Graph& graph);

}  // namespace ndl::codegen
