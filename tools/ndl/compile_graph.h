// Compiling the graph a sub-command works on, and the memory that running it takes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "codegen/program.h"
#include "ir/graph.h"
#include "tools/ndl/pass_flags.h"

namespace ndl::tools {

// `graph`, on which the passes have run, for a CPU.
std::shared_ptr<const codegen::Program> compile_after_passes(const ir::Graph& graph,
                                                             const std::string& cpu);

// A graph on its way to be compiled.
struct Prepared {
  // As it was written, or as the last pass that gave it other parameters or results left it.
  ir::Graph readable;
  ir::Graph after_passes;
};
Prepared prepare(const ir::Graph& graph, const PassFlags& flags, const std::string& cpu);

// Whether they take, and give, values of the same types.
bool has_same_signature(const ir::Graph& a, const ir::Graph& b);

// Bytes of inputs, outputs and arena; the largest number there is if the sum is larger.
std::int64_t running_bytes(const codegen::Program& program);

// Throws ResourceError "running the graph needs N bytes, limit M" when that is more than `limit`,
// or, without one, than what is available.
void check_running_bytes(const codegen::Program& program, std::optional<std::int64_t> limit);

}  // namespace ndl::tools
