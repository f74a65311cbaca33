// ndl bench: how long a compiled graph takes.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "codegen/launch_counts.h"
#include "codegen/program.h"
#include "runtime/buffer.h"
#include "tools/io/file.h"
#include "tools/ndl/bench_report.h"
#include "tools/ndl/commands.h"
#include "tools/ndl/compile_graph.h"
#include "tools/ndl/help.h"
#include "tools/ndl/inputs.h"
#include "tools/ndl/load.h"
#include "tools/ndl/numbers.h"
#include "tools/ndl/pass_flags.h"
#include "tools/ndl/target_flags.h"
#include "tools/random_inputs.h"
#include "tools/timing.h"

namespace ndl::tools {
namespace {

constexpr const char* kExamples =
    "  ndl bench m.ndl                               random inputs\n"
    "  ndl bench m.ndl --input=x=@x.npy --threads=1\n"
    "  ndl bench m.ndl --json > old.json\n"
    "  ndl bench m.ndl --compare=old.json            new times over old ones; an error if slower\n";

struct Options {
  std::string file;
  std::vector<std::string> inputs;
  std::string seed = "0";
  std::string min_time = "0.5";
  std::string compare;
  std::string max_slowdown = "0.1";
  bool json = false;
  TargetFlags target;
  PassFlags passes;
};

std::vector<ir::Literal> make_all_inputs(const ir::Graph& graph,
                                         const std::vector<std::optional<Spec>>& specs,
                                         std::uint64_t seed) {
  std::vector<ir::Literal> inputs = random_inputs(graph, seed, InputKind::kOrdinary);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (specs[i]) inputs[i] = make_input(graph, i, *specs[i], seed);
    inputs[i] = inputs[i].dense();
  }
  return inputs;
}

Timing time_program(const codegen::Program& program, const std::vector<ir::Literal>& inputs,
                    double seconds, int threads) {
  std::vector<runtime::BufferView> arguments;
  for (const ir::Literal& input : inputs) {
    // A view is of bytes that may be written; inputs are not.
    arguments.push_back({const_cast<std::byte*>(input.bytes()), input.type().bytes()});
  }
  std::vector<runtime::Buffer> outputs;
  std::vector<runtime::BufferView> results;
  for (const ir::TensorType& type : program.outputs()) {
    results.push_back(outputs.emplace_back(runtime::Buffer::allocate(type.bytes())).view());
  }
  return time_calls([&] { program.run_into(arguments, results, threads); }, seconds);
}

int run(const Options& options) {
  // 1. All of the command line that can be checked without reading files.
  const auto seed = static_cast<std::uint64_t>(parse_count("--seed", options.seed));
  const double seconds = parse_tolerance("--min-time", options.min_time);
  const double max_slowdown = parse_tolerance("--max-slowdown", options.max_slowdown);
  BenchResult result;
  result.threads = options.target.threads();
  const std::string& cpu = options.target.cpu();

  // 2. The graph, compiled.
  const ir::Graph source = load_graph(options.file);
  const std::string old = options.compare.empty() ? "" : read_text(options.compare);
  const auto start = std::chrono::steady_clock::now();
  // In what is readable it is plain what is an index.
  const auto [readable, graph] = prepare(source, options.passes, cpu);
  const auto specs = bind_given_inputs(readable, options.inputs);
  const auto program = compile_after_passes(graph, cpu);
  result.compile_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  check_running_bytes(*program, {});
  options.passes.dump_kernels(graph, cpu);

  // 3. The calls.
  result.name = source.name();
  result.kernels = codegen::count_launches(graph).front().kernels();
  result.bytes = running_bytes(*program) - program->executable()->arena_bytes();
  const std::vector<ir::Literal> inputs = make_all_inputs(readable, specs, seed);
  result.timing = time_program(*program, inputs, seconds, result.threads);
  if (options.compare.empty()) {
    write_stdout(options.json ? bench_json(result) : bench_text(result));
    return kOk;
  }
  const BenchComparison comparison = compare_bench(result, old, options.compare);
  // JSON is data; what a person reads beside it goes to standard error.
  if (options.json) {
    write_stdout(bench_json(result));
    write_stderr(comparison.table);
  } else {
    write_stdout(bench_text(result) + "\n" + comparison.table);
  }
  if (comparison.slowdown <= 1 + max_slowdown) return kOk;
  write_stderr(fmt::format("error: '{}' takes {:.3f} times as long as in '{}', limit {:.3f}\n",
                           result.name, comparison.slowdown, display_path(options.compare),
                           1 + max_slowdown));
  return kMismatch;
}

}  // namespace

Command add_bench(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* app =
      add_command(parent, "bench", "measure how long a compiled graph takes", kExamples);
  app->add_option("FILE", options->file, "the graph; - reads standard input");
  add_specs(*app, "-i,--input", options->inputs, "a parameter's value; the others are random")
      ->group("Data");
  app->add_option("--seed", options->seed, "of random inputs")
      ->type_name("N")
      ->default_str(options->seed)
      ->group("Data");
  app->add_option("--min-time", options->min_time, "how long to go on calling")
      ->type_name("SECONDS")
      ->default_str(options->min_time)
      ->group("Measuring");
  app->add_option("--compare", options->compare, "a report to compare with, as --json writes")
      ->type_name("OLD.json")
      ->group("Output");
  app->add_option("--max-slowdown", options->max_slowdown,
                  "how much slower than OLD.json is an error: 0.1 is 10 %")
      ->type_name("X")
      ->default_str(options->max_slowdown)
      ->group("Output");
  app->add_flag("--json", options->json, "as JSON in the shape of Google Benchmark's")
      ->group("Output");
  options->target.add_cpu(*app);
  options->target.add_threads(*app);
  options->passes.add_to(*app, codegen::CompileOptions{}.pipeline);
  return {app, [options] { return run(*options); }};
}

}  // namespace ndl::tools
