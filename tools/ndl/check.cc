// ndl check: compiled code and passes against the reference interpreter, on random inputs.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "codegen/target.h"
#include "tools/agreement.h"
#include "tools/io/file.h"
#include "tools/ndl/commands.h"
#include "tools/ndl/compile_graph.h"
#include "tools/ndl/help.h"
#include "tools/ndl/load.h"
#include "tools/ndl/numbers.h"
#include "tools/ndl/pass_flags.h"
#include "tools/ndl/target_flags.h"

namespace ndl::tools {
namespace {

constexpr const char* kExamples =
    "  ndl check m.ndl\n"
    "  ndl check tests/golden/run/*.ndl --iterations=100 --threads=3\n"
    "  ndl check m.ndl --seed=7 --iterations=1 --disable=fuse\n"
    "  ndl check m.ndl -p vjp,default                    the gradient that vjp makes, compiled\n"
    "  Inputs are random; indices are mostly in range. Results must have equal bits after every\n"
    "  pass and in compiled code; the first pass that changes one is named. Where a pass, such as\n"
    "  vjp, gives the graph other parameters or results, checking begins with what it makes.\n";

struct Options {
  std::vector<std::string> files;
  std::string seed = "0";
  std::string iterations = "10";
  TargetFlags target;
  PassFlags passes;
};

// The numbers of the command line.
struct Plan {
  std::uint64_t seed;
  std::uint64_t iterations;
  std::string cpu;
  int threads;
};

Lowering lower(const std::string& file, const PassFlags& passes, const std::string& cpu) {
  Lowering lowering;
  lowering.source = load_graph(file);
  const ir::Graph graph =
      passes.run(lowering.source, cpu,
                 [&](const passes::PassRecord& record, const ir::Graph&, const ir::Graph& after) {
                   if (!has_same_signature(lowering.source, after)) {
                     lowering.source = after;
                     lowering.stages.clear();
                   } else if (record.changed) {
                     lowering.stages.push_back({record.name, after});
                   }
                 });
  lowering.program = compile_after_passes(graph, cpu);
  check_running_bytes(*lowering.program, {});
  return lowering;
}

// What a difference may come of that is no mistake.
std::string note_of(const std::string& cpu) {
  if (codegen::target_named(cpu).has_fma) return "";
  return fmt::format(
      "note: {} has no fused multiply and add: exp, log, sin and the like are as exact there, but "
      "may differ in their last bits (docs/accuracy.md)\n",
      cpu);
}

ExitCode check(const std::string& file, const PassFlags& passes, const Plan& plan) {
  const Lowering lowering = lower(file, passes, plan.cpu);
  for (std::uint64_t i = 0; i < plan.iterations; ++i) {
    const std::uint64_t seed = plan.seed + i;
    const auto disagreement = find_disagreement(lowering, seed, plan.threads);
    if (!disagreement) continue;
    write_stdout(fmt::format("{}: {} differs\n", display_path(file), disagreement->where));
    write_stderr(fmt::format("error: {}: {} changes results with --seed={}\n{}{}",
                             display_path(file), disagreement->where, seed, disagreement->what,
                             note_of(plan.cpu)));
    return kMismatch;
  }
  write_stdout(fmt::format("{}: ok\n", display_path(file)));
  return kOk;
}

int run(const Options& options) {
  if (options.files.empty()) throw_error<UsageError>("no file is given; '-' reads standard input");
  const Plan plan{static_cast<std::uint64_t>(parse_count("--seed", options.seed)),
                  static_cast<std::uint64_t>(parse_count("--iterations", options.iterations)),
                  options.target.cpu(), options.target.threads()};
  if (plan.iterations == 0) throw_error<UsageError>("--iterations: 0 would check nothing");
  options.passes.flags();
  std::size_t agree = 0;
  // A mismatch is worse than a file that cannot be checked.
  ExitCode worst = kOk;
  for (const std::string& file : options.files) {
    ExitCode code = kOk;
    try {
      code = check(file, options.passes, plan);
    } catch (const BrokenPipe&) {
      throw;
    } catch (...) {
      const Failure failure = current_failure();
      write_stdout(fmt::format("{}: not checked\n", display_path(file)));
      write_stderr(failure.report);
      code = failure.code;
    }
    agree += code == kOk ? 1 : 0;
    if (worst == kOk || code == kMismatch) worst = code;
  }
  if (options.files.size() > 1) {
    write_stdout(fmt::format("{} of {} files agree\n", agree, options.files.size()));
  }
  return worst;
}

}  // namespace

Command add_check(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* app =
      add_command(parent, "check",
                  "compare compiled code and passes with the interpreter, bit for bit", kExamples);
  app->add_option("FILE", options->files, "graphs; - reads standard input");
  app->add_option("--seed", options->seed, "of the first inputs; each iteration has the next")
      ->type_name("N")
      ->default_str(options->seed)
      ->group("Checking");
  app->add_option("--iterations", options->iterations, "inputs to try")
      ->type_name("N")
      ->default_str(options->iterations)
      ->group("Checking");
  options->target.add_cpu(*app);
  options->target.add_threads(*app);
  options->passes.add_to(*app, codegen::CompileOptions{}.pipeline);
  return {app, [options] { return run(*options); }};
}

}  // namespace ndl::tools
