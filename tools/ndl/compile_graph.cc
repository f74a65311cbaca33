#include "tools/ndl/compile_graph.h"

#include "base/error.h"
#include "tools/machine.h"

namespace ndl::tools {

std::shared_ptr<const codegen::Program> compile_after_passes(const ir::Graph& graph,
                                                             const std::string& cpu) {
  codegen::CompileOptions options;
  options.cpu = cpu;
  options.pipeline = "";
  return codegen::compile(graph, options);
}

Prepared prepare(const ir::Graph& graph, const PassFlags& flags, const std::string& cpu) {
  Prepared prepared{graph, graph};
  const auto observe = [&](const passes::PassRecord&, const ir::Graph&, const ir::Graph& after) {
    if (!has_same_signature(prepared.readable, after)) prepared.readable = after;
  };
  prepared.after_passes = flags.run(graph, cpu, observe);
  return prepared;
}

bool has_same_signature(const ir::Graph& a, const ir::Graph& b) {
  if (a.num_parameters() != b.num_parameters() || a.result_type() != b.result_type()) return false;
  for (std::size_t i = 0; i < a.num_parameters(); ++i) {
    if (a.type(a.parameter(i)) != b.type(b.parameter(i))) return false;
  }
  return true;
}

std::int64_t running_bytes(const codegen::Program& program) {
  std::int64_t sum = program.executable()->arena_bytes();
  for (const auto types : {program.inputs(), program.outputs()}) {
    for (const ir::TensorType& type : types) {
      if (__builtin_add_overflow(sum, type.bytes(), &sum)) return INT64_MAX;
    }
  }
  return sum;
}

void check_running_bytes(const codegen::Program& program, std::optional<std::int64_t> limit) {
  const std::int64_t bytes = running_bytes(program);
  if (!limit) return require_memory(bytes, "running the graph");
  if (bytes > *limit) {
    throw_error<ResourceError>("running the graph needs {} bytes, limit {}", bytes, *limit);
  }
}

}  // namespace ndl::tools
