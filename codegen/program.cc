#include "codegen/program.h"

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/raw_ostream.h>

#include <atomic>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/flags.h"
#include "codegen/counters.h"
#include "codegen/emit_kernel.h"
#include "codegen/jit.h"
#include "codegen/launch_counts.h"
#include "codegen/lower_graph.h"
#include "codegen/make_executable.h"
#include "codegen/target.h"
#include "ir/printer.h"
#include "passes/cost_model.h"
#include "passes/pass.h"
#include "passes/show.h"

namespace ndl::codegen {
namespace {

// What NDL_FLAGS asks of every program, once.
const Flags& flags_of_process() {
  static const Flags flags = flags_from_environment(passes::check_flags);
  return flags;
}

ir::Graph fused_graph(const ir::Graph& graph, const CompileOptions& options) {
  passes::RunOptions run_options;
  run_options.disabled.insert(options.disable.begin(), options.disable.end());
  const std::vector<std::string>& disabled = flags_of_process().disable;
  run_options.disabled.insert(disabled.begin(), disabled.end());
  return passes::run_pipeline(graph, pipeline_for(options.pipeline, options.cpu), run_options);
}

// A name that linkers take, and no function of a library has.
std::string kernel_symbol(const LoopNest& nest, std::size_t kernel) {
  return fmt::format("ndl_{}_{}", kernel, nest.name);
}

}  // namespace

std::vector<passes::PipelineStep> pipeline_for(std::string_view pipeline, std::string_view cpu) {
  std::vector<passes::PipelineStep> steps = passes::parse_pipeline(pipeline);
  const std::int64_t cache = target_anywhere(cpu).cache_bytes;
  for (passes::PipelineStep& step : steps) {
    if (step.pass->name != "fuse" || cache <= 0) continue;
    step.options.try_emplace(std::string(passes::kCacheOption), std::to_string(cache));
  }
  return steps;
}

Program::Program(ir::Graph graph, CompileOptions options,
                 std::shared_ptr<const runtime::Executable> executable)
    : graph_(std::move(graph)),
      options_(std::move(options)),
      signature_(ir::signature_of(graph_)),
      executable_(std::move(executable)) {}

void Program::rethrow_at_node(const Error& error, std::size_t check) const {
  // Equal graphs have equal schedules but for the locations, so this one's are had by lowering it
  // once more, when something has failed and only then.
  const Schedule schedule = lower_graph(fused_graph(graph_, options_));
  throw IndexError(Diagnostic{all_checks(schedule)[check].location, error.message(), ""});
}

std::vector<runtime::Buffer> Program::run_buffers(std::span<const runtime::BufferView> inputs,
                                                  int threads,
                                                  std::span<runtime::Buffer> given) const {
  try {
    return executable_->run(inputs, threads, given);
  } catch (const CheckError& error) {
    rethrow_at_node(error, error.check());
  }
}

void Program::run_into(std::span<const runtime::BufferView> inputs,
                       std::span<const runtime::BufferView> outputs, int threads) const {
  try {
    executable_->run_into(inputs, outputs, threads);
  } catch (const CheckError& error) {
    rethrow_at_node(error, error.check());
  }
}

std::vector<ir::Literal> Program::run(std::span<const ir::Literal> inputs, int threads) const {
  ir::check_inputs(signature_, inputs);
  std::vector<ir::Literal> dense;
  std::vector<runtime::BufferView> views;
  for (const ir::Literal& input : inputs) {
    dense.push_back(input.dense());
    views.push_back({dense.back().bytes(), dense.back().type().bytes()});
  }
  std::vector<ir::Literal> results;
  std::vector<runtime::BufferView> targets;
  for (const ir::TensorType& type : outputs()) {
    results.push_back(ir::Literal::uninitialized(type));
    targets.push_back({results.back().bytes(), type.bytes()});
  }
  run_into(views, targets, threads);
  return results;
}

namespace {

// The same, shown as NDL_FLAGS asks. Programs that have been through passes before are not shown.
ir::Graph shown_fused_graph(const ir::Graph& graph, const CompileOptions& options) {
  if (options.pipeline.empty() || flags_of_process() == Flags{}) return fused_graph(graph, options);
  Flags flags = flags_of_process();
  flags.disable.insert(flags.disable.end(), options.disable.begin(), options.disable.end());
  passes::ShowTo to;
  to.launches = launch_table;
  if (!flags.dump_to.empty()) {
    static std::atomic<int> programs{0};
    to.folder = fmt::format("{}/{:04}-{}", flags.dump_to, programs++, graph.name());
    passes::make_dump_folder(to.folder, "NDL_FLAGS: ");
  }
  const std::string folder = to.folder;
  ir::Graph fused = passes::run_and_show(graph, pipeline_for(options.pipeline, options.cpu), flags,
                                         std::move(to));
  if (!folder.empty()) {
    CompileOptions done = options;
    done.pipeline = "";
    dump_kernels(fused, folder, done);
  }
  return fused;
}

}  // namespace

void dump_kernels(const ir::Graph& graph, const std::string& folder,
                  const CompileOptions& options) {
  const std::pair<Stage, const char*> files[] = {{Stage::kLoops, "kernels.loops"},
                                                 {Stage::kLlvm, "kernels.ll"},
                                                 {Stage::kAssembly, "kernels.s"}};
  for (const auto& [stage, name] : files) {
    passes::write_dump(fmt::format("{}/{}", folder, name), compile_to(graph, stage, options));
  }
}

std::shared_ptr<const Program> compile(const ir::Graph& graph, const CompileOptions& options) {
  internal::count_program(false);
  const Target target = target_named(options.cpu);
  const Schedule schedule = lower_graph(shown_fused_graph(graph, options));
  return std::make_shared<const Program>(graph, options, make_executable(schedule, target));
}

std::span<const std::string_view> stage_names() {
  static constexpr std::string_view kNames[] = {"graph", "fused", "loops", "llvm", "asm", "obj"};
  return kNames;
}

std::string compile_to(const ir::Graph& graph, Stage stage, const CompileOptions& options) {
  if (stage == Stage::kGraph) return ir::print(graph);
  const ir::Graph fused = fused_graph(graph, options);
  if (stage == Stage::kFused) return ir::print(fused);
  const Schedule schedule = lower_graph(fused);
  if (stage == Stage::kLoops) return to_string(schedule);
  const Target target = target_anywhere(options.cpu);
  llvm::LLVMContext context;
  const std::unique_ptr<llvm::Module> module = make_module(context, graph.name(), target);
  const std::vector<KeyedNest> kernels = distinct_kernels(schedule);
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    emit_kernel(*module, kernel_symbol(*kernels[i].nest, i), *kernels[i].nest, target);
  }
  if (stage == Stage::kAssembly) return emit_assembly(*module, target);
  if (stage == Stage::kObject) return emit_object(*module, target);
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, nullptr);
  return text;
}

}  // namespace ndl::codegen
