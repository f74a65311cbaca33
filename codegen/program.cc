#include "codegen/program.h"

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/raw_ostream.h>

#include <atomic>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/flags.h"
#include "codegen/counters.h"
#include "codegen/emit_kernel.h"
#include "codegen/jit.h"
#include "codegen/kernel_cache.h"
#include "codegen/lower_graph.h"
#include "codegen/memory_plan.h"
#include "codegen/partition.h"
#include "codegen/target.h"
#include "ir/math/convert.h"
#include "ir/printer.h"
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
  return passes::run_pipeline(graph, passes::parse_pipeline(options.pipeline), run_options);
}

// A name that linkers take, and no function of a library has.
std::string kernel_symbol(const Schedule& schedule, std::size_t kernel) {
  return fmt::format("ndl_{}_{}", kernel, schedule.kernels[kernel].name);
}

runtime::BufferSpec buffer_spec(const ir::TensorType& type) {
  return {type.bytes(), static_cast<std::int64_t>(size_of(type.dtype))};
}

// What the code throws for an index out of range; the program whose graph it runs knows where.
class CheckError : public IndexError {
 public:
  CheckError(const std::string& message, std::size_t check) : IndexError(message), check_(check) {}
  std::size_t check() const { return check_; }

 private:
  std::size_t check_;  // of the schedule
};

// `number` is that of the check in the schedule.
[[noreturn]] void raise(const IndexCheck& check, std::size_t number, std::int64_t status,
                        void* const* buffers) {
  const std::int64_t position = status - 1;
  const std::int64_t index = visit_dtype(check.dtype, [&]<class T>(std::type_identity<T>) {
    return ir::math::convert_element<std::int64_t>(static_cast<const T*>(buffers[0])[position]);
  });
  throw CheckError(check.message(position, index), number);
}

std::shared_ptr<const runtime::Executable> make_executable(
    Schedule schedule, const std::vector<CompiledKernel>& kernels, const Target& target) {
  runtime::ExecutableSpec spec;
  // Not the graph's: graphs of other names may share the code.
  spec.name = "program";
  // Slots: inputs, outputs, constants, temporaries.
  std::vector<std::int32_t> slot(schedule.buffers.size(), -1);
  std::int32_t slots = 0;
  for (const std::int32_t input : schedule.inputs) {
    spec.inputs.push_back(buffer_spec(schedule.buffers[static_cast<std::size_t>(input)].type));
    slot[static_cast<std::size_t>(input)] = slots++;
  }
  for (const std::int32_t output : schedule.outputs) {
    spec.outputs.push_back(buffer_spec(schedule.buffers[static_cast<std::size_t>(output)].type));
    slot[static_cast<std::size_t>(output)] = slots++;
  }
  for (std::size_t i = 0; i < schedule.constants.size(); ++i) {
    const ir::Literal& literal = schedule.constant_values[i];
    runtime::Buffer buffer = runtime::Buffer::allocate(literal.type().bytes());
    if (literal.size() != 0) {
      std::memcpy(buffer.data(), literal.bytes(), static_cast<std::size_t>(buffer.bytes()));
    }
    spec.constants.push_back(std::move(buffer));
    slot[static_cast<std::size_t>(schedule.constants[i])] = slots++;
  }
  const Lives lives = lives_of(schedule);
  const MemoryPlan plan = plan_memory(lives.values);
  verify_memory_plan(lives.values, plan);
  spec.arena_bytes = plan.arena_bytes;
  for (std::size_t i = 0; i < lives.values.size(); ++i) {
    spec.temporaries.push_back({plan.offsets[i], lives.values[i].bytes});
    slot[static_cast<std::size_t>(lives.buffers[i])] = slots++;
  }
  spec.outputs_over = schedule.outputs_over;
  for (const Launch& launch : schedule.launches) {
    runtime::KernelCall call;
    call.joins_previous = launch.joins_previous;
    for (const std::int32_t buffer : launch.buffers) {
      call.buffers.push_back(slot[static_cast<std::size_t>(buffer)]);
    }
    if (launch.library) {
      call.function = launch.library->function;
      call.extent = launch.library->rows;
      call.grain = launch.library->grain;
      call.name = launch.library->name;
    } else {
      const LoopNest& nest = schedule.kernels[launch.kernel];
      const Partition rows = partition(nest, target);
      call.function = kernels[launch.kernel].function;
      call.extent = rows.rows;
      call.grain = rows.grain;
      call.name = nest.name;
    }
    spec.kernels.push_back(std::move(call));
  }
  spec.code = std::make_shared<const std::vector<CompiledKernel>>(kernels);
  std::vector<std::int32_t> check_of;  // each launch
  for (const Launch& launch : schedule.launches) check_of.push_back(launch.check);
  spec.raise = [check_of = std::move(check_of), checks = std::move(schedule.checks)](
                   std::size_t kernel, std::int64_t status, void* const* buffers) {
    if (check_of[kernel] < 0) return;
    const auto check = static_cast<std::size_t>(check_of[kernel]);
    raise(checks[check], check, status, buffers);
  };
  return std::make_shared<const runtime::Executable>(std::move(spec));
}

}  // namespace

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
  throw IndexError(Diagnostic{schedule.checks[check].location, error.message(), ""});
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
  if (!flags.dump_to.empty()) {
    static std::atomic<int> programs{0};
    to.folder = fmt::format("{}/{:04}-{}", flags.dump_to, programs++, graph.name());
    passes::make_dump_folder(to.folder, "NDL_FLAGS: ");
  }
  const std::string folder = to.folder;
  ir::Graph fused =
      passes::run_and_show(graph, passes::parse_pipeline(options.pipeline), flags, std::move(to));
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
  Schedule schedule = lower_graph(shown_fused_graph(graph, options));
  const std::vector<CompiledKernel> kernels =
      compiled_kernels(schedule.kernels, schedule.keys, target);
  return std::make_shared<const Program>(graph, options,
                                         make_executable(std::move(schedule), kernels, target));
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
  for (std::size_t i = 0; i < schedule.kernels.size(); ++i) {
    emit_kernel(*module, kernel_symbol(schedule, i), schedule.kernels[i], target);
  }
  if (stage == Stage::kAssembly) return emit_assembly(*module, target);
  if (stage == Stage::kObject) return emit_object(*module, target);
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, nullptr);
  return text;
}

}  // namespace ndl::codegen
