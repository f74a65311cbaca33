// ndl run: a graph on inputs, its results to the terminal or to files, compared with what is
// expected.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "codegen/program.h"
#include "ir/interpreter.h"
#include "ir/shown_elements.h"
#include "tools/compare.h"
#include "tools/format_literal.h"
#include "tools/io/file.h"
#include "tools/io/npy.h"
#include "tools/io/npz.h"
#include "tools/ndl/commands.h"
#include "tools/ndl/compile_graph.h"
#include "tools/ndl/help.h"
#include "tools/ndl/inputs.h"
#include "tools/ndl/load.h"
#include "tools/ndl/numbers.h"
#include "tools/ndl/pass_flags.h"
#include "tools/ndl/target_flags.h"

namespace ndl::tools {
namespace {

constexpr const char* kExamples =
    "  ndl run m.ndl --input=x=3xf32=\"100 100 101\"       values\n"
    "  ndl run m.ndl --input=x=64x784xf32 --seed=1       random ones\n"
    "  ndl run m.ndl --input=x=3xf32=@x.npy --input=y=4xf32=ones --output=@out.npz\n"
    "  ndl run m.ndl --input=3xf32=iota --expect=3xf32=@want.npy --rtol=1e-6\n"
    "  ndl run m.ndl --input=x=3xf32 --interpret          the meaning of the graph, not compiled\n"
    "  An input is [NAME=]TYPE[=SOURCE]; SOURCE is values, @F.npy, @F.npz:KEY, zeros, ones, iota,\n"
    "  rand[:LOW:HIGH] or randn[:MEAN:DEVIATION].\n";

struct Options {
  std::string file;
  std::vector<std::string> inputs;
  std::vector<std::string> expected;
  std::string output = "-";
  std::string seed = "0";
  std::string rtol = "0";
  std::string atol = "0";
  std::string memory_limit;
  bool wide = false;
  bool interpret = false;
  bool check_nan = false;
  TargetFlags target;
  PassFlags passes;
};

enum class Format { kText, kNpy, kNpz };

Format output_format(const std::string& output, std::size_t results) {
  if (output == "-") return Format::kText;
  if (!output.starts_with('@')) {
    throw_error<UsageError>("--output: '{}' is none of -, @FILE.npy, @FILE.npz", excerpt(output));
  }
  if (output.ends_with(".npz")) return Format::kNpz;
  if (!output.ends_with(".npy")) {
    throw_error<UsageError>("--output: '{}' ends neither in .npy nor in .npz", excerpt(output));
  }
  if (results != 1) {
    throw_error<UsageError>("--output: an .npy file holds one tensor, the result is {}: use .npz",
                            results);
  }
  return Format::kNpy;
}

void write_results(const std::vector<ir::Literal>& results, bool is_tuple, Format format,
                   const std::string& output) {
  const std::string path = output.substr(format == Format::kText ? 0 : 1);
  switch (format) {
    case Format::kText:
      write_stdout((is_tuple ? format_tuple(results) : format_literal(results[0])) + "\n");
      if (std::ranges::any_of(results, ir::is_elided, &ir::Literal::shape)) {
        write_stderr("note: not all elements are shown; --output=@FILE.npz writes them\n");
      }
      return;
    case Format::kNpy:
      return write_file(path, encode_npy(results[0]));
    case Format::kNpz: {
      std::vector<std::pair<std::string, ir::Literal>> arrays;
      for (const ir::Literal& result : results) {
        arrays.emplace_back(result_name(arrays.size()), result);
      }
      return write_file(path, encode_npz(arrays));
    }
  }
}

// What differs, for people; "" if nothing does.
std::string compare_results(const std::vector<ir::Literal>& results,
                            const std::vector<std::optional<ir::Literal>>& expected,
                            const Tolerance& tolerance) {
  std::string report;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!expected[i]) continue;
    const Comparison comparison = compare(results[i], *expected[i], tolerance);
    if (comparison.count != 0) report += describe(comparison, i, results[i], *expected[i]);
  }
  return report;
}

void check_input_bytes(const ir::Graph& graph, std::optional<std::int64_t> limit) {
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < graph.num_parameters(); ++i) {
    // Types that differ from the arguments' have been refused, so the sum is that of real sizes.
    const bool overflows =
        __builtin_add_overflow(bytes, graph.type(graph.parameter(i)).bytes(), &bytes);
    if (overflows || (limit && bytes > *limit)) {
      throw_error<ResourceError>("the inputs need {} bytes, limit {}",
                                 overflows ? "more than 2^63" : fmt::to_string(bytes),
                                 limit ? fmt::to_string(*limit) : "2^63");
    }
  }
}

