// Whether a graph, what each pass makes of it, and its compiled code agree: equal bits of every
// result (all NaNs are equal), or the same error about an index.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codegen/program.h"
#include "ir/graph.h"

namespace ndl::tools {

// A graph, what the passes that changed it left, in order, and the code of the last.
struct Lowering {
  struct Stage {
    std::string pass;
    ir::Graph graph;
  };

  ir::Graph source;
  std::vector<Stage> stages;
  std::shared_ptr<const codegen::Program> program;
};

struct Disagreement {
  std::string where;  // "pass 'canonicalize'" or "code generation": the first that differs
  std::string what;   // lines with output, index, what it gives and what was wanted
};

// On the inputs that `seed` stands for. A pass may lose an index error along with a node that
// nothing needs, but may not add one.
std::optional<Disagreement> find_disagreement(const Lowering& lowering, std::uint64_t seed,
                                              int threads);

}  // namespace ndl::tools
