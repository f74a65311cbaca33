// Programs: graphs compiled for a CPU. No LLVM in this header.
//
//   const auto program = codegen::compile(graph);
//   std::vector<ir::Literal> results = program->run(inputs);
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "ir/literal.h"
#include "ir/signature.h"
#include "passes/pass.h"
#include "runtime/executable.h"

namespace ndl::codegen {

// A pipeline as text, for a CPU: where it fuses, and does not say for what cache, that of the CPU.
std::vector<passes::PipelineStep> pipeline_for(std::string_view pipeline, std::string_view cpu);

struct CompileOptions {
  std::string cpu = "native";  // one of target_names()
  std::string pipeline{passes::kDefaultPipeline};
  std::vector<std::string> disable;  // passes and rules that are switched off
};

// A graph with its compiled code. It does not change; any number of threads may run it at the same
// time. Programs of equal graphs may share the code; each has the names and locations of its own
// graph, and its errors name those.
class Program {
 public:
  // `executable` is what a graph equal to `graph` was compiled to with these options.
  Program(ir::Graph graph, CompileOptions options,
          std::shared_ptr<const runtime::Executable> executable);

  const ir::Graph& graph() const { return graph_; }
  const std::string& name() const { return signature_.name; }
  // One for each parameter, and one for each element of the result.
  std::span<const ir::TensorType> inputs() const { return signature_.inputs; }
  std::span<const ir::TensorType> outputs() const { return signature_.outputs; }

  // Throws ShapeError or DTypeError for inputs that do not fit, IndexError for an index out of
  // range, with the location of the node that reads there, ResourceError when memory is short.
  // `threads` as in Executable::run.
  std::vector<ir::Literal> run(std::span<const ir::Literal> inputs, int threads = 0) const;
  // The same on dense row-major elements; see Executable::run and Executable::run_into.
  std::vector<runtime::Buffer> run_buffers(std::span<const runtime::BufferView> inputs,
                                           int threads = 0,
                                           std::span<runtime::Buffer> given = {}) const;
  void run_into(std::span<const runtime::BufferView> inputs,
                std::span<const runtime::BufferView> outputs, int threads = 0) const;

  // The code. Its own errors have no locations.
  const std::shared_ptr<const runtime::Executable>& executable() const { return executable_; }

 private:
  [[noreturn]] void rethrow_at_node(const Error& error, std::size_t check) const;

  ir::Graph graph_;
  CompileOptions options_;
  ir::Signature signature_;
  std::shared_ptr<const runtime::Executable> executable_;
};

// Compiles any valid graph, and shows what NDL_FLAGS asks for (base/flags.h). Throws CompileError,
// UsageError for an unknown CPU or pipeline, UnsupportedError for a CPU whose instructions this one
// lacks.
std::shared_ptr<const Program> compile(const ir::Graph& graph, const CompileOptions& options = {});

// The same with code from a cache by structure and options, which keeps the most recently used.
std::shared_ptr<const Program> compile_cached(const ir::Graph& graph,
                                              const CompileOptions& options = {});

// What compiling makes on the way, as text: the forms that `ndl compile --to` shows.
enum class Stage : std::uint8_t { kGraph, kFused, kLoops, kLlvm, kAssembly, kObject };
// "graph", "fused", "loops", "llvm", "asm", "obj"; in the order of Stage.
std::span<const std::string_view> stage_names();
// Text, but for kObject, which is the bytes of an ELF object. Unlike compile(), any CPU will do.
std::string compile_to(const ir::Graph& graph, Stage stage, const CompileOptions& options = {});

// Writes kernels.loops, kernels.ll and kernels.s to a folder; throws IoError.
void dump_kernels(const ir::Graph& graph, const std::string& folder,
                  const CompileOptions& options = {});

}  // namespace ndl::codegen