// Compiled, and refused before anything is read or computed when memory is short.
std::shared_ptr<const codegen::Program> compile(const ir::Graph& graph, const std::string& cpu,
                                                std::optional<std::int64_t> memory_limit) {
  auto program = compile_after_passes(graph, cpu);
  check_running_bytes(*program, memory_limit);
  return program;
}

int run(const Options& options) {
  // 1. All of the command line that can be checked without reading files.
  const auto seed = static_cast<std::uint64_t>(parse_count("--seed", options.seed));
  const Tolerance tolerance{parse_tolerance("--atol", options.atol),
                            parse_tolerance("--rtol", options.rtol)};
  const int threads = options.target.threads();
  const std::string& cpu = options.target.cpu();
  const bool interprets = options.interpret || options.wide || options.check_nan;
  if (interprets) {
    options.target.refuse("the interpreter compiles for no CPU and runs on one thread; leave out " +
                          std::string(options.interpret ? "--interpret"
                                      : options.wide    ? "--wide"
                                                        : "--check-nan"));
  }
  ir::InterpretOptions interpret_options;
  interpret_options.wide = options.wide;
  interpret_options.check_nan = options.check_nan;
  if (!options.memory_limit.empty()) {
    interpret_options.memory_limit = parse_bytes("--memory-limit", options.memory_limit);
  }

  // 2. The graph after its passes, which may have given it other parameters and results, and which
  // input and expectation goes where.
  const ir::Graph source = load_graph(options.file);
  const ir::Graph graph = options.passes.run(source, interprets ? std::string() : cpu);
  const std::vector<Spec> input_specs = bind_inputs(graph, options.inputs);
  const auto expected_specs = bind_expected(graph, options.expected, options.wide);
  const ir::Type type = graph.result_type();
  const Format format = output_format(options.output, type.elements().size());
  check_input_bytes(graph, interpret_options.memory_limit);
  if (!interprets) options.passes.dump_kernels(graph, cpu);
  const std::shared_ptr<const codegen::Program> program =
      interprets ? nullptr : compile(graph, cpu, interpret_options.memory_limit);

  // 3. The tensors.
  const std::vector<ir::Literal> inputs = make_inputs(graph, input_specs, seed);
  std::vector<std::optional<ir::Literal>> expected(expected_specs.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!expected_specs[i]) continue;
    expected[i] = make_expected(type.elements()[i], *expected_specs[i], seed, options.wide);
  }

  // 4. The results.
  const std::vector<ir::Literal> results =
      interprets ? ir::interpret(graph, inputs, interpret_options) : program->run(inputs, threads);
  write_results(results, type.is_tuple(), format, options.output);
  const std::string differences = compare_results(results, expected, tolerance);
  if (differences.empty()) return kOk;
  write_stderr("error: " + differences);
  return kMismatch;
}

}  // namespace

Command add_run(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* app = add_command(parent, "run", "run a graph on inputs", kExamples);
  app->add_option("FILE", options->file, "the graph; - reads standard input");

  add_specs(*app, "-i,--input", options->inputs, "a parameter's value; again for the next")
      ->group("Data");
  app->add_option("-o,--output", options->output, "where the results go")
      ->type_name("-|@FILE.npy|@FILE.npz")
      ->default_str("-")
      ->group("Data");
  app->add_option("--seed", options->seed, "of random inputs")
      ->type_name("N")
      ->default_str("0")
      ->group("Data");

  add_specs(*app, "--expect", options->expected, "a result's value; again for the next")
      ->group("Checking");
  app->add_option("--rtol", options->rtol, "relative error allowed; without both, equal bits")
      ->type_name("X")
      ->default_str("0")
      ->group("Checking");
  app->add_option("--atol", options->atol, "absolute error allowed")
      ->type_name("X")
      ->default_str("0")
      ->group("Checking");

  app->add_flag("--check-nan", options->check_nan,
                "interpret, and stop at the first op that makes a NaN or an infinity")
      ->group("Checking");
  app->add_flag("--interpret", options->interpret,
                "run the reference interpreter, on one thread; no passes but -p")
      ->group("Running");
  app->add_flag("--wide", options->wide, "interpret, with every float as f64")->group("Running");
  app->add_option("--memory-limit", options->memory_limit, "most memory that values may take")
      ->type_name("BYTES[K|M|G]")
      ->default_str("what is available")
      ->group("Running");
  options->target.add_cpu(*app);
  options->target.add_threads(*app);
  options->passes.add_to(*app, codegen::CompileOptions{}.pipeline);
  return {app, [options] { return run(*options); }};
}

}  // namespace ndl::tools
